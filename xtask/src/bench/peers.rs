//! Installs the peers. A peer that cannot be installed is no failure: the report lists it as
//! skipped.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::{process, setup, workspace};

/// Debian's packages, and the file of each that is used.
const DEBIAN: [(&str, &str); 3] = [
    ("nats-server", "/usr/sbin/nats-server"),
    ("redis-server", "/usr/bin/redis-server"),
    ("libnginx-mod-nchan", "/usr/lib/nginx/modules/ngx_nchan_module.so"),
];

/// Installs what is missing, and prints what could not be installed.
pub(super) fn install(scripts: &Path) {
    process::announce("peers");
    let note = |what: &str, result: Result<()>| {
        if let Err(error) = result {
            println!("{what}: {error:#}");
        }
    };
    note("npm packages", npm(scripts));
    for (package, file) in DEBIAN {
        if !Path::new(file).exists() {
            note(package, setup::debian_package(package));
        }
    }
}

/// Copies the scripts beside the packages that they import.
fn npm(folder: &Path) -> Result<()> {
    setup::node()?;
    fs::create_dir_all(folder)?;
    let source = workspace::root().join("bench/peers/npm");
    for entry in
        fs::read_dir(&source).with_context(|| format!("cannot read {}", source.display()))?
    {
        let entry = entry?;
        copy(&entry.path(), &folder.join(entry.file_name()))?;
    }
    setup::npm_packages(folder)?;
    // If npm is configured to run no scripts of packages, the binary stays where it was downloaded.
    let bun = folder.join("node_modules/bun");
    if process::answer(Command::new(bun.join("bin/bun.exe")).arg("--version")).is_some() {
        return Ok(());
    }
    process::run(Command::new("node").current_dir(bun).arg("install.js"))
}

/// Copies the file unless it is there already: a changed lock file would make npm install its
/// packages again.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let content = fs::read(from)?;
    if !fs::read(to).is_ok_and(|present| present == content) {
        fs::write(to, content)?;
    }
    Ok(())
}
