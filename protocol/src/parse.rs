//! Reads the text of a frame as a [`ClientFrame`], or as a [`Rejected`] that can be answered.
//!
//! One pass over the text splits it into fields and keeps each value as the bytes that were
//! received; then only the fields of the frame's kind are read. So unknown fields are ignored at no
//! cost, also those that belong to another kind of frame, and the payload is never decoded. The
//! result borrows from the text except for strings with escapes.

mod envelope;
mod fields;
mod number;

use crate::{
    ErrorCode,
    client::{ClientFrame, Publish, Receipt, Setup, Subscribe, Unsubscribe},
    posted::Posted,
    server::Failure,
};
use envelope::Envelope;
use fields::{by_topic, epoch, newest, seq_no, string, strings, user_id};
use std::borrow::Cow;

/// The levels of nesting that a payload may have if the configuration sets no other limit.
pub const MAX_DEPTH: usize = 128;

/// Why a frame was not understood, and which topic and message id it named if those could be read:
/// the content of an `error` frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected<'a> {
    /// [`ErrorCode::InvalidJson`], [`ErrorCode::InvalidMessage`], [`ErrorCode::UnknownType`] or
    /// [`ErrorCode::InvalidTopic`].
    pub code: ErrorCode,
    /// For people: the field, what it must be, and what was found.
    pub message: Cow<'static, str>,
    /// The frame's topic, valid or not.
    pub topic: Option<Cow<'a, str>>,
    /// The frame's message id, valid or not.
    pub message_id: Option<Cow<'a, str>>,
}

impl Rejected<'_> {
    fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), topic: None, message_id: None }
    }
}

impl<'a> From<Rejected<'a>> for Failure<'a> {
    fn from(rejected: Rejected<'a>) -> Self {
        let Rejected { code, message, topic, message_id } = rejected;
        Self { code, message, topic, message_id, retry_after_ms: None }
    }
}

impl<'a> ClientFrame<'a> {
    /// Reads one frame, whose payload may have [`MAX_DEPTH`] levels of nesting.
    ///
    /// # Errors
    /// [`Rejected`]: the frame breaks the protocol; it holds the answer's content.
    pub fn parse(text: &'a str) -> Result<Self, Rejected<'a>> {
        Self::parse_within(text, MAX_DEPTH)
    }

    /// Reads one frame, whose payload may have `max_depth` levels of nesting; 0: any number.
    ///
    /// # Errors
    /// [`Rejected`]: the frame breaks the protocol; it holds the answer's content.
    pub fn parse_within(text: &'a str, max_depth: usize) -> Result<Self, Rejected<'a>> {
        Envelope::parse(text)?.read(|envelope| frame(envelope, max_depth))
    }
}

impl<'a> Posted<'a> {
    /// Reads one message, whose payload may have `max_depth` levels of nesting; 0: any number.
    ///
    /// # Errors
    /// [`Rejected`]: the message breaks the protocol; it holds the answer's content.
    pub fn parse_within(text: &'a str, max_depth: usize) -> Result<Self, Rejected<'a>> {
        Envelope::parse(text)?.read(|envelope| {
            Ok(Self {
                topic: envelope.topic()?,
                message_id: envelope.optional_message_id()?,
                payload: envelope.payload(max_depth)?,
                user_id: envelope.optional("userId", envelope.user_id, user_id)?,
            })
        })
    }
}

fn frame<'a>(envelope: &Envelope<'a>, max_depth: usize) -> Result<ClientFrame<'a>, Rejected<'a>> {
    let kind = envelope.required("type", envelope.kind, string)?;
    Ok(match &*kind {
        "publish" => ClientFrame::Publish(Publish {
            topic: envelope.topic()?,
            message_id: envelope.message_id()?,
            payload: envelope.payload(max_depth)?,
        }),
        "subscribe" => ClientFrame::Subscribe(Subscribe {
            topic: envelope.topic()?,
            last_seq: envelope.optional("lastSeq", envelope.last_seq, seq_no)?,
            epoch: envelope.optional("epoch", envelope.epoch, epoch)?,
            last: envelope.optional("last", envelope.last, newest)?,
        }),
        "unsubscribe" => ClientFrame::Unsubscribe(Unsubscribe { topic: envelope.topic()? }),
        "ack" => ClientFrame::Ack(Receipt {
            topic: envelope.topic()?,
            seq_no: envelope.required("seqNo", envelope.seq_no, seq_no)?,
            epoch: envelope.optional("epoch", envelope.epoch, epoch)?,
        }),
        "ping" => ClientFrame::Ping,
        "setup" => ClientFrame::Setup(Setup {
            token: envelope.required("token", envelope.token, string)?,
            topics: envelope.optional("topics", envelope.topics, strings)?.unwrap_or_default(),
            session_id: envelope.optional("sessionId", envelope.session_id, string)?,
            last_seq: envelope
                .optional("lastSeq", envelope.last_seq, |value| by_topic(value, seq_no))?
                .unwrap_or_default(),
            epoch: envelope
                .optional("epoch", envelope.epoch, |value| by_topic(value, epoch))?
                .unwrap_or_default(),
            last: envelope
                .optional("last", envelope.last, |value| by_topic(value, newest))?
                .unwrap_or_default(),
        }),
        other => return Err(Rejected::new(ErrorCode::UnknownType, unknown_type(other))),
    })
}

fn unknown_type(found: &str) -> String {
    let short: String = found.chars().take(64).collect();
    format!("unknown type {short:?}: one of {}", ClientFrame::KINDS.join(", "))
}

#[cfg(test)]
mod tests;
