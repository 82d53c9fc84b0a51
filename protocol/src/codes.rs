//! Error codes (in `error` frames and HTTP problems) and close codes, each with its meaning and the
//! client's reaction. The tables are the single source of the page's reference, AsyncAPI and
//! OpenAPI.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $meaning:literal, $remedy:literal;)*) => {
        /// Why a request was refused. Stable: programs may depend on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum ErrorCode {
            $(
                #[doc = $meaning]
                #[serde(rename = $text)]
                $name,
            )*
        }

        impl ErrorCode {
            /// All error codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as text, as it is sent.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What happened, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }

            /// What to do, in a sentence.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy),* }
            }
        }
    };
}

error_codes! {
    InvalidJson = "INVALID_JSON", "The frame is not JSON.", "Send one JSON object per text frame.";
    InvalidMessage = "INVALID_MESSAGE", "A field is missing, repeated, of the wrong type or nested too deeply.", "The text names the field, what was found and what is allowed; the reference shows the frame.";
    UnknownType = "UNKNOWN_TYPE", "The frame's type is not one of the protocol's.", "Send setup, subscribe, unsubscribe, publish, ack or ping.";
    SetupRequired = "SETUP_REQUIRED", "Something came before a good setup.", "Send setup first; frames may follow at once.";
    AlreadySetup = "ALREADY_SETUP", "The connection is set up already.", "Use subscribe for more topics, or a new connection for another user.";
    AuthFailed = "AUTH_FAILED", "The token is wrong or empty.", "Send setup again with a good token: three attempts in all.";
    TokenExpired = "TOKEN_EXPIRED", "The token was good once.", "Get a fresh one and send setup again.";
    Forbidden = "FORBIDDEN", "The user may not do this here.", "Ask for a token, or a rule, that covers it.";
    InvalidTopic = "INVALID_TOPIC", "The topic's name breaks a rule.", "1 to 256 bytes, no control characters, no white space at the ends, not beginning with $, no segment between dots that is just * or >.";
    MessageTooLarge = "MESSAGE_TOO_LARGE", "The message is larger than allowed.", "Send less, or a reference to the data.";
    RateLimited = "RATE_LIMITED", "Too many in too short a time.", "Wait retryAfterMs, then go on.";
    TooManySubscriptions = "TOO_MANY_SUBSCRIPTIONS", "The connection has as many subscriptions as it may.", "Unsubscribe from something, or open another connection.";
    TooManyTopics = "TOO_MANY_TOPICS", "The gateway has as many topics as it may, all of them in use.", "Use fewer topics, or raise limits.max_topics.";
    BackboneUnavailable = "BACKBONE_UNAVAILABLE", "What the gateway stores in could not be reached, or did not answer.", "Retry with the same messageId: it tells whether the first one counted.";
    ShuttingDown = "SHUTTING_DOWN", "The gateway is about to stop.", "Reconnect: another one takes over.";
    Internal = "INTERNAL", "A fault of the gateway.", "Retry; if it stays, report it with the gateway's log.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a client does after a close code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reaction {
    /// Reconnect, waiting longer after each attempt, and resume.
    BackOff,
    /// Reconnect once with a fresh token, then stop.
    Token,
    /// Stop: reconnecting would fail again, or take the session from the client's own other
    /// connection.
    Stop,
    /// Do nothing: the client itself has closed.
    None,
}

macro_rules! close_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $reaction:ident, $meaning:literal;)*) => {
        /// Why a connection was closed, RFC 6455 section 7.4.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum CloseCode {
            $(
                #[doc = $meaning]
                $name = $number,
            )*
        }

        impl CloseCode {
            /// All close codes that the protocol defines.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code with this number, if the protocol defines it.
            #[must_use]
            pub fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// Why the connection was closed, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }

            /// What a client does after this code.
            #[must_use]
            pub fn reaction(self) -> Reaction {
                match self { $(Self::$name => Reaction::$reaction),* }
            }
        }
    };
}

close_codes! {
    Normal = 1000, None, "The client is done; its session stays until it expires.";
    GoingAway = 1001, BackOff, "The gateway shuts down, or the browser leaves the page.";
    Protocol = 1002, Stop, "What was sent is not WebSocket (RFC 6455).";
    Unsupported = 1003, Stop, "A binary frame: the protocol is JSON in text frames.";
    NotUtf8 = 1007, Stop, "A text frame that is not UTF-8.";
    TooLarge = 1009, Stop, "A message larger than the frame limit.";
    Full = 1013, BackOff, "The gateway, or the user, has as many connections as it may.";
    EndSession = 4000, None, "Sent by the client: end my session.";
    SlowConsumer = 4290, BackOff, "More is waiting for the client than its send queue may hold.";
    InvalidFrames = 4400, Stop, "Too many frames in a row that were not understood.";
    Unauthenticated = 4401, Token, "Not authenticated, or no longer.";
    Timeout = 4408, BackOff, "No setup, no whole message, or no answer to pings in time.";
    ResumedElsewhere = 4409, Stop, "The session goes on in another connection.";
    RateRefused = 4429, BackOff, "Too many publishes in a row were refused for their rate.";
}

impl CloseCode {
    /// The code as a number, as it is sent.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// What a client does after any code, defined or not: 4500 to 4599 are reserved for
    /// [`Reaction::Stop`], every other unknown code means [`Reaction::BackOff`].
    #[must_use]
    pub fn reaction_to(number: u16) -> Reaction {
        match Self::from_number(number) {
            Some(code) => code.reaction(),
            None if (4500..4600).contains(&number) => Reaction::Stop,
            None => Reaction::BackOff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn serde_and_as_str_agree() {
        for &code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        assert_eq!(ErrorCode::ALL.len(), 16);
    }

    #[test]
    fn reactions() {
        assert_eq!(CloseCode::reaction_to(4401), Reaction::Token);
        assert_eq!(CloseCode::reaction_to(4550), Reaction::Stop);
        assert_eq!(CloseCode::reaction_to(4999), Reaction::BackOff);
        for &code in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(code.number()), Some(code));
        }
    }
}
