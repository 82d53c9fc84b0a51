//! Text files that the configuration names. Some editors begin them with a byte order mark, which
//! would become part of a secret, or save them as UTF-16.

use std::{fs, io, path::Path};

/// The text of the file at `path`, which is UTF-8, without a byte order mark. Blocks.
///
/// # Errors
/// It cannot be read, or is not UTF-8; for UTF-16 the error says so. It never shows what is in the
/// file.
pub fn read(path: &Path) -> io::Result<String> {
    String::from_utf8(read_bytes(path)?).map_err(|_| invalid("it is not UTF-8"))
}

/// The content of the file at `path`, which may be binary, without the byte order mark of a text.
/// Blocks.
///
/// # Errors
/// It cannot be read, or is UTF-16.
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    without_mark(fs::read(path)?)
}

fn without_mark(mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err(invalid("it is UTF-16: save it as UTF-8"));
    }
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    Ok(bytes)
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_again(content: &[u8]) -> io::Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, content).unwrap();
        assert_eq!(
            read_bytes(&path).ok(),
            read(&path).map(String::into_bytes).ok(),
            "both say the same of a text"
        );
        read(&path)
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        for (content, text) in [
            ("a\n", "a\n"),
            ("\u{feff}a\n", "a\n"),
            ("\u{feff}\u{feff}a", "\u{feff}a"),
            ("a\u{feff}", "a\u{feff}"),
            ("", ""),
        ] {
            assert_eq!(read_again(content.as_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn utf_16_is_told() {
        for content in [&b"\xFF\xFEa\0"[..], b"\xFE\xFF\0a"] {
            assert_eq!(
                read_again(content).unwrap_err().to_string(),
                "it is UTF-16: save it as UTF-8"
            );
        }
    }

    #[test]
    fn what_is_no_text_may_still_be_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"\x30\x82\xFF").unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "it is not UTF-8");
        assert_eq!(read_bytes(&path).unwrap(), b"\x30\x82\xFF");
    }
}
