//! The server's binary.

use std::{env::consts::EXE_SUFFIX, path::PathBuf, process::Command};

use anyhow::Result;

use crate::{process, workspace};

/// The build profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build; reads the page from the site's folder.
    Dev,
    /// The product: fast and small, with the page inside.
    Release,
}

/// Builds the server.
///
/// # Errors
/// If it does not compile.
pub(crate) fn build(profile: Profile) -> Result<()> {
    process::announce("server");
    let mut cargo = workspace::cargo(["build", "--package", "micro-socket"]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    process::run(&mut cargo)?;
    println!("built {}", binary(profile).display());
    Ok(())
}

/// Runs the server until it is stopped.
///
/// # Errors
/// If it cannot start, or exits with a failure.
pub(crate) fn run(profile: Profile, arguments: &[String]) -> Result<()> {
    process::announce("serving; ctrl-c ends it");
    process::run(Command::new(binary(profile)).args(arguments))
}

/// The path of the binary.
pub(crate) fn binary(profile: Profile) -> PathBuf {
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    let file = format!("micro-socket{EXE_SUFFIX}");
    workspace::target().join(folder).join(file)
}
