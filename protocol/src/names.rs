//! Names and numbers of the protocol as types: checked when a frame is read, then trusted. Each
//! text type borrows if it can, so that the hot path checks a name in place and allocates nothing.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{borrow::Cow, fmt};

/// Why a text is not a valid name. The error's text is for people: what is allowed and what was
/// found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No bytes at all.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed, in bytes.
    #[error("must be at most {max} bytes of UTF-8, found {found}")]
    TooLong {
        /// The greatest length that is allowed.
        max: usize,
        /// The length of the text.
        found: usize,
    },
    /// A control character (Unicode category Cc).
    #[error("must not contain control characters, found U+{:04X}", u32::from(*.0))]
    ControlCharacter(char),
    /// White space at the start or the end.
    #[error("must not begin or end with white space, found U+{:04X}", u32::from(*.0))]
    OuterWhiteSpace(char),
    /// Begins with `$`, which is reserved for the server.
    #[error("must not begin with `$`: these topics belong to the server")]
    Reserved,
    /// A segment that is a wildcard in access rules.
    #[error("must not have the segment `{0}`: patterns are for access rules, a topic is one name")]
    Pattern(char),
    /// A character outside of `A-Z a-z 0-9 _ -`.
    #[error("must consist of A-Z a-z 0-9 _ -, found U+{:04X}", u32::from(*.0))]
    Alphabet(char),
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
        found if found > max => Err(Invalid::TooLong { max, found }),
        _ => Ok(()),
    }
}

fn check_printable(text: &str) -> Result<(), Invalid> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Ok(());
    }
    text.chars()
        .find(|c| c.is_control())
        .map_or(Ok(()), |found| Err(Invalid::ControlCharacter(found)))
}

/// Unicode's white space and U+FEFF. Together with the control characters, which are checked
/// separately, this is ECMAScript's `\s`.
fn is_white_space(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

fn check_ends(text: &str) -> Result<(), Invalid> {
    let ends = [text.chars().next(), text.chars().next_back()];
    let outer = ends.into_iter().flatten().find(|end| is_white_space(*end));
    outer.map_or(Ok(()), |found| Err(Invalid::OuterWhiteSpace(found)))
}

/// Refuses wildcard segments: a subscription to a pattern would be accepted and never deliver.
fn check_segments(text: &str) -> Result<(), Invalid> {
    let wild = |segment: &str| match segment {
        "*" => Some('*'),
        ">" => Some('>'),
        _ => None,
    };
    if !text.bytes().any(|b| b == b'*' || b == b'>') {
        return Ok(());
    }
    text.split('.').find_map(wild).map_or(Ok(()), |found| Err(Invalid::Pattern(found)))
}

/// The keyword by which a schema gives the longest length in bytes; its `maxLength` counts
/// characters, of which a text never has more than bytes.
pub const MAX_BYTES: &str = "x-maxBytes";

macro_rules! control_characters {
    () => {
        r"\u0000-\u001f\u007f-\u009f"
    };
}

/// White space other than control characters.
macro_rules! white_space {
    () => {
        r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
    };
}

const PRINTABLE: &str = concat!("^[^", control_characters!(), "]+$");

const TOPIC: &str = concat!(
    "^(?![$",
    white_space!(),
    r"])(?!(?:[^.]*\.)*[*>](?:\.|$))[^",
    control_characters!(),
    "]*[^",
    control_characters!(),
    white_space!(),
    "]$"
);

/// A text newtype: its constructor checks the rules, later code relies on them.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:expr, $pattern:expr, |$text:ident| $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name<'a>(Cow<'a, str>);

        impl<'a> $name<'a> {
            /// The greatest length, in bytes of UTF-8.
            pub const MAX_BYTES: usize = $max;

            /// All other rules as a regular expression of ECMA-262, for schemas. It uses no classes
            /// such as `\s` or `\p{Cc}`, because engines of other languages read them differently
            /// or not at all.
            pub const PATTERN: &'static str = $pattern;

            /// Checks `text`.
            ///
            /// # Errors
            /// [`Invalid`] says which rule it breaks.
            pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, Invalid> {
                let text = text.into();
                Self::check(&text)?;
                Ok(Self(text))
            }

            /// Checks `text` without keeping it.
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

            /// The same name, owning its text.
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
                json_schema!({ "type": "string", "minLength": 1, "maxLength": $max, "pattern": Self::PATTERN, MAX_BYTES: $max })
            }
        }
    };
}

