//! The state of the page's one connection.

use super::diagnosis::Diagnosis;
use protocol::{CloseCode, Reaction};

/// A connection's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum ConnectionState {
    /// No connection was tried.
    #[default]
    Idle,
    /// The handshake is under way.
    Connecting,
    /// The connection is open.
    Open,
    /// The page has asked for the close.
    Closing,
    /// The connection was open and has ended; the page will reconnect, by the attempt of this
    /// number.
    Waiting { attempt: u32, close: CloseInfo },
    /// The connection was open and has ended.
    Closed(CloseInfo),
    /// The connection could not be opened. `None` while the page looks for the cause.
    Failed(Option<Diagnosis>),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CloseInfo {
    pub(crate) code: u16,
    pub(crate) reason: String,
    /// The page itself has closed the connection.
    pub(crate) asked: bool,
}

impl ConnectionState {
    /// The value of `data-state`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Idle | Self::Closed(_) => "closed",
            Self::Connecting | Self::Closing => "connecting",
            Self::Waiting { .. } => "reconnecting",
            Self::Open => "connected",
            Self::Failed(_) => "failed",
        }
    }

    /// The state in a word or two.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Idle => "not connected".into(),
            Self::Connecting => "connecting".into(),
            Self::Open => "connected".into(),
            Self::Closing => "closing".into(),
            Self::Waiting { .. } => "reconnecting".into(),
            Self::Closed(CloseInfo { asked: true, .. }) => "disconnected".into(),
            Self::Closed(close) => format!("closed, {}", close.code),
            Self::Failed(_) => "could not connect".into(),
        }
    }

    /// Whether there is a socket, open or opening, or will be soon.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Connecting | Self::Open | Self::Closing | Self::Waiting { .. })
    }
}

impl CloseInfo {
    /// Whether the state is a failure.
    pub(crate) fn is_bad(&self) -> bool {
        !self.asked && self.code != CloseCode::Normal.number()
    }

    /// Why the connection ended, in a sentence.
    pub(crate) fn meaning(&self) -> &'static str {
        match CloseCode::from_number(self.code) {
            Some(code) => code.meaning(),
            None => unnamed(self.code),
        }
    }

    /// What the user can do, in a sentence.
    pub(crate) fn remedy(&self) -> &'static str {
        match CloseCode::reaction_to(self.code) {
            Reaction::BackOff => {
                "Connect again and resume. Your own client should wait longer after each attempt."
            }
            Reaction::Token => {
                "Connect again and send setup with a good token: once. If that is refused too, stop."
            }
            Reaction::Stop => {
                "Correct what was sent before you connect again: otherwise the connection is closed again."
            }
            Reaction::None => "Nothing: connect again whenever you like.",
        }
    }
}

/// The meaning of a close code that the protocol does not define.
pub(crate) fn unnamed(code: u16) -> &'static str {
    match code {
        1005 => "Closed without a code.",
        1006 => "The connection broke: no close frame came.",
        1011 => "The server met a condition that it did not expect.",
        1012 => "The server restarts.",
        1015 => "The TLS handshake failed.",
        _ => "A code that the protocol does not define.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_is_explained() {
        for &code in CloseCode::ALL {
            let close = CloseInfo { code: code.number(), reason: String::new(), asked: false };
            assert_eq!(close.meaning(), code.meaning());
            assert!(!close.remedy().is_empty());
        }
        let broken = CloseInfo { code: 1006, reason: String::new(), asked: false };
        assert_eq!(
            (broken.meaning(), broken.is_bad()),
            ("The connection broke: no close frame came.", true)
        );
    }
}
