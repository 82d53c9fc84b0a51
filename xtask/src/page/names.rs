//! Shorter names for what the WebAssembly has from its script: wasm-bindgen's end in a hash of 16
//! digits each, which no compression makes smaller, and stand in both files. Nobody else sees them.
//! The script's comments and indentation go as well.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Result, ensure};
use walrus::Module;

/// The beginning of the names that wasm-bindgen has made.
const MADE: &str = "__wb";

/// Old names and new ones.
pub(super) struct Renamed(BTreeMap<String, String>);

/// Renames the imports of the module.
pub(super) fn shorten(module: &mut Module) -> Renamed {
    let mut names = BTreeMap::new();
    for import in module.imports.iter_mut().filter(|import| import.name.starts_with(MADE)) {
        let number = names.len();
        let short = names.entry(import.name.clone()).or_insert_with(|| format!("i{number}"));
        import.name.clone_from(short);
    }
    Renamed(names)
}

impl Renamed {
    /// Renames them in the script as well.
    ///
    /// # Errors
    /// When one of them does not stand there exactly once, or the file cannot be written.
    pub(super) fn in_script(&self, script: &Path) -> Result<()> {
        let text = fs::read_to_string(script)?;
        let (mut out, mut count) = (String::with_capacity(text.len()), 0);
        for line in text.split_inclusive('\n').map(str::trim_start).filter(|line| !is_comment(line))
        {
            let name = line.split(':').next().unwrap_or_default();
            match self.0.get(name) {
                Some(short) => {
                    out += &line.replacen(name, short, 1);
                    count += 1;
                }
                None => out += line,
            }
        }
        ensure!(
            count == self.0.len(),
            "{count} of {} imports are in {}",
            self.0.len(),
            script.display()
        );
        Ok(fs::write(script, out)?)
    }
}

/// A line of a comment that documents types, of which a browser knows nothing.
fn is_comment(line: &str) -> bool {
    ["/**", "* ", "*/"].iter().any(|begin| line.starts_with(begin))
}
