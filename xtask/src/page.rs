//! The page's files, in `target/site`: WebAssembly and its script, the style, the fonts.
//!
//! They lie in a folder named after their content, so that a browser may keep them for good and relative names
//! between them (the style's fonts, the script's modules) hold.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::{process, server::Profile, workspace};

const TARGET: &str = "wasm32-unknown-unknown";
const WASM_PROFILE: &str = "wasm-release";

/// Builds what is not there yet, or older than what it is made of.
///
/// # Errors
/// When the page does not compile, or a file cannot be written.
pub(crate) fn build(_profile: Profile) -> Result<()> {
    process::announce("page");
    let options = workspace::leptos_options()?;
    let wasm = compile()?;
    let site = workspace::root().join(&*options.site_root);
    let pkg = site.join(&*options.site_pkg_dir);
    let style = workspace::root().join("style");
    if up_to_date(&pkg, &[&wasm, &style])? {
        println!("{} is up to date", pkg.display());
        return Ok(());
    }
    let fresh = site.join("fresh");
    empty(&fresh)?;
    bind(&wasm, &options.output_name, &fresh)?;
    write_style(&style, &fresh, &options.output_name)?;
    let revision = revision(&fresh)?;
    empty(&pkg)?;
    fs::rename(&fresh, pkg.join(&revision))?;
    println!("built {}", pkg.join(revision).display());
    Ok(())
}

fn compile() -> Result<PathBuf> {
    process::run(&mut workspace::cargo(&[
        "build",
        "--package",
        "micro-socket-frontend",
        "--target",
        TARGET,
        "--profile",
        WASM_PROFILE,
    ]))?;
    Ok(workspace::target()
        .join(TARGET)
        .join(WASM_PROFILE)
        .join("frontend.wasm"))
}

fn bind(wasm: &Path, name: &str, folder: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .out_name(name)
        .generate(folder)
        .context("wasm-bindgen")
}

/// All style sheets in the order of their names' places here, then whatever else is there by name.
fn write_style(style: &Path, folder: &Path, name: &str) -> Result<()> {
    let mut text = String::new();
    for part in ["tokens.css", "components.css"] {
        let part = style.join(part);
        if part.exists() {
            text += &fs::read_to_string(part)?;
        }
    }
    fs::write(folder.join(format!("{name}.css")), text)?;
    let fonts = style.join("fonts");
    if fonts.exists() {
        fs::create_dir_all(folder.join("fonts"))?;
        for font in files(&fonts)? {
            let name = font.file_name().context("a font without a name")?;
            fs::copy(&font, folder.join("fonts").join(name))?;
        }
    }
    Ok(())
}

/// A name made of the content of all files.
fn revision(folder: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for file in files(folder)? {
        let name = file.strip_prefix(folder)?.to_string_lossy().into_owned();
        let content = fs::read(&file)?;
        hash.update(format!("{name}\0{}\0", content.len()));
        hash.update(content);
    }
    Ok(hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn up_to_date(made: &Path, of: &[&Path]) -> Result<bool> {
    if !made.exists() {
        return Ok(false);
    }
    let made = fs::metadata(made)?.modified()?;
    let xtask = std::env::current_exe()?;
    for source in of.iter().copied().chain([xtask.as_path()]) {
        if newest(source)? > made {
            return Ok(false);
        }
    }
    Ok(true)
}

/// When the newest of a folder's files was written, or the folder itself was changed.
fn newest(path: &Path) -> Result<SystemTime> {
    if !path.exists() {
        return Ok(SystemTime::UNIX_EPOCH);
    }
    let mut newest = fs::metadata(path)?.modified()?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(self::newest(&entry?.path())?);
        }
    }
    Ok(newest)
}

/// All files below a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
