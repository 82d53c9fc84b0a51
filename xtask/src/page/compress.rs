//! Stores `name.br` and `name.gz` beside each file, if they are smaller by at least a twentieth;
//! the server serves them. Fonts are compressed already: a few bytes less are not worth
//! decompressing them twice.

use std::{
    ffi::OsString,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Result;
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};

/// Compresses all files below the folder, at the highest levels.
///
/// # Errors
/// If a file cannot be read or written.
pub(super) fn all(folder: &Path) -> Result<()> {
    for file in super::files::below(folder)? {
        let content = fs::read(&file)?;
        for (ending, compressed) in [(".br", brotli(&content)?), (".gz", gzip(&content)?)] {
            if compressed.len() * 20 <= content.len() * 19 {
                fs::write(with_ending(&file, ending), compressed)?;
            }
        }
    }
    Ok(())
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality: 11,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut compressed, &parameters)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    name.into()
}
