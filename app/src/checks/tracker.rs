//! Tracks what was received of each topic and what that proves: order, gaps, repeats, and whether a
//! resume has missed anything. Makes the `setup` with which the page resumes. Must see every frame,
//! in the order of the wire; does not use the browser.

use protocol::{
    Ack, AckStatus, ClientFrame, Epoch, Message, Ready, SeqNo, ServerFrame, Setup, Subscribed,
};
use std::{borrow::Cow, collections::BTreeMap, ops::RangeInclusive};

/// The greatest number of holes that are kept for a topic; the oldest are forgotten first.
const MAX_HOLES: usize = 64;

/// How often each observation was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Messages; a repeat is not counted again.
    pub(crate) messages: u64,
    /// Messages that came after others with a higher number.
    pub(crate) late: u64,
    /// Messages that had come before.
    pub(crate) repeats: u64,
    /// Places where numbers are missing and the gateway has not told of a loss.
    pub(crate) gaps: u64,
    /// Publishes of this page that the gateway answered with `duplicate`.
    pub(crate) duplicates: u64,
}

/// The result of the last attempt to resume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Resume {
    /// No attempt was made.
    #[default]
    Untried,
    /// The attempt has not been answered yet.
    Asked { lost: u64 },
    /// Answered.
    Answered {
        /// Whether the session was resumed; otherwise the topics were taken over by a new one.
        same_session: bool,
        /// Topics in which messages may be missing.
        lost: u64,
        /// Messages that were replayed.
        replayed: u64,
    },
}

/// The figures that the checks show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) counts: Counts,
    pub(crate) resume: Resume,
}

/// A topic that the page is subscribed to.
#[derive(Debug)]
struct TopicState {
    epoch: Epoch<'static>,
    /// The position: the number of the last message, or the number after which the gateway said
    /// that the subscription goes on.
    last: u64,
    /// Messages up to this number belong to the replay.
    replay_to: u64,
    holes: Vec<RangeInclusive<u64>>,
}

/// The state of all topics.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    findings: Findings,
    topics: BTreeMap<Box<str>, TopicState>,
    session: Option<Box<str>>,
    /// The token of the last `setup` that was sent, and of the last that was accepted.
    token: (Box<str>, Box<str>),
    /// The connection is new, and no `setup` was sent on it.
    fresh: bool,
}

impl Tracker {
    /// A connection begins. The topics are kept until its `setup` shows whether it resumes.
    pub(crate) fn begin(&mut self) {
        self.fresh = true;
    }

    /// Records a frame that the page sends.
    pub(crate) fn sent(&mut self, frame: &ClientFrame<'_>) {
        if let ClientFrame::Setup(setup) = frame {
            self.setup_sent(setup);
        }
    }

    fn setup_sent(&mut self, setup: &Setup<'_>) {
        let resumes = setup.session_id.is_some() || !setup.last_seq.is_empty();
        if std::mem::take(&mut self.fresh) && !resumes {
            self.topics.clear();
            self.session = None;
        }
        if resumes {
            self.findings.resume = Resume::Asked { lost: 0 };
        }
        self.token.0 = setup.token.as_ref().into();
    }

    /// Records a frame that the gateway sent.
    pub(crate) fn received(&mut self, frame: &ServerFrame<'_>) {
        match frame {
            ServerFrame::Subscribed(subscribed) => self.subscribed(subscribed),
            ServerFrame::Unsubscribed(unsubscribed) => {
                drop(self.topics.remove(unsubscribed.topic.as_str()))
            }
            ServerFrame::Ready(ready) => self.ready(ready),
            ServerFrame::Message(message) => self.message(message),
            ServerFrame::Ack(Ack { status: AckStatus::Duplicate, .. }) => {
                self.findings.counts.duplicates += 1
            }
            ServerFrame::Ack(_) | ServerFrame::Error(_) | ServerFrame::Pong => {}
        }
    }

    fn subscribed(&mut self, subscribed: &Subscribed<'_>) {
        let (topic, head) = (subscribed.topic.as_str(), subscribed.seq_no.get());
        let is_known = self.topics.get(topic).is_some_and(|seen| seen.epoch == subscribed.epoch);
        let last = match (subscribed.after, subscribed.recovered) {
            (Some(after), _) => after.get(),
            (None, None) if is_known => return,
            (None, _) => head,
        };
        if let (Some(false), Resume::Asked { lost }) =
            (subscribed.recovered, &mut self.findings.resume)
        {
            *lost += 1;
        }
        let replay_to = if subscribed.recovered == Some(true) { head } else { 0 };
        self.topics.insert(
            topic.into(),
            TopicState {
                epoch: subscribed.epoch.clone().into_owned(),
                last,
                replay_to,
                holes: Vec::new(),
            },
        );
    }

