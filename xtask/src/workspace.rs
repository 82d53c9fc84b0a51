//! Paths and options of the workspace.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use leptos_config::{LeptosOptions, get_config_from_str};

/// The target that the page is compiled for.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// The root folder of the repository.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// cargo's target folder.
pub(crate) fn target() -> PathBuf {
    let folder = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(folder)
}

/// The cargo that started this program, run in the workspace.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(arguments);
    cargo
}

/// The path of the file with the Leptos options.
pub(crate) fn leptos_toml() -> PathBuf {
    root().join("Leptos.toml")
}

/// The Leptos options; the server reads the same file.
///
/// # Errors
/// If the file cannot be read or parsed.
pub(crate) fn leptos_options() -> Result<LeptosOptions> {
    let file = leptos_toml();
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    get_config_from_str(&text).with_context(|| format!("{} is not valid", file.display()))
}
