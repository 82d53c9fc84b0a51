//! Compresses what is made while the process runs, once, for every client that takes it.

use std::io::{self, Write};

use brotli::{CompressorWriter, enc::BrotliEncoderParams};
use flate2::{Compression, write::GzEncoder};

use super::Encoding;

/// The highest quality, 11, takes eight times as long for a tenth of the size, and the first client
/// waits for it.
const BROTLI_QUALITY: i32 = 9;

/// Bytes that brotli hands on at once.
const BUFFER: usize = 4096;

/// `content` in this form.
///
/// # Errors
/// What the encoder says; writing to memory gives it no reason.
pub(super) fn compress(encoding: Encoding, content: &[u8]) -> io::Result<Vec<u8>> {
    match encoding {
        Encoding::Brotli => brotli(content),
        Encoding::Gzip => gzip(content),
        Encoding::Identity => Ok(content.to_vec()),
    }
}

fn brotli(content: &[u8]) -> io::Result<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    let mut encoder = CompressorWriter::with_params(Vec::new(), BUFFER, &params);
    encoder.write_all(content)?;
    Ok(encoder.into_inner())
}

fn gzip(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}
