//! Stub.
#![allow(missing_docs, dead_code, clippy::unused_async)]
use crate::config::Config;
use std::sync::atomic::{AtomicU64, Ordering};
pub struct Gateway {
    config: Config,
    seq: AtomicU64,
}
pub struct Stats {
    pub connections: u64,
    pub topics: u64,
    pub subscriptions: u64,
}
pub struct Published {
    pub status: protocol::AckStatus,
    pub seq_no: u64,
    pub subscribers: usize,
}
pub struct PublishError(protocol::ErrorCode);
impl PublishError {
    pub fn code(&self) -> protocol::ErrorCode {
        self.0
    }
}
impl Gateway {
    pub fn new(config: Config) -> Self {
        Self { config, seq: AtomicU64::new(0) }
    }
    pub fn config(&self) -> &Config {
        &self.config
    }
    pub fn stats(&self) -> Stats {
        Stats { connections: 0, topics: 0, subscriptions: 0 }
    }
    pub fn is_ready(&self) -> bool {
        true
    }
    pub async fn publish(
        &self,
        _user: &str,
        _topic: &protocol::Topic<'_>,
        _id: &protocol::MessageId<'_>,
        _data: &serde_json::value::RawValue,
    ) -> Result<Published, PublishError> {
        Ok(Published { status: protocol::AckStatus::Ok, seq_no: self.seq.fetch_add(1, Ordering::Relaxed) + 1, subscribers: 0 })
    }
}
