//! Folders and the files below them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};

/// All files below a folder, ordered by their path.
///
/// # Errors
/// If a folder cannot be read.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            found.extend(below(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The last time at which the file, or anything in the folder, was written, added or removed.
///
/// # Errors
/// If there is no such file or folder.
pub(super) fn last_change(path: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot find {}", path.display()))?;
    let mut latest = metadata.modified()?;
    if metadata.is_dir() {
        for entry in entries(path)? {
            latest = latest.max(last_change(&entry)?);
        }
    }
    Ok(latest)
}

/// Creates the folder, removing its earlier contents.
///
/// # Errors
/// If the file system refuses.
pub(super) fn empty(folder: &Path) -> Result<()> {
    remove(folder)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Removes the folder if it is there.
///
/// # Errors
/// If the file system refuses.
pub(super) fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read =
        || -> io::Result<_> { fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect() };
    read().with_context(|| format!("cannot read {}", folder.display()))
}
