//! A value that is never shown: not in the log, not by `check`, not in an error.

use std::fmt;

use super::kind::{Found, Kind};

/// Text that only [`Secret::reveal`] gives out.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A [`Secret`]; the empty text is none.
pub(super) struct Hidden;

impl Kind for Hidden {
    type Value = Option<Secret>;

    const SECRET: bool = true;

    fn read(&self, found: &Found<'_>) -> Option<Self::Value> {
        let text = found.text()?;
        Some((!text.is_empty()).then(|| Secret::new(text)))
    }

    fn show(&self, value: &Self::Value) -> String {
        if value.is_some() { "\"\" # given, but not shown" } else { "\"\"" }.to_owned()
    }

    fn allowed(&self) -> String {
        "a text, or \"\" for none".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown() {
        let secret = Hidden.read(&Found::Text("hunter2")).unwrap();
        for shown in [format!("{secret:?}"), Hidden.show(&secret)] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(secret.unwrap().reveal(), "hunter2");
    }
}
