//! The page's style: the sheets of `style/` as one minified file, and the fonts beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use lightningcss::stylesheet::{MinifyOptions, ParserOptions, PrinterOptions, StyleSheet};

use crate::workspace;

/// The sheets, in the order in which they are concatenated.
const SHEETS: [&str; 3] = ["tokens.css", "components.css", "reference.css"];

/// The folder of the sheets and fonts.
pub(super) fn folder() -> PathBuf {
    workspace::root().join("style")
}

/// Writes `<name>.css` and `fonts/` into the folder.
///
/// # Errors
/// If a sheet is not valid CSS, is missing, or is not in the list.
pub(super) fn write(folder: &Path, name: &str) -> Result<()> {
    let style = self::folder();
    check_order(&style)?;
    let css: String =
        SHEETS.iter().map(|sheet| minified(&style.join(sheet))).collect::<Result<_>>()?;
    fs::write(folder.join(format!("{name}.css")), css)?;
    copy(&style.join("fonts"), &folder.join("fonts"))
}

fn check_order(style: &Path) -> Result<()> {
    for file in super::files::below(style)? {
        let sheet = file.strip_prefix(style)?.to_string_lossy();
        ensure!(
            !sheet.ends_with(".css") || SHEETS.contains(&&*sheet),
            "style/{sheet} is not in the list SHEETS of {}",
            file!(),
        );
    }
    Ok(())
}

fn minified(sheet: &Path) -> Result<String> {
    let css =
        fs::read_to_string(sheet).with_context(|| format!("cannot read {}", sheet.display()))?;
    let options =
        ParserOptions { filename: sheet.display().to_string(), ..ParserOptions::default() };
    // The errors borrow from the text, so they are returned as text.
    let mut parsed = StyleSheet::parse(&css, options).map_err(|error| anyhow!("{error}"))?;
    parsed.minify(MinifyOptions::default()).map_err(|error| anyhow!("{error}"))?;
    let minify = PrinterOptions { minify: true, ..PrinterOptions::default() };
    Ok(parsed.to_css(minify)?.code)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in super::files::below(from)? {
        fs::copy(&file, to.join(file.strip_prefix(from)?))?;
    }
    Ok(())
}
