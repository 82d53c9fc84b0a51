//! The kinds of values: how each is read from a file or from text, written, and described in an
//! error.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::list::quoted_list;
use super::origins::{AllowedOrigins, Origin};
use super::units::{parse_period, parse_size, show_period, show_size};

/// How a token becomes a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Any token that is not empty is the user's id.
    Demo,
    /// JSON Web Tokens, checked with the keys of `[auth]`.
    Jwt,
}

/// Who numbers the topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackboneKind {
    /// This process.
    Memory,
    /// A stream of NATS JetStream, which several gateways share.
    Nats,
    /// A topic of Kafka, which several gateways share.
    Kafka,
}

/// What keeps the sessions of a fleet, or its message ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// Whatever numbers the topics: this process, or the backbone's servers.
    Backbone,
    /// A Redis server.
    Redis,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A value as it was given.
pub(super) enum Found<'a> {
    /// In the file.
    Toml(&'a DeValue<'a>),
    /// In a variable or on the command line.
    Text(&'a str),
}

impl Found<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Toml(value) => value.as_str(),
            Self::Text(text) => Some(text),
        }
    }

    /// An array in a file, separated by commas in a variable.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Toml(value) => {
                value.as_array()?.iter().map(|item| item.get_ref().as_str()).collect()
            }
            Self::Text(text) => {
                Some(text.split(',').map(str::trim).filter(|text| !text.is_empty()).collect())
            }
        }
    }

    fn count(&self) -> Option<usize> {
        match self {
            Self::Toml(DeValue::Integer(number)) => {
                usize::from_str_radix(number.as_str(), number.radix()).ok()
            }
            Self::Toml(_) => None,
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// What values a key takes.
pub(super) trait Kind {
    type Value;
    /// Whether nobody may see a value of this kind.
    const SECRET: bool = false;
    /// `None` where the value is of another type or not allowed.
    fn read(&self, found: &Found<'_>) -> Option<Self::Value>;
    /// As a TOML value that [`Kind::read`] takes back.
    fn show(&self, value: &Self::Value) -> String;
    /// Ends the sentence "allowed: …".
    fn allowed(&self) -> String;
}

/// A name that may be a part of other names.
pub(super) struct Prefix;

impl Kind for Prefix {
    type Value = String;

    fn read(&self, found: &Found<'_>) -> Option<String> {
        let text = found.text()?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        ((1..=64).contains(&text.len()) && text.chars().all(is_plain)).then(|| text.to_owned())
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }

    fn allowed(&self) -> String {
        "1 to 64 letters, digits, - and _".to_owned()
    }
}

/// A whole number.
pub(super) struct Count(pub(super) RangeInclusive<usize>);

impl Kind for Count {
    type Value = usize;

    fn read(&self, found: &Found<'_>) -> Option<usize> {
        found.count().filter(|count| self.0.contains(count))
    }

    fn show(&self, value: &usize) -> String {
        value.to_string()
    }

    fn allowed(&self) -> String {
        format!("a whole number from {} to {}", self.0.start(), self.0.end())
    }
}

/// A number of bytes, with a unit or without.
pub(super) struct Size(pub(super) RangeInclusive<usize>);

impl Kind for Size {
    type Value = usize;

    fn read(&self, found: &Found<'_>) -> Option<usize> {
        let bytes = found.text().and_then(parse_size).or_else(|| found.count())?;
        self.0.contains(&bytes).then_some(bytes)
    }

    fn show(&self, value: &usize) -> String {
        quoted(&show_size(*value))
    }

    fn allowed(&self) -> String {
        let (least, most) = (show_size(*self.0.start()), show_size(*self.0.end()));
        format!(
            "a size from {least} to {most}, written \"64KiB\", \"1MiB\" or as a number of bytes"
        )
    }
}

/// A duration with a unit. Zero needs none.
pub(super) struct Period(pub(super) RangeInclusive<Duration>);

impl Kind for Period {
    type Value = Duration;

    fn read(&self, found: &Found<'_>) -> Option<Duration> {
        let zero = || found.count().filter(|count| *count == 0).map(|_| Duration::ZERO);
        found.text().and_then(parse_period).or_else(zero).filter(|period| self.0.contains(period))
    }

    fn show(&self, value: &Duration) -> String {
        quoted(&show_period(*value))
    }

    fn allowed(&self) -> String {
        let (least, most) = (show_period(*self.0.start()), show_period(*self.0.end()));
        format!("a duration from {least} to {most}, written \"500ms\", \"10s\", \"2m\" or \"1h\"")
    }
}

/// `true` or `false`.
pub(super) struct Switch;

impl Kind for Switch {
    type Value = bool;

    fn read(&self, found: &Found<'_>) -> Option<bool> {
        match found {
            Found::Toml(value) => value.as_bool(),
            Found::Text(text) => text.parse().ok(),
        }
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }

    fn allowed(&self) -> String {
        "true or false".to_owned()
    }
}

/// One of some words.
pub(super) struct Choice<T: 'static> {
    pub(super) of: &'static [(&'static str, T)],
    /// Follows the words in the error text.
    pub(super) note: &'static str,
}

