//! WebSocket (RFC 6455) without I/O: bytes in, events out, and the frames that go back. Knows
//! nothing of the gateway's protocol, of sockets or of a runtime, so it can be tested and fuzzed
//! with plain byte slices.
//!
//! `examples/echo` is a whole server over it and nothing else, for conformance suites;
//! `tests/conformance` runs it.
//!
//! Own code because the hot path needs two things that the libraries on offer do not give: a frame
//! that is decoded in the reader's buffer, with nothing kept by a connection at rest, and frames
//! that are encoded once and written by any task.

mod decoder;
mod encode;
mod handshake;
mod mask;
#[cfg(test)]
#[path = "../../tests/shared/masked.rs"]
pub(crate) mod masked;
mod subprotocol;
mod violation;

pub use decoder::{Close, Decoder, Event};
pub use encode::{
    CLOSE_WITHOUT_CODE, PING, close_frame, pong_frame, put_binary_frame, put_text_frame,
};
pub use handshake::{Accept, HandshakeError, accept};
pub use subprotocol::subprotocols;
pub use violation::Violation;
