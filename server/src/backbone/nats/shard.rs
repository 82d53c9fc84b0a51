//! One shard over one connection: its names, its numbering, and how things are proved there.

use super::{
    api, barrier::Barriers, clock::ServerClock, connection::Connection, heads::Heads,
    life::Numbering, live::Known, settings::Settings, subject::Names,
};
use hub::topic::Name;
use std::sync::Arc;
use tokio::sync::Notify;

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) connection: Arc<Connection>,
    pub(super) settings: Arc<Settings>,
    pub(super) names: Names,
    pub(super) numbering: Arc<Numbering>,
    pub(super) clock: Arc<ServerClock>,
    pub(super) barriers: Barriers,
    pub(super) heads: Heads,
    /// Told if another gateway has begun a life of the numbering.
    pub(super) unsettled: Notify,
}

impl Shard {
    /// Whether every message that was stored since this was proved is still kept. Messages go by
    /// age, and by the stream's size the oldest first.
    pub(super) async fn keeps_all_since(&self, known: &Known) -> bool {
        if known.at.elapsed() > self.settings.max_age / 2 {
            return false;
        }
        let first = api::first_number(&self.connection, &self.names.stream).await;
        first.is_ok_and(|first| first <= known.up_to + 1)
    }

    pub(super) fn messages(&self, topic: &Name) -> String {
        self.names.messages(topic)
    }
}
