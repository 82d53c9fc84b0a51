//! Work on a message that is not the hub's and that the caller hands in: signing and counting.

use protocol::{Epoch, MessageId, Topic};
use std::{fmt, sync::Arc, time::Duration};

/// The length of a signature, in base64url characters: Ed25519's 64 bytes.
pub const SIGNATURE_LEN: usize = 86;

/// Signs messages.
pub trait Sign: fmt::Debug + Send + Sync {
    /// The signature of one message, as it is sent. It is called under the topic's lock, because
    /// the message's number is signed: it must not block, and must not call into the hub.
    fn sign(
        &self,
        topic: &Topic<'_>,
        epoch: &Epoch<'_>,
        seq_no: u64,
        message_id: &MessageId<'_>,
        data: &str,
    ) -> [u8; SIGNATURE_LEN];
}

/// Receives the results of fan-outs, once for each step of a pass.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Messages were handed to sinks, `deliveries` in total, counted once for each subscriber; the
    /// oldest of them had been accepted `after` before. Must not block.
    fn count_deliveries(&self, deliveries: u64, after: Duration);
}

/// What the topics of one directory use. An instrument that is absent costs no call.
#[derive(Debug, Clone, Default)]
pub struct Instruments {
    /// Signs every message; `None`: messages are not signed.
    pub signer: Option<Arc<dyn Sign>>,
    /// Counts deliveries.
    pub observer: Option<Arc<dyn Observer>>,
}
