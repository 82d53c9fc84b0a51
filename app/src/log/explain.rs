//! Explains a fault in three parts: what happened, what it means, what to do.

use super::entry::{Content, Entry};
use crate::{connection::CloseInfo, reference::anchors};
use protocol::{CloseCode, ErrorCode, ServerFrame};

/// A fault, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    pub(crate) title: String,
    pub(crate) cause: String,
    pub(crate) effect: &'static str,
    pub(crate) remedy: String,
    /// The anchor of the reference's entry, and the link's text.
    pub(crate) reference: (String, &'static str),
}

/// Explains an error, a close or a failure; `None` for any other row.
pub(crate) fn explain(entry: &Entry) -> Option<Explanation> {
    match &entry.content {
        Content::Text(text) => match ServerFrame::parse(text) {
            Ok(ServerFrame::Error(failure)) => Some(error(failure.code, &failure.message)),
            _ => None,
        },
        Content::Closed { code, reason, asked } => {
            Some(closed(&CloseInfo { code: *code, reason: reason.to_string(), asked: *asked }))
        }
        Content::Failed { url, why } => Some(Explanation {
            title: why.to_string(),
            cause: format!(
                "The browser could not open {url}. The pane Connection shows what is known of the cause."
            ),
            effect: "Nothing was sent.",
            remedy: "See the pane Connection, then connect again.".into(),
            reference: ("flow".to_owned(), "How a connection begins"),
        }),
        Content::Binary { .. } | Content::Opened { .. } | Content::Waiting { .. } => None,
    }
}

fn error(code: ErrorCode, message: &str) -> Explanation {
    Explanation {
        title: format!("{code}: {}", code.meaning()),
        cause: sentence(message),
        effect: effect(code),
        remedy: code.remedy().into(),
        reference: (anchors::error(code.as_str()), "This code among the others"),
    }
}

fn effect(code: ErrorCode) -> &'static str {
    use ErrorCode::{
        AlreadySetup, AuthFailed, BackboneUnavailable, InvalidJson, InvalidMessage, SetupRequired,
        ShuttingDown, TokenExpired, UnknownType,
    };
    match code {
        InvalidJson | InvalidMessage | UnknownType => {
            "Nothing was changed. The connection stays open; many such frames in a row end it with 4400."
        }
        AuthFailed | TokenExpired => {
            "The token was not accepted. After the third refused token, or when the token of a running connection expires, the connection ends with 4401."
        }
        SetupRequired => {
            "Nothing was changed. The connection waits for setup, and ends with 4408 if none comes."
        }
        AlreadySetup => {
            "Nothing was changed. The connection keeps the user that it was set up for."
        }
        BackboneUnavailable => "Whether the message was stored is not known yet.",
        ShuttingDown => "Nothing was stored. The connection ends soon, with 1001.",
        _ => "Nothing was changed. The connection stays open.",
    }
}

fn closed(close: &CloseInfo) -> Explanation {
    let said = if close.reason.is_empty() {
        String::new()
    } else {
        format!(" The gateway said: {}", sentence(&close.reason))
    };
    let (title, cause, remedy) = if close.asked {
        (
            "This page disconnected".to_owned(),
            format!("You pressed Disconnect.{said}"),
            "Connect again whenever you like.",
        )
    } else if crate::connection::should_reconnect(close) {
        let remedy = "Reconnect, waiting longer each time, and resume. This page does so by itself, unless that is switched off under Checks.";
        (format!("Closed with {}", close.code), format!("{}{said}", close.meaning()), remedy)
    } else {
        (
            format!("Closed with {}", close.code),
            format!("{}{said}", close.meaning()),
            close.remedy(),
        )
    };
    // The reference lists only the codes that the protocol defines.
    let row = CloseCode::from_number(close.code)
        .map_or_else(|| "closes".to_owned(), |code| anchors::close(code.number()));
    Explanation {
        title,
        cause,
        effect: "Nothing is sent or received until the page is connected again. The session is kept for a while: a setup with its sessionId resumes it.",
        remedy: remedy.to_owned(),
        reference: (row, "This code among the others"),
    }
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    let end = if text.ends_with(['.', '!', '?', ':']) || text.is_empty() { "" } else { "." };
    first.chain(chars).collect::<String>() + end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::store::Store;

    #[test]
    fn errors_carry_cause_effect_remedy() {
        let mut store = Store::default();
        store.received(
            0.0,
            r#"{"type":"error","code":"INVALID_TOPIC","message":"topic must not be empty"}"#,
        );
        let explanation = explain(store.get(0).unwrap()).unwrap();
        assert_eq!(explanation.cause, "Topic must not be empty.");
        assert_eq!(explanation.remedy, ErrorCode::InvalidTopic.remedy());
        assert_eq!(explanation.reference.0, "error-INVALID_TOPIC");
    }

    #[test]
    fn frames_need_no_explanation() {
        let mut store = Store::default();
        store.received(0.0, r#"{"type":"pong"}"#);
        assert_eq!(explain(store.get(0).unwrap()), None);
        assert_eq!((sentence(""), sentence("über?")), (String::new(), "Über?".to_owned()));
    }
}
