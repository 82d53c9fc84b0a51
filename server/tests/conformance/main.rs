//! The WebSocket codec against RFC 6455, case by case with the numbers of the Autobahn test suite:
//! an independent client's raw bytes against the server of `examples/echo`, which contains only the
//! gateway's codec.
//!
//! Sections 12 and 13 of the suite are about compression, which the server does not offer: see
//! `handshake`.

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
