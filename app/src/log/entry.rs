//! One row of the log: a frame, or an event of the connection.

use protocol::{AckStatus, ClientFrame, ErrorCode, Rejected, ServerFrame};

/// The sender of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// This page.
    Out,
    /// The gateway.
    In,
}

impl Direction {
    /// The value of `data-dir`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
        }
    }
}

/// The content of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// A text frame as it was sent.
    Text(Box<str>),
    /// A binary frame: its size and its first bytes.
    Binary { size: usize, head: Box<[u8]> },
    /// The connection is open.
    Opened { url: Box<str> },
    /// The connection has ended.
    Closed { code: u16, reason: Box<str>, asked: bool },
    /// The page will reconnect by itself.
    Waiting { what: Box<str> },
    /// The connection could not be opened.
    Failed { url: Box<str>, why: Box<str> },
}

/// The facts that a frame contains, read once when it arrives.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    /// The frame's `type`; `raw` if the page does not know it.
    pub(crate) kind: &'static str,
    pub(crate) topic: Option<Box<str>>,
    pub(crate) seq_no: Option<u64>,
    pub(crate) message_id: Option<Box<str>>,
    pub(crate) code: Option<ErrorCode>,
    pub(crate) duplicate: bool,
    /// All topics of a `setup`.
    pub(crate) topics: Vec<Box<str>>,
}

/// The kind of frames that the page does not understand.
pub(crate) const RAW: &str = "raw";

impl Facts {
    /// The facts of a frame that this page sends, whether the gateway will understand it or not.
    pub(crate) fn of_sent(text: &str) -> Self {
        match ClientFrame::parse(text) {
            Ok(frame) => Self::of_client(&frame),
            Err(Rejected { topic, message_id, .. }) => Self {
                kind: RAW,
                topic: topic.map(boxed),
                message_id: message_id.map(boxed),
                ..Self::default()
            },
        }
    }

    fn of_client(frame: &ClientFrame<'_>) -> Self {
        let kind = frame.kind();
        let about = |topic: &protocol::Topic<'_>| Some(topic.as_str().into());
        match frame {
            ClientFrame::Setup(setup) => Self {
                kind,
                topics: setup.topics.iter().map(|topic| topic.as_ref().into()).collect(),
                ..Self::default()
            },
            ClientFrame::Subscribe(subscribe) => {
                Self { kind, topic: about(&subscribe.topic), ..Self::default() }
            }
            ClientFrame::Unsubscribe(unsubscribe) => {
                Self { kind, topic: about(&unsubscribe.topic), ..Self::default() }
            }
            ClientFrame::Publish(publish) => Self {
                kind,
                topic: about(&publish.topic),
                message_id: Some(publish.message_id.as_str().into()),
                ..Self::default()
            },
            ClientFrame::Ack(receipt) => Self {
                kind,
                topic: about(&receipt.topic),
                seq_no: Some(receipt.seq_no.get()),
                ..Self::default()
            },
            ClientFrame::Ping => Self { kind, ..Self::default() },
        }
    }

    /// The facts of a frame that the gateway sent; `None`: the page does not know the frame.
    pub(crate) fn of_received(frame: Option<&ServerFrame<'_>>) -> Self {
        let Some(frame) = frame else {
            return Self { kind: RAW, ..Self::default() };
        };
        let kind = frame.kind();
        match frame {
            ServerFrame::Subscribed(subscribed) => Self {
                kind,
                topic: Some(subscribed.topic.as_str().into()),
                seq_no: Some(subscribed.seq_no.get()),
                ..Self::default()
            },
            ServerFrame::Unsubscribed(unsubscribed) => Self {
                kind,
                topic: Some(unsubscribed.topic.as_str().into()),
                code: unsubscribed.code,
                ..Self::default()
            },
            ServerFrame::Message(message) => Self {
                kind,
                topic: Some(message.topic.as_str().into()),
                seq_no: Some(message.seq_no.get()),
                message_id: Some(message.message_id.as_str().into()),
                ..Self::default()
            },
            ServerFrame::Ack(ack) => Self {
                kind,
                topic: Some(ack.topic.as_str().into()),
                seq_no: Some(ack.seq_no.get()),
                message_id: Some(ack.message_id.as_str().into()),
                duplicate: ack.status == AckStatus::Duplicate,
                ..Self::default()
            },
            ServerFrame::Error(failure) => Self {
                kind,
                topic: failure.topic.as_deref().map(Box::from),
                message_id: failure.message_id.as_deref().map(Box::from),
                code: Some(failure.code),
                ..Self::default()
            },
            ServerFrame::Ready(_) | ServerFrame::Pong => Self { kind, ..Self::default() },
        }
    }
}

