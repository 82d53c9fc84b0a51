//! Packs Scalar, which `/openapi` serves, so that neither the binary nor an answer carries it plain; and notices files of the page
//! that came since the last build: a release binary holds them all.

use std::io::Write;
use std::path::PathBuf;
use std::{env, error, fs};

use flate2::{Compression, write::GzEncoder};
use sha1::{Digest, Sha1};

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../target/site/pkg");
    }
    pack_scalar()
}

fn pack_scalar() -> Result<(), Box<dyn error::Error>> {
    let script = scalar_api_reference::get_asset("scalar.js").ok_or("scalar_api_reference holds no scalar.js")?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&script)?;
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(folder.join("scalar.js.gz"), packed.finish()?)?;
    let hash = Sha1::digest(&script);
    let revision: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=SCALAR_REVISION={revision}");
    Ok(())
}
