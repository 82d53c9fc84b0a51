//! One WebSocket connection, from the upgrade to the last byte.
//!
//! A connection has two sides. Its own task ([`drive`]) reads, hands each frame to the
//! [`conversation`] and sends the answers. Everybody else (a topic's fan-out, the heartbeat) writes
//! through the shared [`Connection`], with the system call in the writer's own task: nobody is
//! woken for it, unless the socket is full.
//!
//! | module | idea |
//! |---|---|
//! | [`upgrade`](mod@upgrade) | from an HTTP request to a task |
//! | `subprotocol` | which of those offered is chosen |
//! | [`drive`] | the task: read, handle, fan out, close |
//! | [`conversation`] | the protocol's state machine of one client |
//! | [`connection`] | the way out: queue, limit, close |
//! | `bucket`, `replay_rate` | rates; how fast clients catch up |
//! | `per_user` | how many connections each user has |
//! | `signal` | tells a connection's task that something has changed |
//! | [`transport`] | the socket, plain or in TLS: reads into the thread's buffer, writes from any task |
//! | [`connections`] | all of them: the limit, the heartbeat |
//! | `unfinished` | what clients that are not set up hold, all of them together |

mod bucket;
mod connection;
mod connections;
mod conversation;
pub(crate) mod drive;
mod per_user;
mod replay_rate;
mod signal;
mod subprotocol;
mod transport;
mod unfinished;
mod upgrade;

pub use connection::Connection;
pub use connections::Connections;
pub(crate) use per_user::PerUser;
pub(crate) use replay_rate::ReplayRate;
#[cfg(test)]
pub(crate) use transport::pipe;
pub(crate) use unfinished::Unfinished;
pub use upgrade::{Caller, upgrade};
