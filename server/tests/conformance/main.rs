//! The WebSocket codec against RFC 6455, case by case under the numbers of the Autobahn test suite:
//! an independent client's raw bytes against the server of `examples/echo`, which is the gateway's
//! codec and nothing else.
//!
//! Sections 12 and 13 of the suite are about compression, which is not offered: `handshake` shows
//! that.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auto_fragmentation;
mod case;
mod client;
mod closing;
#[path = "../../examples/echo/server.rs"]
mod echo;
mod fragmentation;
mod framing;
mod handshake;
mod limits;
#[path = "../../../websocket/tests/shared/masked.rs"]
mod masked;
mod opcodes;
mod other_clients;
mod pings;
mod reserved_bits;
mod utf8;
