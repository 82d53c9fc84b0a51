//! One WebSocket connection, from the upgrade to the last byte.
//!
//! A connection has two sides. Its own task ([`drive`]) reads, hands each frame to the [`conversation`] and sends the answers.
//! Everybody else (a topic's fan-out, the heartbeat) writes through the shared [`Connection`], with the system call in the
//! writer's own task: nobody is woken for it, unless the socket is full.
//!
//! | module | idea |
//! |---|---|
//! | [`upgrade`](mod@upgrade) | from an HTTP request to a task |
//! | `subprotocol` | which of those offered is chosen |
//! | [`drive`] | the task: read, handle, fan out, close |
//! | [`conversation`] | the protocol's state machine of one client |
//! | [`connection`] | the way out: queue, limit, close |
//! | `bucket` | rates |
//! | `signal` | tells a connection's task that something has changed |
//! | [`transport`] | the socket, plain or in TLS: reads into the thread's buffer, writes from any task |
//! | [`connections`] | all of them: the limit, the heartbeat |

mod bucket;
mod connection;
mod connections;
mod conversation;
pub(crate) mod drive;
mod signal;
mod subprotocol;
mod transport;
mod upgrade;

pub use connection::Connection;
pub use connections::Connections;
#[cfg(test)]
pub(crate) use transport::pipe;
pub use upgrade::{Caller, upgrade};
