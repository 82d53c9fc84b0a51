//! Brings in what the build and the tests need beyond Rust and Node, and says so. What it cannot
//! bring in, it names together with the way to get it.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{process, workspace};

/// Where Debian's package puts the browser; the Playwright configuration looks there too.
const DEBIAN_CHROMIUM: &str = "/usr/bin/chromium";

/// The oldest Node that the browser tests are run with.
const NODE_MAJOR: u32 = 20;

/// Adds the compiler's WebAssembly target.
///
/// # Errors
/// When it is not there and rustup is not either.
pub(crate) fn wasm_target() -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", workspace::WASM]);
    if process::answer(&mut rustc).is_some_and(|folder| Path::new(&folder).exists()) {
        return Ok(());
    }
    println!("installing the target {}", workspace::WASM);
    process::run(Command::new("rustup").args(["target", "add", workspace::WASM])).context(
        "the compiler has no WebAssembly target: install Rust by https://rustup.rs, or the package of your \
         distribution that holds the standard library for wasm32-unknown-unknown",
    )
}

/// Makes sure of Node.
///
/// # Errors
/// When it is missing or too old.
pub(crate) fn node() -> Result<()> {
    let version = process::answer(Command::new("node").arg("--version")).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next();
    let major: u32 = major.and_then(|major| major.parse().ok()).unwrap_or(0);
    ensure!(
        major >= NODE_MAJOR,
        "Node {NODE_MAJOR} or newer is needed, found {}: get it from https://nodejs.org",
        if version.is_empty() { "none" } else { &version },
    );
    Ok(())
}

/// Installs the packages that the lock file in the folder names, unless they are there.
///
/// # Errors
/// When npm cannot install them.
pub(crate) fn npm_packages(folder: &Path) -> Result<()> {
    let modified = |name| fs::metadata(folder.join(name)).and_then(|file| file.modified());
    let locked = modified("package-lock.json")?;
    if modified("node_modules/.package-lock.json").is_ok_and(|installed| installed >= locked) {
        return Ok(());
    }
    println!("installing the npm packages of {}", folder.display());
    process::run(Command::new("npm").current_dir(folder).args(["ci", "--no-audit", "--no-fund"]))
        .context("npm comes with Node: https://nodejs.org")
}

/// Makes sure of a Chromium: Debian's where it is or can be installed, else the one that Playwright
/// brings.
///
/// # Errors
/// When neither can be installed.
pub(crate) fn chromium(playwright: &Path) -> Result<()> {
    if Path::new(DEBIAN_CHROMIUM).exists() {
        return Ok(());
    }
    if is_debian() && is_root() {
        return debian_package("chromium");
    }
    println!("installing Playwright's chromium, unless it is there");
    process::run(Command::new("npx").current_dir(playwright).args(["playwright", "install", "chromium"]))
        .context("no Chromium for the browser tests: install the package `chromium` (Debian), or see `npx playwright install --help`")
}

/// Makes sure of valgrind, which counts instructions; on Linux, where the tests want it.
///
/// # Errors
/// When it is missing and cannot be installed.
pub(crate) fn valgrind() -> Result<()> {
    if !cfg!(target_os = "linux")
        || process::answer(Command::new("valgrind").arg("--version")).is_some()
    {
        return Ok(());
    }
    debian_package("valgrind").context(
        "no valgrind for the tests that count instructions: install your distribution's package",
    )
}

/// Makes sure of promtool, which tests the alerts.
///
/// # Errors
/// When it is missing and cannot be installed.
pub(crate) fn promtool() -> Result<()> {
    if process::answer(Command::new("promtool").arg("--version")).is_some() {
        return Ok(());
    }
    debian_package("prometheus").context(
        "no promtool for the tests of the alerts: it comes with https://prometheus.io/download",
    )
}

/// Makes sure of the proxies that the tests put before a gateway.
///
/// # Errors
/// When one is missing and cannot be installed.
pub(crate) fn proxies() -> Result<()> {
    for (program, version, package) in [
        ("nginx", "-v", "nginx-light"),
        ("caddy", "version", "caddy"),
        ("haproxy", "-v", "haproxy"),
    ] {
        if process::answer(Command::new(program).arg(version)).is_none() {
            debian_package(package).with_context(|| {
                format!(
                    "no {program} for the tests with proxies: install your distribution's package"
                )
            })?;
        }
    }
    Ok(())
}

/// Installs a package of Debian.
///
/// # Errors
/// When this is no Debian, or not its root, or the package cannot be had.
pub(crate) fn debian_package(name: &str) -> Result<()> {
    ensure!(
        is_debian() && is_root(),
        "{name} is a package of Debian, and only root can install it"
    );
    println!("installing Debian's {name}");
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    process::run(apt().arg("update"))?;
    process::run(apt().args(["install", "--yes", "--no-install-recommends", name]))
}

fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
}

fn is_root() -> bool {
    process::answer(Command::new("id").arg("-u")).is_some_and(|user| user == "0")
}
