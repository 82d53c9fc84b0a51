//! The size of a first visit without the document: each of the page's files once, in the smallest
//! form that browsers accept.

use std::{fs, path::Path};

use anyhow::{Result, ensure};

/// The most bytes of a first visit: the last figure (318,493) and a little more, because the
/// WebAssembly contains paths of the machine that built it. A higher budget needs a reason. 13 KB
/// of it are the gateway's own parser of frames, with its texts, so that the page refuses exactly
/// what the gateway refuses. 5.6 KB are wasm-bindgen's names for what the WebAssembly imports from
/// its script, and the script's comments: shortening them meant rewriting generated code, which
/// each version of wasm-bindgen may write in another way.
const BUDGET: u64 = 319_600;

/// The file's compressed forms, the smallest first.
const FORMS: [&str; 2] = ["br", "gz"];

/// The files that a first visit does not load: the fonts' licences, and characters that the page's
/// own texts do not use (`style/tokens.css`).
const NOT_LOADED: [&str; 2] = [".txt", "-more.woff2"];

/// Adds up the sizes of the page's files in `pkg`, prints them, and compares them with the budget.
///
/// # Errors
/// If the page is too large, or cannot be read.
pub(super) fn check(pkg: &Path) -> Result<()> {
    let mut total = 0;
    for file in super::files::below(pkg)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if FORMS.iter().any(|form| file.extension().is_some_and(|ending| ending == *form))
            || NOT_LOADED.iter().any(|end| name.ends_with(end))
        {
            continue;
        }
        let bytes = sent(&file)?;
        println!("{bytes:>9} {name}");
        total += bytes;
    }
    println!("{total:>9} bytes in all, of {BUDGET}");
    ensure!(total > 0, "there is no page in {}", pkg.display());
    ensure!(
        total <= BUDGET,
        "a first visit loads {total} bytes, {} more than the budget in {}",
        total - BUDGET,
        file!()
    );
    Ok(())
}

/// The size of the form that is sent.
fn sent(file: &Path) -> Result<u64> {
    for form in FORMS {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{form}"));
        if let Ok(found) = fs::metadata(&name) {
            return Ok(found.len());
        }
    }
    Ok(fs::metadata(file)?.len())
}