fn boxed(text: std::borrow::Cow<'_, str>) -> Box<str> {
    text.into_owned().into()
}

/// The result of verifying a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A key of the gateway has signed exactly this message.
    Good,
    /// No key of the gateway has signed this message.
    Wrong,
    /// The gateway lists no key, or the page could not fetch it or use it.
    NoKey,
}

impl Verdict {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Good => "✓ verified",
            Self::Wrong => "✗ not verified: not signed by a key of the gateway",
            Self::NoKey => "✗ not verified: no key available",
        }
    }
}

/// The number of signatures by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) good: usize,
    pub(crate) bad: usize,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Rises by one with each row; never reused.
    pub(crate) id: u64,
    /// The time, in milliseconds since 1970.
    pub(crate) at: f64,
    /// `None`: an event of the connection.
    pub(crate) direction: Option<Direction>,
    pub(crate) content: Content,
    pub(crate) facts: Facts,
    /// The frame that this one answers.
    pub(crate) answers: Option<u64>,
    /// The first and the last frame that answered this one.
    pub(crate) answered: Option<(u64, u64)>,
    /// The time until the answer, or the time that opening took; milliseconds.
    pub(crate) took: Option<f64>,
    /// The result of verifying its signature, once it is known.
    pub(crate) signature: Option<Verdict>,
}

impl Entry {
    /// The frame's `type`, or the event: `open`, `close`.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Text(_) => self.facts.kind,
            Content::Binary { .. } => "binary",
            Content::Opened { .. } => "open",
            Content::Waiting { .. } => "wait",
            Content::Closed { .. } | Content::Failed { .. } => "close",
        }
    }

    /// The kind as a word in the row.
    pub(crate) fn word(&self) -> &'static str {
        match &self.content {
            Content::Opened { .. } => "opened",
            Content::Waiting { .. } => "waiting",
            Content::Closed { .. } => "closed",
            Content::Failed { .. } => "failed",
            Content::Text(_) | Content::Binary { .. } => self.kind(),
        }
    }

    /// The frame's bytes on the wire, without WebSocket's header.
    pub(crate) fn size(&self) -> Option<usize> {
        match &self.content {
            Content::Text(text) => Some(text.len()),
            Content::Binary { size, .. } => Some(*size),
            _ => None,
        }
    }

    /// The text of a text frame.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the row is a fault.
    pub(crate) fn is_bad(&self) -> bool {
        match &self.content {
            Content::Text(_) => self.facts.kind == "error",
            Content::Closed { code, asked, .. } => !asked && *code != 1000,
            Content::Failed { .. } => true,
            Content::Binary { .. } | Content::Opened { .. } | Content::Waiting { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(text: &str) -> Facts {
        Facts::of_received(ServerFrame::parse(text).ok().as_ref())
    }

    #[test]
    fn facts_of_frames_both_ways() {
        let publish =
            Facts::of_sent(r#"{"type":"publish","topic":"orders","messageId":"k1","payload":1}"#);
        assert_eq!(
            (publish.kind, publish.topic.as_deref(), publish.message_id.as_deref()),
            ("publish", Some("orders"), Some("k1"))
        );
        let setup = Facts::of_sent(r#"{"type":"setup","token":"t","topics":["a","b"]}"#);
        assert_eq!(setup.topics, [Box::from("a"), Box::from("b")]);
        let ack = received(
            r#"{"type":"ack","messageId":"k1","status":"duplicate","topic":"orders","seqNo":7}"#,
        );
        assert_eq!((ack.kind, ack.seq_no, ack.duplicate), ("ack", Some(7), true));
    }

    #[test]
    fn what_is_not_understood_keeps_what_it_is_about() {
        let refused = Facts::of_sent(r#"{"type":"subscribe","topic":" prices"}"#);
        assert_eq!((refused.kind, refused.topic.as_deref()), (RAW, Some(" prices")));
        assert_eq!(Facts::of_sent("{oops").kind, RAW);
        assert_eq!(received(r#"{"type":"later"}"#).kind, RAW);
    }
}
