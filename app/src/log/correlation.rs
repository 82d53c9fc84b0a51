//! Finds the request that an arriving frame answers. The protocol answers requests in order, and an
//! answer names the topic or message id of its request; so the oldest open request that fits is the
//! right one.

use super::entry::{Facts, RAW};
use protocol::ErrorCode;
use std::collections::VecDeque;

/// The most requests that are kept open; the oldest are dropped first. The gateway answers long
/// before, or never.
const MAX_OPEN: usize = 500;

/// A frame that may be answered.
#[derive(Debug)]
struct Request {
    id: u64,
    at: f64,
    facts: Facts,
    /// The number that a publish was given: the request now waits for the delivery of that number
    /// only.
    stored: Option<u64>,
    /// The publish was delivered before its `ack`.
    delivered: bool,
}

/// The request that an arriving frame answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Answered {
    /// The request's row.
    pub(crate) request: u64,
    /// The time at which it was sent, in milliseconds.
    pub(crate) since: f64,
}

/// The open requests of one connection, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Correlation {
    open: VecDeque<Request>,
}

/// Whether a request stays open after an answer.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Stays,
    Ends,
}

impl Correlation {
    /// Records a sent frame, shown as row `id`.
    pub(crate) fn sent(&mut self, id: u64, at: f64, facts: &Facts) {
        if facts.kind == "ack" {
            return;
        }
        if self.open.len() == MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(Request {
            id,
            at,
            facts: facts.clone(),
            stored: None,
            delivered: false,
        });
    }

    /// Finds the request that a received frame answers.
    pub(crate) fn received(&mut self, facts: &Facts) -> Option<Answered> {
        let (index, after) = match facts.kind {
            "ready" => (self.first(|q| q.facts.kind == "setup")?, After::Ends),
            "pong" => (self.first(|q| q.facts.kind == "ping")?, After::Ends),
            "unsubscribed" => (
                self.first(|q| q.facts.kind == "unsubscribe" && q.facts.topic == facts.topic)?,
                After::Ends,
            ),
            "subscribed" => self.subscribed(facts)?,
            "ack" => self.acknowledged(facts)?,
            "message" => self.delivered(facts)?,
            "error" => self.refused(facts)?,
            _ => return None,
        };
        Some(self.answer(index, after))
    }

    /// The connection has ended: its requests will not be answered.
    pub(crate) fn end(&mut self) {
        self.open.clear();
    }

    fn first(&self, fits: impl Fn(&Request) -> bool) -> Option<usize> {
        self.open.iter().position(fits)
    }

    fn answer(&mut self, index: usize, after: After) -> Answered {
        let request = &self.open[index];
        let answered = Answered { request: request.id, since: request.at };
        if after == After::Ends {
            self.open.remove(index);
        }
        answered
    }

    fn acknowledged(&mut self, facts: &Facts) -> Option<(usize, After)> {
        let index = self.first(|q| is_publish(q, facts) && q.stored.is_none())?;
        let request = &mut self.open[index];
        request.stored = facts.seq_no;
        Some((index, if facts.duplicate || request.delivered { After::Ends } else { After::Stays }))
    }

    /// A message of another user may have the same message id; its number differs.
    fn delivered(&mut self, facts: &Facts) -> Option<(usize, After)> {
        let own =
            |q: &Request| is_publish(q, facts) && q.facts.topic == facts.topic && !q.delivered;
        let index = self.first(|q| own(q) && (q.stored.is_none() || q.stored == facts.seq_no))?;
        let request = &mut self.open[index];
        request.delivered = true;
        Some((index, if request.stored.is_some() { After::Ends } else { After::Stays }))
    }

    /// A `setup` is answered by one `subscribed` for each of its topics, and one for the URL's.
    fn subscribed(&self, facts: &Facts) -> Option<(usize, After)> {
        let asked = |q: &Request| q.facts.kind == "subscribe" && q.facts.topic == facts.topic;
        let setup = |q: &Request| q.facts.kind == "setup";
        match (self.first(setup), self.first(asked)) {
            (Some(setup), Some(asked)) if asked < setup => Some((asked, After::Ends)),
            (Some(setup), _) => Some((setup, After::Stays)),
            (None, asked) => Some((asked?, After::Ends)),
        }
    }

