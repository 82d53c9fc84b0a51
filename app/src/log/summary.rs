//! The content of a row's last column: the most important part of the frame, in one line.

use super::{
    clock,
    entry::{Content, Entry},
};
use protocol::{AckStatus, ClientFrame, CloseCode, ServerFrame};
use std::borrow::Cow;

/// Longer texts are cut; the unfolded row shows all of it.
const MAX_CHARS: usize = 300;

/// A part of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Plain(String),
    /// Bold text: a code.
    Strong(String),
    /// A word about the frame, with its tone.
    Tag(&'static str, Option<&'static str>),
}

/// The line of `entry`.
pub(crate) fn summary(entry: &Entry) -> Vec<Piece> {
    match &entry.content {
        Content::Text(text) => frame(text, entry).into_iter().map(cut).collect(),
        Content::Binary { size, head } => vec![plain(format!(
            "{} that the protocol does not have: {}",
            clock::size(*size),
            hex(head)
        ))],
        Content::Opened { url } => vec![plain(url.as_ref())],
        Content::Waiting { what } => vec![plain(what.as_ref())],
        Content::Closed { code, reason, asked } => closed(*code, reason, *asked),
        Content::Failed { url, why } => vec![Piece::Strong(why.to_string()), plain(url.as_ref())],
    }
}

fn plain(text: impl Into<String>) -> Piece {
    Piece::Plain(text.into())
}

fn cut(piece: Piece) -> Piece {
    match piece {
        Piece::Plain(text) => Piece::Plain(shorten(&text).into_owned()),
        other => other,
    }
}

fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

fn frame(text: &str, entry: &Entry) -> Vec<Piece> {
    match entry.facts.kind {
        "publish" => match ClientFrame::parse(text) {
            Ok(ClientFrame::Publish(publish)) => vec![plain(publish.payload.get())],
            _ => vec![plain(text)],
        },
        _ => match ServerFrame::parse(text) {
            Ok(frame) if entry.direction == Some(super::entry::Direction::In) => {
                server(&frame).unwrap_or_else(|| vec![plain(text)])
            }
            _ => vec![plain(text)],
        },
    }
}

fn server(frame: &ServerFrame<'_>) -> Option<Vec<Piece>> {
    Some(match frame {
        ServerFrame::Subscribed(subscribed) => {
            let epoch = plain(format!("epoch {}", subscribed.epoch));
            match subscribed.recovered {
                Some(true) => vec![Piece::Tag("recovered", Some("good")), epoch],
                Some(false) => vec![Piece::Tag("not recovered", Some("warn")), epoch],
                None => vec![epoch],
            }
        }
        ServerFrame::Ready(ready) => {
            let session: String = ready.session_id.chars().take(8).collect();
            let frame = clock::size(usize::try_from(ready.limits.max_frame).unwrap_or(usize::MAX));
            let ping = clock::duration(ready.limits.ping_ms as f64);
            vec![plain(format!("session {session}… · frames up to {frame} · ping every {ping}"))]
        }
        ServerFrame::Message(message) => vec![plain(message.data.get())],
        ServerFrame::Ack(ack) => match ack.status {
            AckStatus::Ok => vec![Piece::Tag("ok", None), plain(ack.message_id.as_str())],
            AckStatus::Duplicate => vec![
                Piece::Tag("duplicate", Some("warn")),
                plain(format!(
                    "{} was stored as seq {}, not delivered again",
                    ack.message_id,
                    ack.seq_no.get()
                )),
            ],
        },
        ServerFrame::Error(failure) => {
            vec![Piece::Strong(failure.code.as_str().into()), plain(failure.message.as_ref())]
        }
        ServerFrame::Unsubscribed(_) | ServerFrame::Pong => return None,
    })
}

fn closed(code: u16, reason: &str, asked: bool) -> Vec<Piece> {
    let meaning = match CloseCode::from_number(code) {
        _ if asked => "by this page".into(),
        Some(known) => known.meaning().to_owned(),
        None => crate::connection::unnamed(code).to_owned(),
    };
    let reason =
        if reason.is_empty() { String::new() } else { format!(" “{}”", shorten(reason)) };
    vec![Piece::Strong(code.to_string()), plain(format!("{meaning}{reason}"))]
}

fn hex(bytes: &[u8]) -> String {
    let mut text: String = bytes.iter().take(16).map(|byte| format!("{byte:02x} ")).collect();
    if bytes.len() > 16 {
        text.push('…');
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::store::Store;

    fn received(text: &str) -> Vec<Piece> {
        let mut store = Store::default();
        store.received(0.0, text);
        summary(store.get(0).unwrap())
    }

    #[test]
    fn frames_say_what_matters() {
        assert_eq!(
            received(
                r#"{"type":"message","topic":"a","seqNo":1,"messageId":"k","data":{"bid": 1.0}}"#
            ),
            [plain(r#"{"bid": 1.0}"#)]
        );
        assert_eq!(
            received(
                r#"{"type":"ack","messageId":"k","status":"duplicate","topic":"a","seqNo":8}"#
            ),
            [
                Piece::Tag("duplicate", Some("warn")),
                plain("k was stored as seq 8, not delivered again")
            ]
        );
        assert_eq!(
            received(r#"{"type":"error","code":"INVALID_TOPIC","message":"no"}"#),
            [Piece::Strong("INVALID_TOPIC".into()), plain("no")]
        );
        assert_eq!(received("oops"), [plain("oops")]);
    }

    #[test]
    fn a_very_long_frame_is_cut() {
        let long = format!(
            r#"{{"type":"message","topic":"a","seqNo":1,"messageId":"k","data":"{}"}}"#,
            "ä".repeat(100_000)
        );
        let [Piece::Plain(text)] = &received(&long)[..] else { panic!("one piece") };
        assert_eq!(text.chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn closes_are_explained() {
        assert_eq!(
            closed(4401, "", false),
            [Piece::Strong("4401".into()), plain(CloseCode::Unauthenticated.meaning())]
        );
        assert_eq!(
            closed(1006, "x", false)[1],
            plain("The connection broke: no close frame came. “x”")
        );
    }

    #[test]
    fn binary_frames_show_how_they_begin() {
        let mut store = Store::default();
        store.received_binary(0.0, &[0, 255, 16]);
        assert_eq!(
            summary(store.get(0).unwrap()),
            [plain("3 B that the protocol does not have: 00 ff 10")]
        );
    }
}