    fn ready(&mut self, ready: &Ready<'_>) {
        self.session = Some(ready.session_id.as_ref().into());
        self.token.1 = self.token.0.clone();
        if let Resume::Asked { lost } = self.findings.resume {
            self.findings.resume =
                Resume::Answered { same_session: ready.resumed == Some(true), lost, replayed: 0 };
        }
    }

    fn message(&mut self, message: &Message<'_>) {
        let Some(seen) = self.topics.get_mut(message.topic.as_str()) else { return };
        let counts = &mut self.findings.counts;
        let number = message.seq_no.get();
        match seen.last {
            last if number <= last => {
                if !seen.fill_hole(number) {
                    counts.repeats += 1;
                    return;
                }
                counts.late += 1;
            }
            last => {
                let before = message.prev_seq_no.map_or(number - 1, SeqNo::get);
                if before > last {
                    counts.gaps += 1;
                    seen.add_hole(last + 1..=before);
                }
                seen.last = number;
            }
        }
        counts.messages += 1;
        if number <= seen.replay_to
            && let Resume::Answered { replayed, .. } = &mut self.findings.resume
        {
            *replayed += 1;
        }
    }

    /// The figures that the checks show.
    pub(crate) fn findings(&self) -> Findings {
        self.findings
    }

    /// The topics that the page is subscribed to, with their positions, as text.
    pub(crate) fn positions(&self) -> String {
        let mut places: Vec<String> = self
            .topics
            .iter()
            .take(3)
            .map(|(topic, seen)| format!("{topic} {}", seen.last))
            .collect();
        if self.topics.len() > places.len() {
            places.push(format!("{} more", self.topics.len() - places.len()));
        }
        places.join(", ")
    }

    /// The `setup` that resumes the session; `None` if there is no session.
    pub(crate) fn resumption(&self) -> Option<String> {
        let session = self.session.as_deref()?;
        let setup = Setup {
            token: Cow::Borrowed(&self.token.1),
            topics: self.topics.keys().map(|topic| Cow::Borrowed(&**topic)).collect(),
            session_id: Some(Cow::Borrowed(session)),
            last_seq: self
                .topics
                .iter()
                .filter_map(|(topic, seen)| {
                    Some((Cow::Borrowed(&**topic), SeqNo::new(seen.last).ok()?))
                })
                .collect(),
            epoch: self
                .topics
                .iter()
                .map(|(topic, seen)| (Cow::Borrowed(&**topic), seen.epoch.clone()))
                .collect(),
            last: BTreeMap::new(),
        };
        serde_json::to_string(&ClientFrame::Setup(setup)).ok()
    }
}

impl TopicState {
    fn add_hole(&mut self, numbers: RangeInclusive<u64>) {
        if self.holes.len() == MAX_HOLES {
            self.holes.remove(0);
        }
        self.holes.push(numbers);
    }

