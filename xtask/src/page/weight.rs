//! What a first visit loads besides the document: each of the page's files once, in the smallest
//! form that browsers take.

use std::{fs, path::Path};

use anyhow::{Result, ensure};

/// More than this is not let in without a reason: what was reached last (312,745), and a little
/// more, because the WebAssembly names folders of the machine that built it. 13 KB of it are the
/// gateway's own scanner of frames, with its texts: so the page refuses exactly what the gateway
/// refuses.
const BUDGET: u64 = 314_000;

/// The file's forms, the smallest first.
const FORMS: [&str; 2] = ["br", "gz"];

/// What a first visit does not load: the fonts' licences, and characters that the page itself does
/// not have (`style/tokens.css`).
const NOT_LOADED: [&str; 2] = [".txt", "-more.woff2"];

/// Adds up the page in `pkg`, says so, and holds it against the budget.
///
/// # Errors
/// When it is too heavy, or cannot be read.
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
