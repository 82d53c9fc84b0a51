//! Brings a follower to the proved end of its log. Nothing is claimed without a proof: if the
//! backbone cannot be reached, the task asks again, and the topic stays at its head.

use super::{
    Reach,
    follower::{Follower, Took, receive},
};
use crate::{
    backbone::{Head, Part, ReadBudget, ReadError, Unavailable},
    hub::{
        Sink, Topic,
        topic::{self, Anchor, Followed},
    },
    sequencer::fan_out,
};
use protocol::Epoch;
use std::{sync::Arc, time::Duration};
use tokio::{task::yield_now, time::sleep};

/// What one call reads.
const BUDGET: ReadBudget = ReadBudget { messages: 256, bytes: 256 * 1024 };

/// Between two tries: doubled after each failure, from the first to the second of these.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The part of a pause that is left to chance: all topics of all gateways may have lost the
/// backbone at once. A simulated schedule leaves nothing to chance.
const JITTER: f64 = if cfg!(test) { 0.0 } else { 0.5 };

/// Records that are taken before other tasks run.
const RECORDS_AT_ONCE: usize = 64;

/// Runs until the follower is live again, or its topic was forgotten.
pub(super) async fn run<S: Sink>(follower: Arc<Follower<S>>) {
    let mut pause = RETRY.0;
    while let Some(topic) = follower.topic() {
        // Behind a lag, the log waits rather than this process's memory.
        topic.below_backlog().await;
        match to_the_head(&follower, &topic).await {
            Ok(Progress::AtHead(head)) if follower.go_live(head) => return,
            Ok(Progress::AtHead(_) | Progress::Some) => pause = RETRY.0,
            Ok(Progress::Forgotten) => break,
            Ok(Progress::None) | Err(Unavailable) => {
                drop(topic);
                sleep(pause.mul_f64(1.0 - JITTER * rand::random::<f64>())).await;
                pause = (pause * 2).min(RETRY.1);
            }
        }
    }
    follower.stop();
}

/// How far one attempt has come.
enum Progress {
    /// To the head that was proved.
    AtHead(u64),
    /// Somewhat.
    Some,
    /// Nowhere.
    None,
    /// The topic is gone.
    Forgotten,
}

/// Proves the head, finds out whether the numbering went back, and reads up to it.
async fn to_the_head<S: Sink>(
    follower: &Follower<S>,
    topic: &Arc<Topic<S>>,
) -> Result<Progress, Unavailable> {
    let (reach, name) = (&follower.reach, &follower.name);
    let in_doubt = follower.begin_proof();
    let proved = reach.ask(reach.backbone.head(name)).await;
    let Some(followed) = topic.followed() else { return Ok(Progress::Forgotten) };
    let mut head = proved.inspect_err(|_| follower.doubt(in_doubt))?;
    if *head.epoch == *followed.epoch {
        let went_back = head.seq_no < followed.head
            || in_doubt
                && !is_intact(reach, topic, &followed)
                    .await
                    .inspect_err(|_| follower.doubt(true))?;
        if went_back {
            let renumbered = reach.ask(reach.backbone.renumber(name, &followed.epoch)).await;
            head = renumbered.inspect_err(|_| follower.doubt(true))?;
        }
    }
    if *head.epoch != *followed.epoch {
        lose(reach, topic, &head);
        return Ok(Progress::Some);
    }
    let mut progress = Progress::None;
    loop {
        let Some(Followed { epoch, head: at, .. }) = topic.followed() else {
            return Ok(Progress::Forgotten);
        };
        if *epoch != *head.epoch {
            return Ok(Progress::Some);
        }
        if at >= head.seq_no {
            return Ok(Progress::AtHead(at));
        }
        match reach.read(name, &epoch, at, BUDGET).await {
            Ok(part) if part.up_to <= at && part.after <= at => return Ok(progress),
            Ok(part) => take(reach, topic, (&epoch, head.seq_no), at, part).await,
            Err(ReadError::Unavailable(why)) => return Err(why),
            Err(ReadError::AnotherLife) => return Ok(Progress::Some),
        }
        progress = Progress::Some;
    }
}

/// Whether the log still has the topic's newest message under its number.
async fn is_intact<S: Sink>(
    reach: &Reach<S>,
    topic: &Topic<S>,
    followed: &Followed,
) -> Result<bool, Unavailable> {
    let Some(before) = followed.head.checked_sub(1) else { return Ok(true) };
    let budget = ReadBudget { messages: 1, bytes: 0 };
    let part = match reach.read(topic.name(), &followed.epoch, before, budget).await {
        Ok(part) => part,
        Err(ReadError::Unavailable(why)) => return Err(why),
        Err(ReadError::AnotherLife) => return Ok(true),
    };
    Ok(match part.records.first() {
        // It is gone: nothing can be proved.
        _ if part.after > before => false,
        Some(record) if record.seq_no == followed.head => {
            followed.anchor.is_none_or(|anchor| anchor == Anchor::of(&record.message_id))
        }
        Some(_) => false,
        None if part.up_to < followed.head => return Err(Unavailable),
        None => followed.anchor.is_none(),
    })
}

/// Takes what was read; what is gone from the log is told as lost.
async fn take<S: Sink>(
    reach: &Reach<S>,
    topic: &Arc<Topic<S>>,
    (epoch, end): (&Arc<Epoch<'static>>, u64),
    at: u64,
    part: Part,
) {
    if part.after > at {
        let head = Head { epoch: epoch.clone(), seq_no: part.after, message_id: None };
        lose(reach, topic, &head);
    }
    let mut prev = part.after.max(at);
    for (i, mut record) in part.records.into_iter().enumerate() {
        // The part is whole: its last record is this one's predecessor.
        record.prev = Some(prev);
        prev = record.seq_no;
        match receive(reach, topic, &record) {
            Took::All => {}
            Took::Congested => topic.below_backlog().await,
            Took::Nothing { .. } => return,
        }
        if i % RECORDS_AT_ONCE == RECORDS_AT_ONCE - 1 {
            yield_now().await;
        }
    }
    topic.skip_to(epoch, part.up_to.min(end));
}

fn lose<S: Sink>(reach: &Reach<S>, topic: &Arc<Topic<S>>, head: &Head) {
    let told = topic::Head {
        epoch: (*head.epoch).clone(),
        seq_no: head.seq_no,
        message_id: head.message_id.as_ref(),
    };
    if let Some(fan_out) = topic.lose(told) {
        reach.core.tasks.spawn(fan_out::to_the_end(fan_out));
    }
}
