//! A message as the user receives it.

use protocol::Payload;
use serde::de::DeserializeOwned;

/// A message of a topic that is subscribed to.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// Its number in the topic's order.
    pub seq_no: u64,
    /// The life of the numbering to which `seq_no` belongs.
    pub epoch: String,
    /// The publisher's name for it.
    pub message_id: String,
    /// The gateway's signature, if it signs; see `protocol::signature`.
    pub signature: Option<String>,
    pub(crate) data: Payload<'static>,
}

impl Message {
    /// The published value, read as `T`.
    ///
    /// # Errors
    /// If the value is not a `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data.get())
    }

    /// The published value as the JSON text that was published, byte for byte.
    #[must_use]
    pub fn json(&self) -> &str {
        self.data.get()
    }
}
