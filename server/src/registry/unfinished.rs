//! What clients that are not set up make the gateway hold of frames that are not handled yet:
//! bounded for all of them together, and the client that began first has to go.
//!
//! A connection is listed only while it has something unfinished after a read; frames that come
//! whole cost nothing here.

use crate::connection::Connection;
use parking_lot::Mutex;
use protocol::CloseCode;
use std::{collections::BTreeMap, sync::Arc};

/// The unfinished bytes of all connections without a good setup.
#[derive(Debug)]
pub(crate) struct Unfinished {
    limit: usize,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    bytes: usize,
    /// By the order in which they began.
    shares: BTreeMap<u64, (Arc<Connection>, usize)>,
    begun: u64,
}

/// One connection's part, given back when it is dropped.
pub(crate) struct Share {
    of: Arc<Unfinished>,
    number: u64,
}

impl Unfinished {
    /// At most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ledger: Mutex::default() }
    }

    /// What there is now.
    pub(crate) fn bytes(&self) -> usize {
        self.ledger.lock().bytes
    }
}

impl Share {
    /// Of nothing yet.
    pub(crate) fn begin(of: Arc<Unfinished>, connection: Arc<Connection>) -> Self {
        let number = {
            let mut ledger = of.ledger.lock();
            ledger.begun += 1;
            let number = ledger.begun;
            ledger.shares.insert(number, (connection, 0));
            number
        };
        Self { of, number }
    }

    /// The connection holds this many bytes. If all together hold too many, those that began first
    /// are closed; this one may be among them.
    pub(crate) fn set(&self, bytes: usize) {
        let Unfinished { limit, ledger } = &*self.of;
        for connection in ledger.lock().set(self.number, bytes, *limit) {
            connection.close(
                CloseCode::Timeout,
                "limits.unfinished_bytes: the oldest unfinished message has to go",
            );
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.ledger.lock().remove(self.number);
    }
}

impl Ledger {
    /// Returns the connections that have to go.
    fn set(&mut self, number: u64, bytes: usize, limit: usize) -> Vec<Arc<Connection>> {
        if let Some((_, known)) = self.shares.get_mut(&number) {
            self.bytes = self.bytes - *known + bytes;
            *known = bytes;
        }
        let mut closed = Vec::new();
        while self.bytes > limit
            && let Some((_, (connection, bytes))) = self.shares.pop_first()
        {
            self.bytes -= bytes;
            closed.push(connection);
        }
        closed
    }

    fn remove(&mut self, number: u64) {
        if let Some((_, bytes)) = self.shares.remove(&number) {
            self.bytes -= bytes;
        }
    }
}
