//! What a reader has been told about its topics, and whether the next frame is allowed: numbers
//! rise by one, nothing comes twice, a loss is told. Besides the gateway's numbers it compares the
//! publishers' own numbers with what arrives, so that messages that were lost before they were
//! numbered, or stored twice, are found as well.

use protocol::{Message, Subscribed};
use std::collections::HashMap;

/// A violation of a guarantee.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{topic}: {seq_no} behind {position}: {} lost", seq_no - position - 1)]
    Gap { topic: String, position: u64, seq_no: u64 },
    #[error("{topic}: {seq_no} behind {position}: repeated or out of order")]
    NotAbove { topic: String, position: u64, seq_no: u64 },
    #[error("{topic}: a message without a subscription")]
    NotSubscribed { topic: String },
    #[error("{topic}: publisher {publisher}'s {number} behind its {before}, at {seq_no}")]
    Publisher { topic: String, publisher: u32, before: u64, number: u64, seq_no: u64 },
    #[error("{topic}: `recovered` without a position that was given")]
    NotAsked { topic: String },
    #[error("{topic}: resumed without `recovered`")]
    Untold { topic: String },
    #[error("{topic}: recovered from {position} of another epoch, or from beyond {seq_no}")]
    Recovered { topic: String, position: u64, seq_no: u64 },
    #[error("{topic}: the reader is at {position}, but {head} messages were acknowledged")]
    Tail { topic: String, position: u64, head: u64 },
}

/// A reader's state in one topic.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    pub(crate) epoch: String,
    /// The last number that was handled.
    pub(crate) position: u64,
    /// The position from which the gateway resumes if the client names none: its last receipt, or
    /// the number at which it began.
    receipt: u64,
    /// A receipt that was sent and may not have been read.
    sent: u64,
    /// The last number from each publisher.
    publishers: HashMap<u32, u64>,
    /// It has everything that was ever published.
    is_whole: bool,
}

/// All topics of one reader.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    topics: HashMap<String, Course>,
    /// Nothing was published before its topics were subscribed to.
    is_first: bool,
    /// A topic that continues without telling what was missed. Allowed only if the session is a new
    /// one.
    untold: Option<String>,
}

impl Ledger {
    /// Of a reader that has subscribed before anything was published.
    pub(crate) fn from_the_start() -> Self {
        Self { is_first: true, ..Self::default() }
    }

    /// The publisher's last number in a topic. `None`: unknown since a loss.
    pub(crate) fn last_of(&self, topic: &str, publisher: u32) -> Option<u64> {
        let course = self.topics.get(topic)?;
        course.publishers.get(&publisher).copied().or(course.is_whole.then_some(0))
    }

