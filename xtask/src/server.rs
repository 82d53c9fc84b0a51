//! The server's binary.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::{process, workspace};

/// How far it is optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build; reads the page from `target/site`.
    Dev,
    /// The product: fast and small, with the page inside.
    Release,
}

impl Profile {
    /// The profile that a `--release` flag asks for.
    pub(crate) fn of(release: bool) -> Self {
        if release { Self::Release } else { Self::Dev }
    }
}

/// Builds it.
///
/// # Errors
/// When it does not compile.
pub(crate) fn build(profile: Profile) -> Result<()> {
    process::announce("server");
    let mut cargo = workspace::cargo(&["build", "--package", "micro-socket"]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    process::run(&mut cargo)?;
    println!("built {}", binary(profile).display());
    Ok(())
}

/// Serves until it is stopped.
///
/// # Errors
/// When it cannot start.
pub(crate) fn run(profile: Profile, arguments: &[String]) -> Result<()> {
    process::announce("http://127.0.0.1:3000/docs");
    process::run(Command::new(binary(profile)).args(arguments))
}

/// Where it is.
pub(crate) fn binary(profile: Profile) -> PathBuf {
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    workspace::target()
        .join(folder)
        .join(format!("micro-socket{}", std::env::consts::EXE_SUFFIX))
}
