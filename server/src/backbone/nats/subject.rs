//! The names of subjects and streams. All gateways of a fleet derive the same ones from
//! `backbone.name`, `backbone.shards` and a topic.
//!
//! | subject | what is published there |
//! |---|---|
//! | `{name}.{shard}.t.{topic}` | messages, stored by the stream `{name}-{shard}` |
//! | `{name}.{shard}.l.{topic}` | the same messages again, for attached gateways (`republish`) |
//! | `{name}.{shard}.b` | barriers, stored |
//! | `{name}.{shard}.e` | new lives of the numbering, stored |
//! | `{name}.s` | the question what each gateway says of itself |
//! | `{name}.r.{word}` | the answers |
//!
//! A topic is written in base64url, since a topic may contain characters that a subject may not.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hub::topic::Name;
use ring::digest::{SHA256, digest};

/// The names of one shard.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
    /// The stream.
    pub(super) stream: String,
}

impl Names {
    pub(super) fn new(name: &str, shard: usize) -> Self {
        Self { prefix: format!("{name}.{shard}"), stream: format!("{name}-{shard}") }
    }

    /// Where a topic's messages are published.
    pub(super) fn messages(&self, topic: &Name) -> String {
        format!("{}.t.{}", self.prefix, URL_SAFE_NO_PAD.encode(topic.as_str()))
    }

    /// Where a topic's stored messages are republished.
    pub(super) fn live(&self, topic: &Name) -> String {
        format!("{}.l.{}", self.prefix, URL_SAFE_NO_PAD.encode(topic.as_str()))
    }

    pub(super) fn barrier(&self) -> String {
        format!("{}.b", self.prefix)
    }

    pub(super) fn life(&self) -> String {
        format!("{}.e", self.prefix)
    }

    /// All subjects that the stream stores.
    pub(super) fn stored(&self) -> [String; 3] {
        [format!("{}.t.*", self.prefix), self.barrier(), self.life()]
    }

    /// From which subjects to which ones the stream republishes.
    pub(super) fn republished(&self) -> [String; 2] {
        [format!("{}.t.>", self.prefix), format!("{}.l.>", self.prefix)]
    }

    /// The topic whose messages have this subject. `None`: it is no such subject.
    pub(super) fn topic(&self, subject: &str) -> Option<Name> {
        let encoded = subject.strip_prefix(&self.prefix)?.strip_prefix(".t.")?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
        Name::new(text).ok()
    }
}

/// The shard of a topic: the same in every process and version.
pub(crate) fn shard_of(topic: &Name, shards: usize) -> usize {
    if shards == 1 {
        return 0;
    }
    let hash = digest(&SHA256, topic.as_str().as_bytes());
    let number =
        hash.as_ref().iter().take(4).fold(0, |number, byte| number << 8 | usize::from(*byte));
    number % shards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_subject_of_one_token_and_is_found_from_it() {
        let names = Names::new("fleet", 3);
        let longest = "ü".repeat(128);
        for topic in ["prices", "a.b.c", "a b*>", "*x.>y", "😀", longest.as_str()] {
            let topic = Name::new(topic.to_owned()).unwrap();
            let subject = names.messages(&topic);
            let token = subject.strip_prefix("fleet.3.t.").unwrap();
            assert!(!token.is_empty() && token.len() <= 342, "{token}");
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            assert_eq!(names.topic(&subject), Some(topic));
        }
        for other in ["fleet.3.b", "fleet.3.t.!", "fleet.2.t.cHJpY2Vz", "fleet.3.l.cHJpY2Vz"] {
            assert_eq!(names.topic(other), None, "{other}");
        }
    }

    #[test]
    fn a_topic_stays_in_its_shard() {
        // Another function would look for messages in streams that do not have them.
        let shards: Vec<_> =
            ["a", "b", "c", "prices"].map(|topic| shard_of(&Name::new(topic).unwrap(), 16)).into();
        assert_eq!(shards, [2, 6, 3, 9]);
    }
}
