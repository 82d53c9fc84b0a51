//! Licences, sources and duplicates of the dependencies, by cargo-deny and `deny.toml`.
//!
//! Not part of `cargo xtask test`: compiling cargo-deny takes longer than most of its stages.

use anyhow::Result;

use crate::{process, setup, workspace};

/// Checks the dependencies. Further arguments are those of `cargo deny check`.
///
/// # Errors
/// If cargo-deny cannot be installed, or `deny.toml` does not allow a dependency.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    setup::cargo_deny()?;
    process::announce("dependencies");
    let mut deny = workspace::cargo(["deny", "check"]);
    process::run(deny.args(arguments).args(["licenses", "sources", "bans"]))
}
