//! The real binary, from outside: over WebSocket with tokio-tungstenite and with raw bytes, over HTTP with reqwest, held
//! against the protocol and against the gateway's own documents.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agreement;
mod asyncapi;
mod close_codes;
mod dedup;
mod demo;
mod deploy;
mod drain;
mod errors;
mod frames;
mod gateway;
mod handshake;
mod history;
mod hostile;
mod issuer;
mod jwt;
mod limits;
mod logs;
#[path = "../shared/masked.rs"]
mod masked;
mod metrics;
mod nesting;
mod openapi;
mod ordering;
mod origins;
mod pages;
mod proxies;
mod publish;
mod raw;
mod rules;
mod schema;
mod sessions;
mod setup;
mod signing;
mod tls;
mod topics;
