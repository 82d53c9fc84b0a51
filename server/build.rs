//! Compresses Scalar, which `/openapi` serves, so that neither the binary nor an answer contains it
//! uncompressed; and makes cargo notice page files that were added since the last build, because a
//! release binary contains them all.

use std::io::Write;
use std::path::PathBuf;
use std::{env, error, fs};

use flate2::{Compression, write::GzEncoder};
use sha1::{Digest, Sha1};

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=PAGE_FILES={}", page_files()?.display());
    if env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../target/site/pkg");
    }
    pack_scalar()
}

/// The folder of the page's files, whether they are built or not. Without a `..`: a debug build
/// refuses files whose canonical path does not begin with it.
fn page_files() -> Result<PathBuf, Box<dyn error::Error>> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).canonicalize()?;
    let workspace = manifest.parent().ok_or("the crate is in no workspace")?;
    Ok(workspace.join("target/site/pkg"))
}

fn pack_scalar() -> Result<(), Box<dyn error::Error>> {
    let script = scalar_api_reference::get_asset("scalar.js")
        .ok_or("scalar_api_reference holds no scalar.js")?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&script)?;
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(folder.join("scalar.js.gz"), packed.finish()?)?;
    let hash = Sha1::digest(&script);
    let revision: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=SCALAR_REVISION={revision}");
    Ok(())
}