    pub(crate) fn course(&self, topic: &str) -> Option<&Course> {
        self.topics.get(topic)
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = (&str, &Course)> {
        self.topics.iter().map(|(topic, course)| (topic.as_str(), course))
    }

    /// Records that a receipt for each topic was sent.
    pub(super) fn receipted(&mut self) {
        self.topics.values_mut().for_each(|course| course.sent = course.position);
    }

    /// Records that the gateway has read the receipts.
    pub(super) fn confirmed(&mut self) {
        self.topics.values_mut().for_each(|course| course.receipt = course.sent);
    }

    /// Records that the next resume gives all positions.
    pub(crate) fn given(&mut self) {
        self.topics.values_mut().for_each(|course| course.receipt = course.position);
    }

    /// Records that the next resume gives no position, so that the gateway resumes from the last
    /// receipt.
    pub(super) fn back_to_receipts(&mut self) {
        for course in self.topics.values_mut() {
            if course.position != course.receipt {
                course.position = course.receipt;
                course.publishers.clear();
            }
        }
    }

    /// Returns how many messages may have been missed, if the gateway says so.
    pub(crate) fn subscribed(&mut self, frame: &Subscribed<'_>) -> Result<Option<u64>, Fault> {
        let (topic, seq_no) = (frame.topic.as_str(), frame.seq_no.get());
        let known = self.topics.get_mut(topic);
        match (frame.recovered, known) {
            (Some(true), Some(course))
                if course.epoch == frame.epoch.as_str() && course.position <= seq_no =>
            {
                return Ok(None);
            }
            (Some(true), Some(course)) => {
                return Err(Fault::Recovered {
                    topic: topic.to_owned(),
                    position: course.position,
                    seq_no,
                });
            }
            (Some(_), None) => return Err(Fault::NotAsked { topic: topic.to_owned() }),
            (None, Some(_)) => self.untold = Some(topic.to_owned()),
            _ => {}
        }
        let missed = frame
            .recovered
            .and(self.topics.get(topic))
            .map(|course| seq_no.saturating_sub(course.position));
        let course = Course {
            epoch: frame.epoch.to_string(),
            position: seq_no,
            receipt: seq_no,
            sent: seq_no,
            publishers: HashMap::new(),
            is_whole: self.is_first && !self.topics.contains_key(topic),
        };
        self.topics.insert(topic.to_owned(), course);
        Ok(missed)
    }

    /// All topics of a session were answered; `resumed`: it is the earlier session.
    pub(crate) fn ready(&mut self, resumed: bool) -> Result<(), Fault> {
        match self.untold.take().filter(|_| resumed) {
            Some(topic) => Err(Fault::Untold { topic }),
            None => Ok(()),
        }
    }

    pub(super) fn unsubscribed(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    pub(crate) fn message(&mut self, frame: &Message<'_>) -> Result<(), Fault> {
        let topic = || frame.topic.to_string();
        let Some(course) = self.topics.get_mut(frame.topic.as_str()) else {
            return Err(Fault::NotSubscribed { topic: topic() });
        };
        let (position, seq_no) = (course.position, frame.seq_no.get());
        if seq_no <= position {
            return Err(Fault::NotAbove { topic: topic(), position, seq_no });
        }
        if frame.prev_seq_no.map_or(seq_no - 1, protocol::SeqNo::get) > position {
            return Err(Fault::Gap { topic: topic(), position, seq_no });
        }
        course.position = seq_no;
        if let Some((publisher, number)) = origin(frame.data.get())
            && let Some(before) =
                course.publishers.insert(publisher, number).or(course.is_whole.then_some(0))
            && number != before + 1
        {
            return Err(Fault::Publisher { topic: topic(), publisher, before, number, seq_no });
        }
        Ok(())
    }

    /// Checks that the reader has every acknowledged message.
    pub(super) fn reaches(&self, topic: &str, head: u64) -> Result<(), Fault> {
        let position = self.course(topic).map_or(0, |course| course.position);
        if position >= head {
            Ok(())
        } else {
            Err(Fault::Tail { topic: topic.to_owned(), position, head })
        }
    }
}

/// A payload that names its publisher and the publisher's own number in the topic.
pub(crate) fn payload(publisher: u32, number: u64, len: usize) -> String {
    let head = format!("[{publisher},{number},\"");
    let filling = "x".repeat(len.saturating_sub(head.len() + 2));
    head + &filling + "\"]"
}

/// `None` if the payload was not made by [`payload`].
fn origin(data: &str) -> Option<(u32, u64)> {
    let (publisher, rest) = data.strip_prefix('[')?.split_once(',')?;
    let (number, _) = rest.split_once(',')?;
    Some((publisher.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Epoch, MessageId, Payload, SeqNo, Topic};

    fn subscribed(
        epoch: &'static str,
        seq_no: u64,
        recovered: Option<bool>,
    ) -> Subscribed<'static> {
        Subscribed {
            topic: Topic::new("t").unwrap(),
            seq_no: SeqNo::new(seq_no).unwrap(),
            epoch: Epoch::new(epoch).unwrap(),
            recovered,
            after: None,
        }
    }

    fn message(seq_no: u64, data: &str) -> Message<'_> {
        Message {
            topic: Topic::new("t").unwrap(),
            seq_no: SeqNo::new(seq_no).unwrap(),
            message_id: MessageId::new("m").unwrap(),
            data: Payload::parse(data).unwrap(),
            prev_seq_no: None,
            sig: None,
        }
    }

    fn at(seq_no: u64) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.subscribed(&subscribed("e", seq_no, None)).unwrap();
        ledger
    }

    #[test]
    fn a_loss_and_a_repeat_are_found() {
        let mut ledger = at(7);
        ledger.message(&message(8, "0")).unwrap();
        assert_eq!(
            ledger.message(&message(10, "0")),
            Err(Fault::Gap { topic: "t".into(), position: 8, seq_no: 10 })
        );
        assert_eq!(
            ledger.message(&message(8, "0")),
            Err(Fault::NotAbove { topic: "t".into(), position: 8, seq_no: 8 })
        );
        assert_eq!(
            ledger.reaches("t", 9),
            Err(Fault::Tail { topic: "t".into(), position: 8, head: 9 })
        );
        assert_eq!(ledger.reaches("t", 8), Ok(()));
        let sparse = Message { prev_seq_no: Some(SeqNo::new(8).unwrap()), ..message(20, "0") };
        ledger.message(&sparse).unwrap();
        let holed = Message { prev_seq_no: Some(SeqNo::new(21).unwrap()), ..message(22, "0") };
        assert!(matches!(ledger.message(&holed), Err(Fault::Gap { .. })));
    }

