//! The state of the page's one connection.

use super::diagnosis::Diagnosis;
use protocol::{CloseCode, Reaction};

/// A connection's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Link {
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
    Waiting { attempt: u32, ending: Ending },
    /// The connection was open and has ended.
    Closed(Ending),
    /// The connection could not be opened. `None` while the page looks for the cause.
    Failed(Option<Diagnosis>),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) code: u16,
    pub(crate) reason: String,
    /// The page itself has closed the connection.
    pub(crate) asked: bool,
}

impl Link {
    /// The value of `data-state`.
    pub(crate) fn state(&self) -> &'static str {
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
            Self::Closed(Ending { asked: true, .. }) => "disconnected".into(),
            Self::Closed(ending) => format!("closed, {}", ending.code),
            Self::Failed(_) => "could not connect".into(),
        }
    }

    /// Whether there is a socket, open or opening, or will be soon.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Connecting | Self::Open | Self::Closing | Self::Waiting { .. })
    }
}

impl Ending {
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
                "Connect again and resume. A client of your own waits longer each time."
            }
            Reaction::Token => {
                "Connect again and send setup with a good token: once. If that is refused too, stop."
            }
            Reaction::Stop => {
                "Change what was sent before you connect again: the same would end the same way."
            }
            Reaction::None => "Nothing: connect again whenever you like.",
        }
    }
}

/// The meaning of a close code that the protocol does not define.
pub(crate) fn unnamed(code: u16) -> &'static str {
    match code {
        1005 => "Closed without a code.",
        1006 => "The line broke: no close frame came.",
        1011 => "The server met a condition that it did not expect.",
        1012 => "The server restarts.",
        1015 => "The TLS handshake failed.",
        _ => "A code that the protocol does not name.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_code_is_explained() {
        for &code in CloseCode::ALL {
            let ending = Ending { code: code.number(), reason: String::new(), asked: false };
            assert_eq!(ending.meaning(), code.meaning());
            assert!(!ending.remedy().is_empty());
        }
        let broken = Ending { code: 1006, reason: String::new(), asked: false };
        assert_eq!(
            (broken.meaning(), broken.is_bad()),
            ("The line broke: no close frame came.", true)
        );
    }
}
