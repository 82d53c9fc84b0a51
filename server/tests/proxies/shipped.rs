//! A file of `deploy/`, adapted to a test by replacements that fail if they do not apply.

use std::path::Path;

pub(crate) struct Shipped(String);

impl Shipped {
    /// The file at this path below `deploy/`.
    pub(crate) fn read(path: &str) -> Self {
        Self(
            std::fs::read_to_string(
                Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path),
            )
            .unwrap(),
        )
    }

    /// Replaces every occurrence of `shipped` by `instead`.
    pub(crate) fn with(self, shipped: &str, instead: &str) -> Self {
        assert!(self.0.contains(shipped), "{shipped:?} is not in\n{}", self.0);
        Self(self.0.replace(shipped, instead))
    }

    /// The gateway's configuration that the comments at the head of the file contain.
    pub(crate) fn gateway_configuration(&self) -> String {
        let head = self.0.lines().take_while(|line| line.starts_with('#'));
        let lines: Vec<&str> = head.filter_map(|line| line.strip_prefix("#   ")).collect();
        assert!(!lines.is_empty(), "no configuration at the head of\n{}", self.0);
        lines.join("\n")
    }

    /// The seconds that follow `key`.
    pub(crate) fn seconds(&self, key: &str) -> u64 {
        let line = self
            .0
            .lines()
            .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(' '))
            .unwrap();
        line.trim_end_matches(';').strip_suffix('s').unwrap().parse().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}