name!(
    /// A topic's name: 1 to 256 bytes of UTF-8 without control characters, without white space at
    /// either end, not beginning with `$`, without a segment between dots that is just `*` or `>`.
    Topic, 256, TOPIC, |text| {
        check_printable(text)?;
        check_ends(text)?;
        if text.starts_with('$') {
            return Err(Invalid::Reserved);
        }
        check_segments(text)
    }
);

name!(
    /// A publisher's name for a message, the key of deduplication: 1 to 128 bytes without control characters.
    MessageId, 128, PRINTABLE, |text| check_printable(text)
);

name!(
    /// The id of a user: 1 to 256 bytes without control characters. In demo mode the token is the
    /// user id.
    UserId, 256, PRINTABLE, |text| check_printable(text)
);

name!(
    /// Identifies one life of a topic's numbering. Opaque: compared for equality only.
    Epoch, 64, "^[A-Za-z0-9_-]+$", |text| {
        let other = text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'));
        other.map_or(Ok(()), |found| Err(Invalid::Alphabet(found)))
    }
);

/// A position in a topic's order. 0 is before the first message; each message has a higher number
/// than the one before it: the next number, unless its `prevSeqNo` says otherwise. Below 2^53, so
/// that JavaScript's numbers hold it exactly.
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

/// How many of a topic's newest messages a client asks for: at least 1, below 2^53.
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
mod patterns;

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn topics() {
        for good in [
            "prices",
            "a",
            "a/b",
            "ä.ö",
            "a b",
            "x$",
            "a..b",
            ".",
            "a*.>b",
            "**",
            "a\u{feff}b",
            &"t".repeat(256),
        ] {
            assert!(Topic::new(good).is_ok(), "{good:?}");
        }
        let bad = [
            ("", Invalid::Empty),
            (" a", Invalid::OuterWhiteSpace(' ')),
            ("a\u{3000}", Invalid::OuterWhiteSpace('\u{3000}')),
            ("\u{feff}a", Invalid::OuterWhiteSpace('\u{feff}')),
            ("a\nb", Invalid::ControlCharacter('\n')),
            ("a\u{85}b", Invalid::ControlCharacter('\u{85}')),
            ("$sys", Invalid::Reserved),
            ("*", Invalid::Pattern('*')),
            (">", Invalid::Pattern('>')),
            ("prices.*", Invalid::Pattern('*')),
            ("*.prices", Invalid::Pattern('*')),
            ("a.>.b", Invalid::Pattern('>')),
            (&"ä".repeat(129), Invalid::TooLong { max: 256, found: 258 }),
        ];
        for (text, why) in bad {
            assert_eq!(Topic::new(text).unwrap_err(), why, "{text:?}");
        }
    }

    #[test]
    fn message_ids_may_hold_white_space_but_no_control_characters() {
        assert!(MessageId::new(" a ").is_ok());
        assert_eq!(MessageId::new("a\u{0}").unwrap_err(), Invalid::ControlCharacter('\0'));
        assert_eq!(
            MessageId::new("x".repeat(129)).unwrap_err(),
            Invalid::TooLong { max: 128, found: 129 }
        );
    }

    #[test]
    fn epochs_have_a_small_alphabet() {
        assert!(Epoch::new("aZ0_-").is_ok());
        assert_eq!(Epoch::new("a.b").unwrap_err(), Invalid::Alphabet('.'));
    }

    #[test]
    fn sequence_numbers_stay_exact_in_javascript() {
        assert_eq!(SeqNo::new(SeqNo::MAX).unwrap().get(), 9_007_199_254_740_991);
        assert!(SeqNo::new(SeqNo::MAX + 1).is_err());
        assert!(serde_json::from_str::<SeqNo>("1.0").is_err());
        assert!(serde_json::from_str::<SeqNo>("-1").is_err());
        assert!(
            Newest::new(SeqNo::MAX).is_ok()
                && Newest::new(0).is_err()
                && Newest::new(SeqNo::MAX + 1).is_err()
        );
    }
}