    /// Removes `number` from the holes; returns whether it was one.
    fn fill_hole(&mut self, number: u64) -> bool {
        let Some(at) = self.holes.iter().position(|hole| hole.contains(&number)) else {
            return false;
        };
        let hole = self.holes.swap_remove(at);
        let rest = [*hole.start()..=number - 1, number + 1..=*hole.end()];
        self.holes.extend(rest.into_iter().filter(|rest| !rest.is_empty()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies frames in order: `>` is sent, `<` is received.
    fn walk(tracker: &mut Tracker, frames: &[(char, String)]) {
        for (direction, text) in frames {
            match direction {
                '>' => tracker.sent(&ClientFrame::parse(text).unwrap()),
                _ => tracker.received(&ServerFrame::parse(text).unwrap()),
            }
        }
    }

    fn setup() -> (char, String) {
        ('>', r#"{"type":"setup","token":"me","topics":["t"]}"#.into())
    }

    fn subscribed(head: u64, epoch: &str, recovered: &str) -> (char, String) {
        (
            '<',
            format!(
                r#"{{"type":"subscribed","topic":"t","seqNo":{head},"epoch":"{epoch}"{recovered}}}"#
            ),
        )
    }

    fn ready(resumed: &str) -> (char, String) {
        let limits = r#""limits":{"maxFrame":1,"maxSubscriptions":1,"sessionTtlMs":1,"dedupWindowMs":1,"pingMs":1}"#;
        ('<', format!(r#"{{"type":"ready","sessionId":"s1"{resumed},{limits}}}"#))
    }

    fn message(number: u64) -> (char, String) {
        (
            '<',
            format!(
                r#"{{"type":"message","topic":"t","seqNo":{number},"messageId":"m","data":null}}"#
            ),
        )
    }

    fn subscribed_at(last: u64) -> Tracker {
        let mut tracker = Tracker::default();
        tracker.begin();
        walk(&mut tracker, &[setup(), subscribed(last, "e", ""), ready("")]);
        tracker
    }

    fn resumed(tracker: &mut Tracker) -> (char, String) {
        let resumption = tracker.resumption().unwrap();
        tracker.begin();
        ('>', resumption)
    }

    #[test]
    fn messages_in_order_hold() {
        let mut tracker = subscribed_at(7);
        walk(&mut tracker, &[message(8), message(9)]);
        assert_eq!(tracker.findings().counts, Counts { messages: 2, ..Counts::default() });
        assert_eq!(tracker.positions(), "t 9");
    }

    #[test]
    fn a_hole_is_a_gap_and_what_fills_it_is_late() {
        let mut tracker = subscribed_at(7);
        walk(&mut tracker, &[message(11), message(9), message(9), message(8), message(11)]);
        assert_eq!(
            tracker.findings().counts,
            Counts { messages: 3, gaps: 1, late: 2, repeats: 2, duplicates: 0 }
        );
    }

    #[test]
    fn a_number_that_says_what_came_before_it_is_no_gap() {
        let mut tracker = subscribed_at(7);
        let sparse = r#"{"type":"message","topic":"t","seqNo":20,"prevSeqNo":7,"messageId":"m","data":null}"#;
        walk(&mut tracker, &[('<', sparse.into()), message(21)]);
        assert_eq!(tracker.findings().counts, Counts { messages: 2, ..Counts::default() });
    }

    #[test]
    fn a_resume_says_where_the_page_stands_and_counts_what_was_replayed() {
        let mut tracker = subscribed_at(7);
        walk(&mut tracker, &[message(8)]);
        let setup = resumed(&mut tracker);
        assert_eq!(
            setup.1,
            r#"{"type":"setup","token":"me","topics":["t"],"sessionId":"s1","lastSeq":{"t":8},"epoch":{"t":"e"}}"#
        );
        let recovered = subscribed(10, "e", r#","recovered":true,"after":8"#);
        walk(
            &mut tracker,
            &[setup, recovered, ready(r#","resumed":true"#), message(9), message(10), message(11)],
        );
        let Findings { counts, resume } = tracker.findings();
        assert_eq!(counts, Counts { messages: 4, ..Counts::default() });
        assert_eq!(resume, Resume::Answered { same_session: true, lost: 0, replayed: 2 });
    }

    #[test]
    fn what_is_lost_is_told_and_is_no_gap() {
        let mut tracker = subscribed_at(7);
        let setup = resumed(&mut tracker);
        let lost = subscribed(3, "other", r#","recovered":false,"after":3"#);
        walk(&mut tracker, &[setup, lost, ready(r#","resumed":false"#), message(4)]);
        let Findings { counts, resume } = tracker.findings();
        assert_eq!((counts.messages, counts.gaps, counts.repeats), (1, 0, 0));
        assert_eq!(resume, Resume::Answered { same_session: false, lost: 1, replayed: 0 });
    }

    #[test]
    fn an_answer_to_subscribe_on_a_running_subscription_moves_nothing() {
        let mut tracker = subscribed_at(7);
        walk(&mut tracker, &[subscribed(30, "e", ""), message(8)]);
        assert_eq!(tracker.findings().counts, Counts { messages: 1, ..Counts::default() });
    }

    #[test]
    fn a_subscription_that_moves_goes_on_from_there() {
        let mut tracker = subscribed_at(7);
        let moved = subscribed(7, "e", r#","recovered":true,"after":5"#);
        walk(&mut tracker, &[moved, message(6), message(7), message(8)]);
        assert_eq!(tracker.findings().counts, Counts { messages: 3, ..Counts::default() });
    }

    #[test]
    fn the_newest_messages_are_no_gap_and_no_repeat() {
        let mut tracker = subscribed_at(7);
        let lost = subscribed(20, "e", r#","recovered":false,"after":18"#);
        walk(&mut tracker, &[lost, message(19), message(20)]);
        assert_eq!(tracker.findings().counts, Counts { messages: 2, ..Counts::default() });
    }

    #[test]
    fn a_new_setup_on_a_new_connection_begins_anew() {
        let mut tracker = subscribed_at(7);
        tracker.begin();
        walk(&mut tracker, &[setup()]);
        assert_eq!((tracker.resumption(), tracker.positions()), (None, String::new()));
    }
}
