//! Micro Socket: a realtime WebSocket gateway. Topics, their order and the fan-out are the crate
//! [`hub`](::hub)'s, RFC 6455 is the crate [`websocket`](::websocket)'s.
//!
//! From the highest layer to the lowest (`ARCHITECTURE.md` has their order; a test keeps it):
//!
//! | module | idea |
//! |---|---|
//! | [`serve`] | from a configuration to a process that serves |
//! | `http` | what is asked over HTTP, and the upgrade to a WebSocket |
//! | `socket` | one WebSocket connection: its task and its state machine |
//! | [`gateway`] | what runs: the topics, the claims of message ids, the connections, and how to publish |
//! | `registry` | all connections, and what they share |
//! | `connection` | the way out to one client: queue, limit, heartbeat, close |
//! | `sequencer` | what gives messages their numbers: this process or a backbone's log |
//! | `admission` | how many connections are let in, of which kind, of which address |
//! | [`auth`] | from a token to a user |
//! | [`backbone`] | the seam to other gateways: a log per topic that several share |
//! | [`log`] | lines on standard error, which hold up nothing |
//! | [`page`] | the page at `/docs` and its files |
//! | [`session`] | what outlives a connection |
//! | [`signing`] | Ed25519 signatures of messages, and the keys that are listed |
//! | `slo` | the service level over the last minute and hour |
//! | `tls` | certificate and key, followed as their files change |
//! | [`redis`] | a Redis server that several gateways share: message ids, records of sessions |
//! | [`config`] | command line, environment and file become one checked [`config::Config`] |
//! | `dedup` | which user has published which message id |
//! | [`metrics`] | what is counted, and the format in which Prometheus reads it |
//! | `backoff` | the time between two tries to connect |
//! | [`access`] | what users may do with which topics |
//! | `bucket` | token buckets: so many a second on average, and a burst at once |
//! | `chance` | random numbers, which a simulation can fix |
//! | `completion` | the end of an operation, for the tasks that wait for it |
//! | `files` | files that are read again while the gateway serves |
//! | [`text_file`] | text files that the configuration names |
//! | `transport` | the bytes of a socket, plain or in TLS |
//! | `wall_clock` | the time since 1970 |

pub mod access;
mod admission;
pub mod auth;
pub mod backbone;
mod backoff;
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
pub mod redis;
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
#[path = "../tests/shared/nats_server.rs"]
mod nats_server;
#[cfg(test)]
#[path = "../tests/shared/redis_server.rs"]
mod redis_server;
#[cfg(test)]
#[path = "../tests/shared/server_process.rs"]
mod server_process;
#[cfg(test)]
mod simulation;

pub use serve::Server;
