//! How much history single topics have, by pattern.

use std::time::Duration;

use hub::history::Limits;
use toml::de::{DeTable, DeValue};

use super::History;
use super::kind::{Count, Found, Kind, Period, Size};
use crate::access::Pattern;

/// What is different for the topics of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryOverride {
    /// Which topics.
    pub pattern: Pattern,
    /// Instead of `history.messages`.
    pub messages: Option<usize>,
    /// Instead of `history.age`.
    pub age: Option<Duration>,
    /// Instead of `history.bytes`.
    pub bytes: Option<usize>,
}

impl History {
    /// What is kept of this topic: the first override whose pattern it matches counts.
    #[must_use]
    pub fn of(&self, topic: &str) -> Limits {
        let own = self.topics.iter().find(|own| own.pattern.matches(topic));
        Limits {
            messages: own.and_then(|own| own.messages).unwrap_or(self.messages),
            age: own.and_then(|own| own.age).unwrap_or(self.age),
            bytes: own.and_then(|own| own.bytes).unwrap_or(self.bytes),
        }
    }
}

/// The kinds of a topic's three limits, here and in the section itself.
pub(super) const MESSAGES: Count = Count(0..=10_000_000);
pub(super) const AGE: Period = Period(Duration::ZERO..=Duration::from_secs(30 * 24 * 3600));
pub(super) const BYTES: Size = Size(0..=super::units::GIB);

/// Tables in a file; in a variable the same in one line.
pub(super) struct HistoryOverrides;

impl Kind for HistoryOverrides {
    type Value = Vec<HistoryOverride>;

    fn read(&self, found: &Found<'_>) -> Option<Self::Value> {
        let list = |value: &DeValue<'_>| {
            value
                .as_array()?
                .iter()
                .map(|item| item.get_ref().as_table().and_then(read_one))
                .collect()
        };
        match found {
            Found::Toml(value) => list(value),
            Found::Text(text) => list(DeValue::parse(text).ok()?.get_ref()),
        }
    }

    fn show(&self, value: &Self::Value) -> String {
        let shown: Vec<String> = value.iter().map(show_one).collect();
        format!("[{}]", shown.join(", "))
    }

    fn allowed(&self) -> String {
        format!(
            "a list of tables with a pattern of topics (\"*\" is one segment between dots, \">\" at the end all that follow) and what is different \
             for them: messages ({}), age ({}), bytes ({}); such as [{{ pattern = \"prices.>\", messages = 1 }}]",
            MESSAGES.allowed(),
            AGE.allowed(),
            BYTES.allowed()
        )
    }
}

fn read_one(table: &DeTable<'_>) -> Option<HistoryOverride> {
    let known = ["pattern", "messages", "age", "bytes"];
    if table.keys().any(|key| !known.contains(&&**key.get_ref())) {
        return None;
    }
    let get = |key: &str| table.get(key).map(|value| Found::Toml(value.get_ref()));
    Some(HistoryOverride {
        pattern: Pattern::parse(table.get("pattern")?.get_ref().as_str()?)?,
        messages: get("messages")
            .map(|found| MESSAGES.read(&found))
            .map_or(Some(None), |read| read.map(Some))?,
        age: get("age").map(|found| AGE.read(&found)).map_or(Some(None), |read| read.map(Some))?,
        bytes: get("bytes")
            .map(|found| BYTES.read(&found))
            .map_or(Some(None), |read| read.map(Some))?,
    })
}

fn show_one(one: &HistoryOverride) -> String {
    let mut parts = vec![format!("pattern = {:?}", one.pattern.to_string())];
    parts.extend(one.messages.map(|messages| format!("messages = {}", MESSAGES.show(&messages))));
    parts.extend(one.age.map(|age| format!("age = {}", AGE.show(&age))));
    parts.extend(one.bytes.map(|bytes| format!("bytes = {}", BYTES.show(&bytes))));
    format!("{{ {} }}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_read_written_and_applied() {
        let text = r#"[{ pattern = "prices.>", messages = 1 }, { pattern = "*", age = "0s", bytes = "1KiB" }]"#;
        let read = HistoryOverrides.read(&Found::Text(text)).unwrap();
        assert_eq!(
            HistoryOverrides.read(&Found::Text(&HistoryOverrides.show(&read))),
            Some(read.clone())
        );
        let history = History { topics: read, ..History::default() };
        assert_eq!(history.of("prices.a").messages, 1);
        assert_eq!(history.of("prices.a").age, history.age);
        assert_eq!((history.of("b").age, history.of("b").bytes), (Duration::ZERO, 1024));
        assert_eq!(history.of("a.b").messages, history.messages);
    }

    #[test]
    fn what_is_wrong_in_an_override_is_refused() {
        for bad in [
            "[{}]",
            "[1]",
            "{}",
            r#"[{ pattern = "" }]"#,
            r#"[{ pattern = "a", mesages = 1 }]"#,
            r#"[{ pattern = "a", messages = -1 }]"#,
            r#"[{ pattern = "a", age = 5 }]"#,
        ] {
            assert_eq!(HistoryOverrides.read(&Found::Text(bad)), None, "{bad}");
        }
    }
}