    #[test]
    fn a_resume_that_does_not_say_what_it_lost_is_found() {
        let mut ledger = at(7);
        ledger.subscribed(&subscribed("e", 9, None)).unwrap();
        assert_eq!(ledger.ready(true), Err(Fault::Untold { topic: "t".into() }));
        ledger.subscribed(&subscribed("e", 9, None)).unwrap();
        assert_eq!((ledger.ready(false), ledger.ready(true)), (Ok(()), Ok(())));
    }

    #[test]
    fn what_was_stored_twice_or_never_is_found() {
        let mut ledger = at(0);
        for (seq_no, number) in [(1, 4), (2, 5)] {
            ledger.message(&message(seq_no, &payload(3, number, 40))).unwrap();
        }
        ledger.message(&message(3, &payload(9, 1, 40))).unwrap();
        assert!(matches!(
            ledger.message(&message(4, &payload(3, 5, 40))),
            Err(Fault::Publisher { before: 5, number: 5, .. })
        ));
        assert!(matches!(
            ledger.message(&message(5, &payload(9, 3, 40))),
            Err(Fault::Publisher { before: 1, number: 3, .. })
        ));
    }

    #[test]
    fn a_reader_from_the_start_misses_no_first_message() {
        let begin = || {
            let mut ledger = Ledger::from_the_start();
            ledger.subscribed(&subscribed("e", 7, None)).unwrap();
            ledger
        };
        let mut ledger = begin();
        ledger.message(&message(8, &payload(3, 1, 40))).unwrap();
        assert_eq!((ledger.last_of("t", 3), ledger.last_of("t", 4)), (Some(1), Some(0)));
        let second = begin().message(&message(8, &payload(3, 2, 40)));
        assert!(matches!(second, Err(Fault::Publisher { before: 0, number: 2, .. })));
        let mut ledger = begin();
        ledger.subscribed(&subscribed("e", 9, Some(false))).unwrap();
        assert_eq!(ledger.last_of("t", 3), None, "not known since the loss");
        ledger.message(&message(10, &payload(3, 5, 40))).unwrap();
    }

    #[test]
    fn nothing_comes_without_a_subscription() {
        let mut ledger = at(0);
        ledger.unsubscribed("t");
        assert_eq!(
            ledger.message(&message(1, "0")),
            Err(Fault::NotSubscribed { topic: "t".into() })
        );
    }

    #[test]
    fn recovered_has_to_be_true() {
        let mut ledger = at(5);
        ledger.message(&message(6, "0")).unwrap();
        assert_eq!(ledger.subscribed(&subscribed("e", 9, Some(true))), Ok(None));
        assert!(
            matches!(ledger.message(&message(8, "0")), Err(Fault::Gap { position: 6, .. })),
            "it said that nothing is missing"
        );
        assert!(matches!(
            ledger.subscribed(&subscribed("other", 9, Some(true))),
            Err(Fault::Recovered { .. })
        ));
        assert!(matches!(
            ledger.subscribed(&subscribed("e", 2, Some(true))),
            Err(Fault::Recovered { .. })
        ));
        assert_eq!(ledger.subscribed(&subscribed("other", 9, Some(false))), Ok(Some(3)));
        ledger.message(&message(10, "0")).unwrap();
        assert!(matches!(
            Ledger::default().subscribed(&subscribed("e", 0, Some(true))),
            Err(Fault::NotAsked { .. })
        ));
    }

    #[test]
    fn a_resume_may_go_back_to_the_last_receipt() {
        let mut ledger = at(0);
        ledger.message(&message(1, &payload(1, 1, 20))).unwrap();
        ledger.receipted();
        ledger.confirmed();
        ledger.message(&message(2, &payload(1, 2, 20))).unwrap();
        ledger.back_to_receipts();
        ledger.subscribed(&subscribed("e", 2, Some(true))).unwrap();
        ledger.message(&message(2, &payload(1, 2, 20))).unwrap();
        assert_eq!(ledger.course("t").unwrap().position, 2);
    }

    #[test]
    fn a_payload_is_json_of_its_length() {
        let text = payload(7, 1234, 200);
        assert_eq!((text.len(), origin(&text)), (200, Some((7, 1234))));
        Payload::parse(&text).unwrap();
        assert_eq!(origin(r#"{"k":"v"}"#), None);
    }
}
