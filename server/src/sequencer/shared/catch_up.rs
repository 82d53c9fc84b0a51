//! Brings a follower to the proved end of its log. Nothing is claimed without a proof: if the
//! backbone cannot be reached, the task asks again, and the topic stays at its head.

use super::{
    Reach,
    follower::{Follower, Took, head_as_hub, receive},
};
use crate::{
    backbone::{Head, Part, ReadBudget, ReadError, Unavailable},
    chance,
    sequencer::fan_out,
};
use hub::{
    Sink, Topic,
    topic::{Anchor, Followed},
};
use protocol::Epoch;
use std::{sync::Arc, time::Duration};
use tokio::{task::yield_now, time::sleep};

/// What one call reads.
const BUDGET: ReadBudget = ReadBudget { messages: 256, bytes: 256 * 1024 };

/// Between two tries: doubled after each failure, from the first to the second of these.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The rest of a pause is left to chance: all topics of all gateways may have lost the backbone at
/// once.
const LEAST_PAUSE: f64 = 0.5;

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
                sleep(chance::part_of(pause, LEAST_PAUSE)).await;
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

/// Proves the head, and reads up to it. Each part that is read begins with the newest message that
/// is here: if the log has another one under its number, or none, the numbering went back.
async fn to_the_head<S: Sink>(
    follower: &Follower<S>,
    topic: &Arc<Topic<S>>,
) -> Result<Progress, Unavailable> {
    let (reach, name) = (&follower.reach, &follower.name);
    let mut in_doubt = follower.begin_proof();
    let proved = reach.ask(reach.backbone.head(name)).await;
    let head = proved.inspect_err(|_| follower.doubt(in_doubt))?;
    let mut progress = Progress::None;
    loop {
        let Some(at) = topic.followed() else { return Ok(Progress::Forgotten) };
        if *at.epoch != *head.epoch {
            lose(reach, topic, &head);
            return Ok(Progress::Some);
        }
        // What was read since the proof may lie above it.
        if head.seq_no < at.head && matches!(progress, Progress::None) {
            return renumber(follower, topic, &at).await;
        }
        if at.head >= head.seq_no && !in_doubt {
            return Ok(Progress::AtHead(at.head));
        }
        let from = if at.anchor.is_some() { at.head - 1 } else { at.head };
        let part = match reach.read(name, &at.epoch, from, BUDGET).await {
            Ok(part) => part,
            Err(ReadError::AnotherLife) => return Ok(Progress::Some),
            Err(ReadError::Unavailable(why)) => {
                follower.doubt(in_doubt);
                return Err(why);
            }
        };
        match check(&at, from, part, in_doubt) {
            Checked::Nothing => {
                follower.doubt(in_doubt);
                return Ok(progress);
            }
            Checked::WentBack => return renumber(follower, topic, &at).await,
            Checked::Continues(part) => take(reach, topic, (&at.epoch, head.seq_no), part).await,
        }
        (in_doubt, progress) = (false, Progress::Some);
    }
}

/// What a part says of the position behind which it was read.
enum Checked {
    /// It follows the position, or begins where the log does.
    Continues(Part),
    /// The numbers behind the position were given a second time.
    WentBack,
    /// A replica has answered that does not have the position yet.
    Nothing,
}

fn check(at: &Followed, from: u64, mut part: Part, in_doubt: bool) -> Checked {
    let Some(anchor) = at.anchor else {
        let is_empty = part.up_to <= from && part.after <= from;
        // Nothing is known here that the log could contradict.
        return if is_empty && !in_doubt { Checked::Nothing } else { Checked::Continues(part) };
    };
    if part.after > from {
        // The message is gone: if the numbering is in doubt, nothing proves that it went on.
        return if in_doubt { Checked::WentBack } else { Checked::Continues(part) };
    }
    match part.records.first() {
        Some(first) if first.seq_no == at.head && Anchor::of(&first.message_id) == anchor => {
            part.records.remove(0);
            part.after = at.head;
            Checked::Continues(part)
        }
        Some(_) => Checked::WentBack,
        None if part.up_to < at.head => Checked::Nothing,
        None => Checked::WentBack,
    }
}

/// Begins a new life, and tells the loss of the old one.
async fn renumber<S: Sink>(
    follower: &Follower<S>,
    topic: &Arc<Topic<S>>,
    at: &Followed,
) -> Result<Progress, Unavailable> {
    let reach = &follower.reach;
    let renumbered = reach.ask(reach.backbone.renumber(&follower.name, &at.epoch)).await;
    let head = renumbered.inspect_err(|_| follower.doubt(true))?;
    if *head.epoch == *at.epoch {
        follower.doubt(true);
        return Err(Unavailable);
    }
    lose(reach, topic, &head);
    Ok(Progress::Some)
}

/// Takes what was read; what is gone from the log is told as lost.
async fn take<S: Sink>(
    reach: &Reach<S>,
    topic: &Arc<Topic<S>>,
    (epoch, end): (&Arc<Epoch<'static>>, u64),
    part: Part,
) {
    let at = topic.followed().map_or(0, |at| at.head);
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
    if let Some(fan_out) = topic.lose(head_as_hub(head)) {
        reach.core.tasks.spawn(fan_out::to_the_end(fan_out));
    }
}
