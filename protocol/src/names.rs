//! Names and numbers of the protocol as types: parsed once at the edge, then trusted. Each text type borrows where it can,
//! so that the hot path checks a name in place and allocates nothing.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{borrow::Cow, fmt};

/// Why a text is not a valid name. The text is for people and says what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No bytes at all.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed; the limit in bytes.
    #[error("must be at most {0} bytes of UTF-8")]
    TooLong(usize),
    /// A control character (Unicode category Cc).
    #[error("must not contain control characters")]
    ControlCharacter,
    /// White space at the start or the end.
    #[error("must not begin or end with white space")]
    OuterWhiteSpace,
    /// Begins with `$`, which belongs to the server.
    #[error("must not begin with `$`: these topics belong to the server")]
    Reserved,
    /// A character outside of `A-Z a-z 0-9 _ -`.
    #[error("must consist of A-Z a-z 0-9 _ -")]
    Alphabet,
    /// Not a whole number from 1 to 2^53 - 1.
    #[error("must be a whole number from 1 to 9007199254740991")]
    NotACount,
    /// Not a whole number below 2^53.
    #[error("must be a whole number from 0 to 9007199254740991")]
    NotASequenceNumber,
}

fn check_length(text: &str, max: usize) -> Result<(), Invalid> {
    match text.len() {
        0 => Err(Invalid::Empty),
        n if n > max => Err(Invalid::TooLong(max)),
        _ => Ok(()),
    }
}

fn check_printable(text: &str) -> Result<(), Invalid> {
    let plain = text.bytes().all(|b| (0x20..0x7f).contains(&b));
    if !plain && text.chars().any(char::is_control) {
        return Err(Invalid::ControlCharacter);
    }
    Ok(())
}

/// A text newtype: construction checks, everything after that relies on it.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:expr, $schema:literal, |$text:ident| $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name<'a>(Cow<'a, str>);

        impl<'a> $name<'a> {
            /// The longest that it may be, in bytes of UTF-8.
            pub const MAX_BYTES: usize = $max;

            /// Checks `text`.
            ///
            /// # Errors
            /// [`Invalid`] says which rule it breaks.
            pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, Invalid> {
                let text = text.into();
                Self::check(&text)?;
                Ok(Self(text))
            }

            /// Checks without keeping.
            ///
            /// # Errors
            /// [`Invalid`] says which rule `text` breaks.
            pub fn check($text: &str) -> Result<(), Invalid> {
                check_length($text, Self::MAX_BYTES)?;
                $check
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same name, borrowed from this one.
            #[must_use]
            pub fn reborrow(&self) -> $name<'_> {
                $name(Cow::Borrowed(&self.0))
            }

            /// The same, independent of what it was read from.
            #[must_use]
            pub fn into_owned(self) -> $name<'static> {
                $name(Cow::Owned(self.0.into_owned()))
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name<'_> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name<'_> {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "minLength": 1, "maxLength": $max, "pattern": $schema })
            }
        }
    };
}

name!(
    /// What messages are published to and subscriptions are for: 1 to 256 bytes of UTF-8 without control characters, without
    /// white space at either end, not beginning with `$`.
    Topic, 256, r"^[^$\s\p{Cc}]([^\p{Cc}]*[^\s\p{Cc}])?$", |text| {
        check_printable(text)?;
        if text.trim().len() != text.len() {
            return Err(Invalid::OuterWhiteSpace);
        }
        if text.starts_with('$') {
            return Err(Invalid::Reserved);
        }
        Ok(())
    }
);

name!(
    /// A publisher's name for a message, the key of deduplication: 1 to 128 bytes without control characters.
    MessageId, 128, r"^\P{Cc}+$", |text| check_printable(text)
);

name!(
    /// Who somebody is: 1 to 256 bytes without control characters. In demo mode the token is the user id.
    UserId, 256, r"^\P{Cc}+$", |text| check_printable(text)
);

name!(
    /// One life of a topic's numbering. Opaque: compared for equality, nothing else.
    Epoch, 64, r"^[A-Za-z0-9_-]+$", |text| {
        if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') { Ok(()) } else { Err(Invalid::Alphabet) }
    }
);

/// A position in a topic's order: 0 is before the first message, then each message has the next one. Below 2^53, so that
/// JavaScript's numbers hold it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct SeqNo(u64);

impl SeqNo {
    /// The greatest number that the protocol can carry, 2^53 - 1.
    pub const MAX: u64 = (1 << 53) - 1;

    /// Checks the range.
    ///
    /// # Errors
    /// [`Invalid::NotASequenceNumber`] above [`SeqNo::MAX`].
    pub fn new(number: u64) -> Result<Self, Invalid> {
        if number > Self::MAX { Err(Invalid::NotASequenceNumber) } else { Ok(Self(number)) }
    }

    /// The number itself.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SeqNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for SeqNo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for SeqNo {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "SeqNo".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": Self::MAX })
    }
}

/// How many of a topic's newest messages a new subscription asks for: at least 1, below 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Newest(u64);

impl Newest {
    /// Checks the range.
    ///
    /// # Errors
    /// [`Invalid::NotACount`] for 0 and above [`SeqNo::MAX`].
    pub fn new(count: u64) -> Result<Self, Invalid> {
        if (1..=SeqNo::MAX).contains(&count) { Ok(Self(count)) } else { Err(Invalid::NotACount) }
    }

    /// The count itself.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Newest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Newest {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Newest".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": SeqNo::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn topics() {
        for good in ["prices", "a", "a/b", "ä.ö", "a b", "x$", &"t".repeat(256)] {
            assert!(Topic::new(good).is_ok(), "{good:?}");
        }
        let bad = [
            ("", Invalid::Empty),
            (" a", Invalid::OuterWhiteSpace),
            ("a\u{3000}", Invalid::OuterWhiteSpace),
            ("a\nb", Invalid::ControlCharacter),
            ("a\u{85}b", Invalid::ControlCharacter),
            ("$sys", Invalid::Reserved),
            (&"ä".repeat(129), Invalid::TooLong(256)),
        ];
        for (text, why) in bad {
            assert_eq!(Topic::new(text).unwrap_err(), why, "{text:?}");
        }
    }

    #[test]
    fn message_ids_may_hold_white_space_but_no_control_characters() {
        assert!(MessageId::new(" a ").is_ok());
        assert_eq!(MessageId::new("a\u{0}").unwrap_err(), Invalid::ControlCharacter);
        assert_eq!(MessageId::new("x".repeat(129)).unwrap_err(), Invalid::TooLong(128));
    }

    #[test]
    fn epochs_have_a_small_alphabet() {
        assert!(Epoch::new("aZ0_-").is_ok());
        assert_eq!(Epoch::new("a.b").unwrap_err(), Invalid::Alphabet);
    }

    #[test]
    fn sequence_numbers_stay_exact_in_javascript() {
        assert_eq!(SeqNo::new(SeqNo::MAX).unwrap().get(), 9_007_199_254_740_991);
        assert!(SeqNo::new(SeqNo::MAX + 1).is_err());
        assert!(serde_json::from_str::<SeqNo>("1.0").is_err());
        assert!(serde_json::from_str::<SeqNo>("-1").is_err());
        assert!(Newest::new(SeqNo::MAX).is_ok() && Newest::new(0).is_err() && Newest::new(SeqNo::MAX + 1).is_err());
    }
}
