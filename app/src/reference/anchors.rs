//! The anchors by which the page and other sites link to the reference.

use protocol::reference::Direction;

/// The anchor of a frame. `ack` exists in both directions: the gateway's has its own anchor.
#[must_use]
pub fn frame(kind: &str, direction: Direction) -> String {
    match (kind, direction) {
        ("ack", Direction::ToClient) => "frame-ack-in".to_owned(),
        _ => format!("frame-{kind}"),
    }
}

/// The anchor of an error code, given as it is sent.
#[must_use]
pub fn error(code: &str) -> String {
    format!("error-{code}")
}

/// The anchor of a close code.
#[must_use]
pub fn close(number: u16) -> String {
    format!("close-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{CloseCode, ErrorCode, reference::client_frames, reference::server_frames};
    use std::collections::HashSet;

    #[test]
    fn no_two_entries_share_an_anchor() {
        let frames = client_frames()
            .into_iter()
            .chain(server_frames())
            .map(|doc| frame(doc.kind, doc.direction));
        let errors = ErrorCode::ALL.iter().map(|code| error(code.as_str()));
        let closes = CloseCode::ALL.iter().map(|code| close(code.number()));
        let all: Vec<String> = frames.chain(errors).chain(closes).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn anchors_are_what_links_elsewhere_say() {
        assert_eq!(frame("publish", Direction::ToServer), "frame-publish");
        assert_eq!(frame("ack", Direction::ToServer), "frame-ack");
        assert_eq!(error("INVALID_JSON"), "error-INVALID_JSON");
        assert_eq!(close(4290), "close-4290");
    }
}
