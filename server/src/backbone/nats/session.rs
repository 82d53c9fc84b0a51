//! What runs over one connection: it is used only after the numbering has been settled, and then the
//! attached topics are taken up again.

use super::{
    Fleet,
    barrier::Barriers,
    connection::Connection,
    error::StartError,
    heads,
    heads::Heads,
    health, roll_call, session_records,
    shard::Shard,
    subject::{self, Names},
    tail_check,
};
use crate::backbone::Unavailable;
use async_nats::ServerAddr;
use hub::topic::Name;
use protocol::Epoch;
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

/// The longest time for which a message may be missing without a later one of its topic.
const TAIL_CHECK: Duration = Duration::from_secs(10);

/// After a check that could not be completed.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Arc<Connection>,
    shards: Vec<Arc<Shard>>,
    /// Ended with the session.
    tasks: JoinSet<()>,
}

impl Session {
    /// Connects to this server, and settles the numbering of all shards.
    ///
    /// # Errors
    /// [`StartError`]
    pub(super) async fn open(fleet: &Fleet, server: &ServerAddr) -> Result<Self, StartError> {
        let connection = Arc::new(Connection::open(&fleet.settings, server).await?);
        session_records::ensure(&connection, &fleet.settings, &fleet.clock).await?;
        let (mut shards, mut tasks) = (Vec::new(), JoinSet::new());
        for (i, numbering) in fleet.numberings.iter().enumerate() {
            let names = Names::new(&fleet.settings.name, i);
            numbering.settle(&connection, &fleet.settings, &names, None).await?;
            let highest = numbering.highest.clone();
            let (barriers, work) = Barriers::new(connection.clone(), &names, highest);
            tasks.spawn(work);
            let (heads, questions) = Heads::new();
            let shard = Arc::new(Shard {
                connection: connection.clone(),
                settings: fleet.settings.clone(),
                names,
                numbering: numbering.clone(),
                clock: fleet.clock.clone(),
                barriers,
                heads,
                unsettled: Default::default(),
            });
            tasks.spawn(heads::answer(shard.clone(), questions));
            shards.push(shard);
        }
        Ok(Self { connection, shards, tasks })
    }

    pub(super) fn shard(&self, topic: &Name) -> &Arc<Shard> {
        &self.shards[subject::shard_of(topic, self.shards.len())]
    }

    /// Takes up the attached topics, and begins what goes on for as long as the connection lasts.
    ///
    /// # Errors
    /// [`Unavailable`]: the connection has ended, or heads could not be proved.
    pub(super) async fn take_up(&mut self, fleet: &Arc<Fleet>) -> Result<(), Unavailable> {
        for attachment in fleet.attachments.all() {
            attachment.listen(self.shard(&attachment.topic)).await?;
        }
        for shard in &self.shards {
            tail_check::run(shard, &fleet.attachments_of(shard, &self.shards)).await?;
        }
        self.tasks.spawn(session_records::follow_the_clock(self.connection.clone(), fleet.clone()));
        self.tasks.spawn(roll_call::answer(self.connection.clone(), fleet.clone()));
        for shard in self.shards.clone() {
            self.tasks.spawn(health::probe(fleet.clone(), shard.clone()));
            self.tasks.spawn(check_tails(fleet.clone(), shard, self.shards.clone()));
        }
        Ok(())
    }
}

/// From time to time, and as soon as something may be missing.
async fn check_tails(fleet: Arc<Fleet>, shard: Arc<Shard>, all: Vec<Arc<Shard>>) {
    let mut ticks = interval(TAIL_CHECK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shard.connection.until_lagging() => {}
            () = shard.unsettled.notified() => settle(&shard, None).await,
        }
        while tail_check::run(&shard, &fleet.attachments_of(&shard, &all)).await.is_err() {
            sleep(PAUSE).await;
            settle(&shard, None).await;
        }
    }
}

/// Finds out the present life, and begins a new one if `broken` is the present one.
pub(super) async fn settle(shard: &Shard, broken: Option<&Epoch<'static>>) {
    let settled = shard.numbering.settle(&shard.connection, &shard.settings, &shard.names, broken);
    if let Err(error) = settled.await {
        tracing::warn!(%error, "the life of the numbering cannot be read");
        if !error.may_pass() {
            // The stream was changed, or replaced by another one: the next connection says so again.
            shard.connection.end();
        }
    }
}
