//! WebSocket (RFC 6455) for a server, without I/O: bytes in, events out, and the frames of the
//! answers. Knows nothing of the gateway's protocol, of sockets or of a runtime, so it can be
//! tested and fuzzed with plain byte slices.
//!
//! | part | idea |
//! |---|---|
//! | [`accept`], [`subprotocols`] | checking an upgrade request, and the answer |
//! | [`Decoder`] | from a client's bytes to [`Event`]s, or the [`Violation`] that ends the connection |
//! | [`put_text_frame`], [`put_binary_frame`] | a message, appended to a buffer |
//! | [`close_frame`], [`pong_frame`], [`PING`], [`CLOSE_WITHOUT_CODE`] | control frames |
//!
//! A connection begins with [`accept`]; from then on, what the socket reads goes to a [`Decoder`],
//! and the answers are appended to a buffer that the socket writes:
//!
//! ```
//! use websocket::{Decoder, Event, close_frame, pong_frame, put_text_frame};
//!
//! /// Answers one read. False: the connection ends once the answer is written.
//! fn answer(decoder: &mut Decoder, mut read: &mut [u8], out: &mut Vec<u8>) -> bool {
//!     while !read.is_empty() {
//!         let (used, event) = match decoder.decode(read) {
//!             Ok(decoded) => decoded,
//!             Err(violation) => {
//!                 let code = violation.close_code();
//!                 out.extend_from_slice(&close_frame(code, &violation.to_string()));
//!                 return false;
//!             }
//!         };
//!         match event {
//!             Some(Event::Text(text)) => {
//!                 put_text_frame(out, text.len(), |out| out.extend_from_slice(text.as_bytes()));
//!             }
//!             Some(Event::Ping(payload)) => out.extend_from_slice(&pong_frame(payload)),
//!             Some(Event::Close(_)) => {
//!                 out.extend_from_slice(&close_frame(1000, ""));
//!                 return false;
//!             }
//!             Some(Event::Binary(_) | Event::Pong(_)) | None => {}
//!         }
//!         read = &mut read[used..];
//!     }
//!     true
//! }
//!
//! let (mut decoder, mut out) = (Decoder::new(64 * 1024), Vec::new());
//! // "Hello" from RFC 6455, section 5.7, in two reads: the decoder keeps what is not whole yet.
//! let mut hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
//! let (first, second) = hello.split_at_mut(8);
//! assert!(answer(&mut decoder, first, &mut out));
//! assert!(out.is_empty());
//! assert!(answer(&mut decoder, second, &mut out));
//! assert_eq!(out, b"\x81\x05Hello");
//!
//! // A frame without a mask: the close frame says 1002.
//! out.clear();
//! assert!(!answer(&mut decoder, &mut [0x81, 0x01, b'x'], &mut out));
//! assert_eq!(out[2..4], 1002_u16.to_be_bytes());
//! assert!(out.ends_with(b"a client's frames must be masked"));
//! ```
//!
//! `server/examples/echo` is a complete server that uses only this crate, for conformance suites;
//! `server/tests/conformance` runs it.
//!
//! This is not an existing library because the hot path needs two things that those do not give: a
//! frame that is decoded in the reader's buffer, while a connection at rest holds nothing, and
//! frames that are encoded once and written by any task.

mod decoder;
mod encode;
mod handshake;
mod mask;
#[cfg(test)]
#[path = "../tests/shared/masked.rs"]
mod masked;
mod subprotocol;
mod violation;

pub use decoder::{Close, Decoder, Event};
pub use encode::{
    CLOSE_WITHOUT_CODE, PING, close_frame, pong_frame, put_binary_frame, put_text_frame,
};
pub use handshake::{Accept, HandshakeError, accept};
pub use subprotocol::subprotocols;
pub use violation::Violation;
