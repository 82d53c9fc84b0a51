//! Shorter names for what the WebAssembly imports from its script: wasm-bindgen's names end in a
//! hash of 16 digits each, which does not compress, and occur in both files. Nothing else refers to
//! them. The script's comments and indentation are removed as well.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Result, ensure};
use walrus::Module;

/// The beginning of the names that wasm-bindgen makes.
const MADE: &str = "__wb";

/// The new name of each old one.
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
    /// Renames the imports in the script as well.
    ///
    /// # Errors
    /// If one of them does not occur there exactly once, or the file cannot be written.
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

/// Whether the line is a comment that documents types, which a browser does not read.
fn is_comment(line: &str) -> bool {
    ["/**", "* ", "*/"].iter().any(|begin| line.starts_with(begin))
}
