//! The real binary from outside: over WebSocket with tokio-tungstenite and with raw bytes, over
//! HTTP with reqwest, compared with the protocol and with the gateway's own documents.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agreement;
mod asyncapi;
mod blocked;
mod bounds;
mod busy;
mod close_codes;
mod command_line;
mod cost_of_frames;
mod dedup;
mod demo;
mod deploy;
mod documents;
mod drain;
mod errors;
mod fleet;
mod fleet_redis;
mod flood;
mod frames;
mod gateway;
mod handshake;
mod history;
mod hostile;
mod hosts;
mod http1;
mod http_timeouts;
mod issuer;
mod jwt;
mod kafka;
#[path = "../shared/kafka_server.rs"]
mod kafka_server;
mod limits;
mod listeners;
mod log_sinks;
mod logs;
mod manager;
mod many_topics;
#[path = "../../../websocket/tests/shared/masked.rs"]
mod masked;
mod metrics;
#[path = "../shared/nats_server.rs"]
mod nats_server;
mod nesting;
mod openapi;
mod ordering;
mod origins;
mod pages;
mod paths;
mod positions;
mod proxies;
mod publish;
mod raw;
#[path = "../shared/redis_server.rs"]
mod redis_server;
mod reload;
mod renewals;
mod rules;
mod schema;
#[path = "../shared/server_process.rs"]
mod server_process;
mod sessions;
mod setup;
mod shares;
mod signing;
mod subprotocols;
mod tls;
mod topics;
mod workers;
