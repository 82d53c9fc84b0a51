//! The wire protocol of Micro Socket, version 1, as Rust types.
//!
//! One JSON object per WebSocket text frame: a [`ClientFrame`] goes to the gateway, a
//! [`ServerFrame`] comes back. The gateway, the page at `/docs` and the clients share these types,
//! so they cannot disagree about a field. No I/O; builds for wasm32.
//!
//! | module | idea |
//! |---|---|
//! | [`client`] | the frames that a client may send |
//! | [`server`] | the frames that the gateway sends |
//! | [`posted`] | a message that a backend publishes over HTTP |
//! | [`parse`] | reads a text as a [`ClientFrame`] or a [`Posted`], or gives a [`Rejected`] with the reason |
//! | [`json`] | where the values in a text begin and end, and how deeply they are nested |
//! | [`encode`] | the frames of the hot path, written by hand into a buffer |
//! | [`names`] | [`Topic`], [`MessageId`], [`UserId`], [`Epoch`], [`SeqNo`], [`Newest`]: checked once, when a frame is read |
//! | [`payload`] | any JSON value, byte for byte |
//! | [`codes`] | error and close codes, each with the client's reaction |
//! | [`signature`] | the bytes that a message's signature covers |
//! | [`reference`](mod@reference) | every frame with its fields and an example, for documentation and forms |

pub mod client;
pub mod codes;
pub mod encode;
pub mod json;
pub mod names;
pub mod parse;
pub mod payload;
pub mod posted;
pub mod reference;
pub mod server;
pub mod signature;

pub use client::{ClientFrame, Position, Publish, Receipt, Setup, Subscribe, Unsubscribe};
pub use codes::{CloseCode, ErrorCode, Reaction};
pub use names::{Epoch, Invalid, MessageId, Newest, SeqNo, Topic, UserId};
pub use parse::Rejected;
pub use payload::Payload;
pub use posted::Posted;
pub use server::{
    Ack, AckStatus, Failure, Limits, Message, Ready, ServerFrame, Subscribed, Unsubscribed,
};