    fn refused(&self, facts: &Facts) -> Option<(usize, After)> {
        use ErrorCode::{
            AlreadySetup, AuthFailed, InvalidJson, InvalidMessage, TokenExpired, UnknownType,
        };
        if facts.message_id.is_some() {
            let same = |q: &Request| q.facts.message_id == facts.message_id && q.stored.is_none();
            return Some((self.first(same)?, After::Ends));
        }
        if facts.topic.is_some() {
            let same =
                |q: &Request| q.facts.topic == facts.topic && !matches!(q.facts.kind, "publish");
            let of_setup = |q: &Request| {
                q.facts.kind == "setup"
                    && q.facts.topics.iter().any(|topic| facts.topic.as_ref() == Some(topic))
            };
            return match self.first(of_setup) {
                Some(setup) => Some((setup, After::Stays)),
                None => Some((self.first(same)?, After::Ends)),
            };
        }
        let kind = match facts.code? {
            InvalidJson | InvalidMessage | UnknownType => Some(RAW),
            AuthFailed | AlreadySetup | TokenExpired => Some("setup"),
            _ => None,
        };
        let fits = |q: &Request| {
            kind.map_or(q.stored.is_none() && q.facts.topic.is_none(), |kind| q.facts.kind == kind)
        };
        Some((self.first(fits)?, After::Ends))
    }
}

fn is_publish(request: &Request, facts: &Facts) -> bool {
    request.facts.kind == "publish" && request.facts.message_id == facts.message_id
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies sent and received frames in order; rows are counted from 0. Returns the request that
    /// each received frame answers.
    fn walk(frames: &[(char, &str)]) -> Vec<Option<u64>> {
        let mut correlation = Correlation::default();
        let mut answers = Vec::new();
        for (id, (direction, text)) in (0..).zip(frames) {
            match direction {
                '>' => correlation.sent(id, id as f64, &Facts::of_sent(text)),
                _ => answers.push(
                    correlation
                        .received(&Facts::of_received(
                            protocol::ServerFrame::parse(text).ok().as_ref(),
                        ))
                        .map(|answered| answered.request),
                ),
            }
        }
        answers
    }

    #[test]
    fn setup_is_answered_by_each_subscribed_and_ready() {
        let answers = walk(&[
            ('>', r#"{"type":"setup","token":"t","topics":["a","b c"]}"#),
            ('>', r#"{"type":"subscribe","topic":"d"}"#),
            ('<', r#"{"type":"subscribed","topic":"a","seqNo":0,"epoch":"e"}"#),
            ('<', r#"{"type":"error","code":"FORBIDDEN","message":"","topic":"b c"}"#),
            (
                '<',
                r#"{"type":"ready","sessionId":"s","limits":{"maxFrame":1,"maxSubscriptions":1,"sessionTtlMs":120000,"dedupWindowMs":1,"pingMs":1}}"#,
            ),
            ('<', r#"{"type":"subscribed","topic":"d","seqNo":0,"epoch":"e"}"#),
            ('<', r#"{"type":"subscribed","topic":"a","seqNo":0,"epoch":"f","recovered":false}"#),
        ]);
        assert_eq!(answers, [Some(0), Some(0), Some(0), Some(1), None]);
    }

    #[test]
    fn a_publish_is_answered_by_its_ack_and_its_own_delivery() {
        let publish = r#"{"type":"publish","topic":"a","messageId":"k","payload":null}"#;
        let answers = walk(&[
            ('>', publish),
            ('<', r#"{"type":"message","topic":"a","seqNo":1,"messageId":"other","data":null}"#),
            ('<', r#"{"type":"ack","messageId":"k","status":"ok","topic":"a","seqNo":2}"#),
            ('<', r#"{"type":"message","topic":"a","seqNo":2,"messageId":"k","data":null}"#),
            ('>', publish),
            ('<', r#"{"type":"ack","messageId":"k","status":"duplicate","topic":"a","seqNo":2}"#),
            ('<', r#"{"type":"message","topic":"a","seqNo":2,"messageId":"k","data":null}"#),
        ]);
        assert_eq!(answers, [None, Some(0), Some(0), Some(4), None]);
    }

    #[test]
    fn the_same_id_twice_without_a_subscription_is_answered_in_order() {
        let publish = r#"{"type":"publish","topic":"a","messageId":"k","payload":null}"#;
        let answers = walk(&[
            ('>', publish),
            ('>', publish),
            ('<', r#"{"type":"ack","messageId":"k","status":"ok","topic":"a","seqNo":2}"#),
            ('<', r#"{"type":"ack","messageId":"k","status":"duplicate","topic":"a","seqNo":2}"#),
        ]);
        assert_eq!(answers, [Some(0), Some(1)]);
    }

    #[test]
    fn errors_find_what_they_are_about() {
        let answers = walk(&[
            ('>', r#"{"type":"ping"}"#),
            ('>', "{oops"),
            ('>', r#"{"type":"subscribe","topic":" x"}"#),
            ('>', r#"{"type":"setup","token":""}"#),
            ('<', r#"{"type":"pong"}"#),
            ('<', r#"{"type":"error","code":"INVALID_JSON","message":""}"#),
            ('<', r#"{"type":"error","code":"INVALID_TOPIC","message":"","topic":" x"}"#),
            ('<', r#"{"type":"error","code":"AUTH_FAILED","message":""}"#),
            ('<', r#"{"type":"error","code":"INTERNAL","message":""}"#),
        ]);
        assert_eq!(answers, [Some(0), Some(1), Some(2), Some(3), None]);
    }
}