impl<T: Copy + PartialEq> Kind for Choice<T> {
    type Value = T;

    fn read(&self, found: &Found<'_>) -> Option<T> {
        let text = found.text()?;
        self.of.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }

    fn show(&self, value: &T) -> String {
        let word = self.of.iter().find(|(_, candidate)| candidate == value);
        quoted(word.map_or("", |(word, _)| word))
    }

    fn allowed(&self) -> String {
        let words: Vec<String> = self.of.iter().map(|(word, _)| quoted(word)).collect();
        format!("{}{}", words.join(" or "), self.note)
    }
}

/// Web origins: an array in a file, separated by commas in a variable.
pub(super) struct OriginList;

impl Kind for OriginList {
    type Value = AllowedOrigins;

    fn read(&self, found: &Found<'_>) -> Option<AllowedOrigins> {
        let texts = found.texts()?;
        if texts.contains(&"*") {
            return Some(AllowedOrigins::Any);
        }
        texts.into_iter().map(Origin::parse).collect::<Option<_>>().map(AllowedOrigins::Only)
    }

    fn show(&self, value: &AllowedOrigins) -> String {
        match value {
            AllowedOrigins::Any => quoted_list(["*".to_owned()].into_iter()),
            AllowedOrigins::Only(origins) => quoted_list(origins.iter().map(Origin::to_string)),
        }
    }

    fn allowed(&self) -> String {
        "a list of origins, scheme and host without a path, such as [\"https://app.example.com\"], \
         or [\"*\"] for any (in a variable separated by commas)"
            .to_owned()
    }
}

/// Levels of the log.
pub(super) struct Filter;

impl Kind for Filter {
    type Value = String;

    /// Stricter than `tracing`, to which a misspelt level is the name of a module.
    fn read(&self, found: &Found<'_>) -> Option<String> {
        let text = found.text()?;
        let words_are_levels = text
            .split(',')
            .filter(|part| !part.contains('='))
            .all(|part| !part.is_empty() && part.parse::<LevelFilter>().is_ok());
        (words_are_levels && text.parse::<Targets>().is_ok()).then(|| text.to_owned())
    }

    fn show(&self, value: &String) -> String {
        quoted(value)
    }

    fn allowed(&self) -> String {
        "\"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\", and for single modules \
         \"info,micro_socket::hub=debug\""
            .to_owned()
    }
}

/// As a TOML string. None of the values that are shown holds a control character.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_not_taken_for_a_module() {
        for text in ["inof", "info,micro_socket=chatty", "", "info,,debug"] {
            assert_eq!(Filter.read(&Found::Text(text)), None, "{text}");
        }
        for text in ["warn", "info,micro_socket::hub=debug", "micro_socket=trace"] {
            assert_eq!(Filter.read(&Found::Text(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn zero_needs_no_unit_if_it_is_allowed() {
        let from_zero = Period(Duration::ZERO..=Duration::from_secs(1));
        let zero = DeValue::parse("0").unwrap();
        for found in
            [Found::Text("0"), Found::Text("0s"), Found::Text("0ms"), Found::Toml(zero.get_ref())]
        {
            assert_eq!(from_zero.read(&found), Some(Duration::ZERO));
            assert_eq!(
                Period(Duration::from_millis(1)..=Duration::from_secs(1)).read(&found),
                None
            );
        }
        for other in [
            Found::Text("1"),
            Found::Text("-0"),
            Found::Text("0.0"),
            Found::Text(""),
            Found::Toml(&DeValue::Boolean(false)),
        ] {
            assert_eq!(from_zero.read(&other), None);
        }
        assert_eq!(Size(0..=1).read(&Found::Text("0")), Some(0));
    }

    #[test]
    fn origins_are_read_from_a_variable_and_from_a_file() {
        let both = OriginList.read(&Found::Text("https://a.example, http://b.example:8080"));
        let value = DeValue::parse(r#"["https://a.example", "http://b.example:8080"]"#).unwrap();
        assert_eq!(both, OriginList.read(&Found::Toml(value.get_ref())));
        assert!(matches!(both, Some(AllowedOrigins::Only(origins)) if origins.len() == 2));
        assert_eq!(OriginList.read(&Found::Text("")), Some(AllowedOrigins::default()));
        assert_eq!(OriginList.read(&Found::Text("*")), Some(AllowedOrigins::Any));
        assert_eq!(OriginList.read(&Found::Text("https://a.example/path")), None);
    }
}
