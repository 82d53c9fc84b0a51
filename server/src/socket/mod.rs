//! One WebSocket connection, from the end of its handshake to the last byte. Knows nothing of HTTP.
//!
//! A connection has two sides. Its own task ([`drive`]) reads, hands each frame to the
//! [`conversation`] and sends the answers. All other tasks (a topic's fan-out, the heartbeat) write
//! through the shared [`Connection`](crate::connection::Connection), with the system call in the
//! writer's own task: no task is woken for it, unless the socket is full.
//!
//! | module | idea |
//! |---|---|
//! | [`drive`] | the task: read, handle, fan out, close |
//! | [`conversation`] | the protocol's state machine of one client |

mod conversation;
mod drive;
#[cfg(test)]
pub(crate) mod pipe;

pub(crate) use drive::{connection, part};
use std::net::IpAddr;

/// The client that opens a WebSocket.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The client's address, as far as it can be believed.
    pub address: IpAddr,
    /// The topic of the URL, as it came.
    pub topic: Option<String>,
}
