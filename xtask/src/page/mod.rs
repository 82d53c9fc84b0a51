//! The page's files, in the site's folder of `Leptos.toml`: WebAssembly and its script, the style,
//! the fonts.
//!
//! They are in a folder named after their content, their *revision*. So a browser may cache them
//! for ever, and the names by which they refer to each other (the style to its fonts, the script to
//! its modules) are relative and need no rewriting.

mod compress;
mod files;
mod never;
mod style;
mod weight;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::{process, setup, workspace};

/// Builds the page, unless it is newer than all its sources. Debug and release servers use the same
/// files.
///
/// # Errors
/// If the page does not compile, its style is not valid, or a file cannot be written.
pub(crate) fn build() -> Result<()> {
    process::announce("page");
    let options = workspace::leptos_options()?;
    let wasm = compile()?;
    let site = workspace::root().join(&*options.site_root);
    let pkg = site.join(&*options.site_pkg_dir);
    if is_newer(&pkg, &wasm)? {
        println!("{} is up to date", pkg.display());
        return Ok(());
    }
    let fresh = site.join("fresh");
    files::empty(&fresh)?;
    let unnamed = fresh.join("unnamed");
    bind(&wasm, &options.output_name, &unnamed)?;
    style::write(&unnamed, &options.output_name)?;
    let revision = revision(&unnamed)?;
    compress::all(&unnamed)?;
    fs::rename(&unnamed, fresh.join(&revision))?;
    files::remove(&pkg)?;
    fs::rename(&fresh, &pkg).context("the new page cannot replace the old one")?;
    println!("built {}", pkg.join(revision).display());
    Ok(())
}

/// Compares the size of a first visit with its budget.
///
/// # Errors
/// If the page is not built, or too large.
pub(crate) fn weigh() -> Result<()> {
    process::announce("size of the page");
    let options = workspace::leptos_options()?;
    weight::check(&workspace::root().join(&*options.site_root).join(&*options.site_pkg_dir))
}

/// Compiles the page's code; returns the compiler's output.
fn compile() -> Result<PathBuf> {
    setup::wasm_target()?;
    let profile = "wasm-release";
    process::run(workspace::cargo(["build", "--package", "micro-socket-frontend"]).args([
        "--target",
        workspace::WASM,
        "--profile",
        profile,
    ]))?;
    let built = workspace::target().join(workspace::WASM).join(profile);
    Ok(built.join("frontend.wasm"))
}

/// Whether the build is newer than all sources of the page.
fn is_newer(pkg: &Path, wasm: &Path) -> Result<bool> {
    let Ok(page) = fs::metadata(pkg) else {
        return Ok(false);
    };
    let sources = [wasm, &style::folder(), &workspace::leptos_toml(), &std::env::current_exe()?];
    for source in sources {
        if files::last_change(source)? > page.modified()? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes the WebAssembly that browsers run, and the script that loads it.
fn bind(wasm: &Path, name: &str, folder: &Path) -> Result<()> {
    let mut output = Bindgen::new()
        .input_path(wasm)
        .out_name(name)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .context("wasm-bindgen")?;
    never::take_out(output.wasm_mut())?;
    output.emit(folder).context("wasm-bindgen")
}

/// A name that changes with any file's name or content.
fn revision(folder: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files::below(folder)? {
        let content = fs::read(&file)?;
        let name = file.strip_prefix(folder)?.to_string_lossy();
        hash.update(format!("{name}\0{}\0", content.len()));
        hash.update(content);
    }
    let digest = hash.finalize();
    Ok(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}
