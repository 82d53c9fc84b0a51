//! Micro Socket: a realtime WebSocket gateway. Topics, their order and the fan-out are the crate
//! [`hub`](::hub)'s, RFC 6455 is the crate [`websocket`](::websocket)'s.
//!
//! | module | idea |
//! |---|---|
//! | [`config`] | command line, environment and file become one checked [`config::Config`] |
//! | [`gateway`] | what runs: the topics, the claims of message ids, the connections, and how to publish |
//! | [`admission`] | who is let in: how many connections, of which kind, of which address |
//! | [`backbone`] | the seam to other gateways: a log per topic that several share |
//! | [`dedup`] | who published which message id |
//! | [`sequencer`] | what gives messages their numbers: this process or a backbone's log |
//! | `chance` | random numbers, which a simulation can fix |
//! | `completion` | the end of an operation, for the tasks that wait for it |
//! | `files` | files that are read again while the gateway serves |
//! | [`session`] | what outlives a connection |
//! | [`auth`] | from a token to a user |
//! | [`access`] | what users may do with which topics |
//! | `transport` | the bytes of a socket, plain or in TLS |
//! | `connection` | the way out to one client: queue, limit, heartbeat, close |
//! | `registry` | all connections, and what they share |
//! | `bucket` | so many a second, and a burst at once |
//! | `socket` | one connection's task: its state machine, reading and writing |
//! | `wall_clock` | the time since 1970 |
//! | [`signing`] | Ed25519 signatures of messages, and the keys that are listed |
//! | [`tls`] | certificate and key, followed as their files change |
//! | [`metrics`] | what is counted, and `/metrics` |
//! | [`slo`] | the service level over the last minute and hour |
//! | [`http`] | everything else that is asked over HTTP |
//! | [`page`] | the page at `/docs` and its files |
//! | [`log`] | lines on standard error, which hold up nothing |
//! | [`text_file`] | text files that the configuration names |
//! | [`serve`] | from a configuration to a process that serves |

pub mod access;
mod admission;
pub mod auth;
pub mod backbone;
mod bucket;
mod chance;
mod completion;
pub mod config;
mod connection;
mod dedup;
mod files;
pub mod gateway;
mod http;
pub mod log;
pub mod metrics;
pub mod page;
mod registry;
mod sequencer;
pub mod serve;
pub mod session;
pub mod signing;
mod slo;
mod socket;
pub mod text_file;
mod tls;
mod transport;
mod wall_clock;

#[cfg(test)]
#[path = "../../websocket/tests/shared/masked.rs"]
mod masked;
#[cfg(test)]
mod simulation;

pub use serve::Server;
