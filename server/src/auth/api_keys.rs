//! The keys of backends. Comparing takes the same time whatever was sent and whichever key it is.

use super::{KeyError, key_error::read};
use std::{fmt, path::Path};
use subtle::{Choice, ConstantTimeEq};

/// Bytes that a key has at least: 128 random bits in base64url are 22.
const SHORTEST: usize = 16;

/// The keys that may publish over HTTP.
pub struct ApiKeys(Vec<String>);

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.0.len())
    }
}

impl ApiKeys {
    /// Reads a file with one key a line; lines that are empty or begin with `#` are passed over.
    ///
    /// # Errors
    /// [`KeyError`]: it cannot be read, has no key, or one that is too short or has white space in it.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        Self::parse(&read("http.api_keys_file", path)?, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let key = line.trim();
            if key.is_empty() || key.starts_with('#') {
                continue;
            }
            if key.len() < SHORTEST || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(KeyError::BadApiKey { path: path.to_owned(), line: index + 1 });
            }
            keys.push(key.to_owned());
        }
        if keys.is_empty() {
            Err(KeyError::NoApiKey { path: path.to_owned() })
        } else {
            Ok(Self(keys))
        }
    }

    /// Whether `key` is one of them.
    #[must_use]
    pub fn accept(&self, key: &str) -> bool {
        self.0
            .iter()
            .fold(Choice::from(0), |found, known| found | known.as_bytes().ct_eq(key.as_bytes()))
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ApiKeys, KeyError> {
        ApiKeys::parse(text, Path::new("keys"))
    }

    #[test]
    fn one_a_line() {
        let keys =
            parse("# orders service\n  0123456789abcdef \n\r\n\nfedcba9876543210\r\n").unwrap();
        assert!(keys.accept("0123456789abcdef") && keys.accept("fedcba9876543210"));
        for wrong in
            ["", "0123456789abcdeg", "0123456789abcde", "0123456789abcdef ", "# orders service"]
        {
            assert!(!keys.accept(wrong), "{wrong}");
        }
        assert_eq!(format!("{keys:?}"), "ApiKeys(2)");
    }

    #[test]
    fn a_file_without_good_keys_is_refused() {
        for nothing in ["", "# only a comment\n"] {
            assert!(matches!(parse(nothing), Err(KeyError::NoApiKey { .. })), "{nothing}");
        }
        for bad in ["\nshort\n", "\n0123456789 abcdef\n", "\n0123456789abcdeü\n"] {
            assert!(matches!(parse(bad), Err(KeyError::BadApiKey { line: 2, .. })), "{bad}");
        }
    }
}
