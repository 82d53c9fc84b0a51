//! What a first visit loads: each of the page's files once, in the smallest form that browsers take.

use std::{fs, path::Path};

use anyhow::{Result, ensure};

/// More than this is not let in without a reason: what was reached last, and a little more.
const BUDGET: u64 = 385_000;

/// The file's forms, the smallest first; licences of the fonts are not loaded.
const FORMS: [&str; 2] = ["br", "gz"];
const NOT_LOADED: &str = "txt";

/// Adds up the page in `pkg`, says so, and holds it against the budget.
///
/// # Errors
/// When it is too heavy, or cannot be read.
pub(super) fn check(pkg: &Path) -> Result<()> {
    let mut total = 0;
    for file in super::files::below(pkg)? {
        let ending = file.extension().unwrap_or_default();
        if FORMS.iter().any(|form| ending == *form) || ending == NOT_LOADED {
            continue;
        }
        let bytes = sent(&file)?;
        println!("{bytes:>9} {}", file.file_name().unwrap_or_default().to_string_lossy());
        total += bytes;
    }
    println!("{total:>9} bytes in all, of {BUDGET}");
    ensure!(total > 0, "there is no page in {}", pkg.display());
    ensure!(total <= BUDGET, "a first visit loads {total} bytes, {} more than the budget in {}", total - BUDGET, file!());
    Ok(())
}

/// The bytes of the form that is sent.
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
