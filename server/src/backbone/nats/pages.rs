//! Parts of a topic's log. A part is whole if it begins with the position behind which it was asked
//! for, which is read again, and if that message is still kept after the last one was read: the
//! stream drops its oldest messages first. If there is no message at the position, the part is whole
//! if the stream has dropped nothing behind the position.

use super::{api, direct, shard::Shard, stored::Stored};
use crate::backbone::{Part, ReadBudget, ReadError, Unavailable};
use hub::topic::Name;
use protocol::Epoch;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// Between two looks at a replica that lags or does not answer.
const PAUSE: Duration = Duration::from_millis(20);

/// Bytes of an answer beside the budget: the message at the position, and one behind it, go in any
/// case.
const TWO_MESSAGES: usize = 1024 * 1024;

/// Reads what the log has behind `after`. Waits for as long as nothing can be proved. Cancel-safe.
///
/// # Errors
/// [`ReadError`]
pub(super) async fn read(
    shard: &Shard,
    topic: &Name,
    epoch: &Epoch<'static>,
    after: u64,
    budget: ReadBudget,
) -> Result<Part, ReadError> {
    loop {
        let present = shard.numbering.epoch().ok_or(Unavailable)?;
        if *present != *epoch {
            return Err(ReadError::AnotherLife);
        }
        let attempt = attempt(shard, topic, &present, after, budget).await;
        if shard.connection.is_over() {
            return Err(Unavailable.into());
        }
        match attempt {
            // The life may have changed while it was read.
            Ok(Some(part)) if shard.numbering.epoch().is_some_and(|now| *now == *epoch) => {
                return Ok(part);
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(Unavailable) => sleep(PAUSE).await,
        }
    }
}

/// `None`: the answer proves nothing.
async fn attempt(
    shard: &Shard,
    topic: &Name,
    epoch: &Arc<Epoch<'static>>,
    after: u64,
    budget: ReadBudget,
) -> Result<Option<Part>, Unavailable> {
    let (connection, stream) = (&*shard.connection, &*shard.names.stream);
    let room = (budget.messages.saturating_add(1), budget.bytes.saturating_add(TWO_MESSAGES));
    let subject = shard.messages(topic);
    let answer = direct::next(connection, stream, &subject, after, room).await?;
    let first = answer.messages.first().map(|found| found.seq_no);
    let begin = match first {
        Some(first) if first == after || first == after + 1 => Begin::At(after),
        _ if api::first_number(connection, stream).await? <= after + 1 => Begin::At(after),
        Some(first) => Begin::At(first - 1),
        None => Begin::AtTheEnd,
    };
    if let [first, _, ..] = &*answer.messages {
        let is_kept = direct::one(connection, stream, first.seq_no).await?.is_some();
        if !is_kept {
            return Ok(None);
        }
    }
    let behind = answer.messages.iter().filter(|found| found.seq_no > after);
    let (taken, is_all) = within(behind, budget);
    let last = taken.last().map_or(after, |found| found.seq_no);
    let now = shard.clock.now();
    let records = || taken.iter().filter_map(|found| found.record(epoch, None, now)).collect();
    if answer.has_more || !is_all {
        // There is one, since the budget has room for one.
        let Begin::At(begin) = begin else { return Ok(None) };
        return Ok((last > after).then(|| Part { after: begin, records: records(), up_to: last }));
    }
    let proved = shard.heads.prove(topic).await?;
    let is_behind = proved.last.as_ref().is_some_and(|(newest, _)| *newest > last);
    Ok(match begin {
        Begin::AtTheEnd if is_behind => None,
        Begin::AtTheEnd => {
            Some(Part { after: proved.up_to, records: Vec::new(), up_to: proved.up_to })
        }
        Begin::At(begin) if !is_behind => {
            Some(Part { after: begin, records: records(), up_to: proved.up_to.max(last) })
        }
        Begin::At(begin) => {
            (last > after).then(|| Part { after: begin, records: records(), up_to: last })
        }
    })
}

/// Where a part begins.
enum Begin {
    At(u64),
    /// What was behind the position is gone, and nothing has come since.
    AtTheEnd,
}

/// The messages that the budget has room for, and whether these are all.
fn within<'a>(
    messages: impl Iterator<Item = &'a Stored>,
    budget: ReadBudget,
) -> (Vec<&'a Stored>, bool) {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    for found in messages {
        bytes += found.size();
        let is_full = taken.len() >= budget.messages || bytes > budget.bytes;
        if is_full && !taken.is_empty() {
            return (taken, false);
        }
        taken.push(found);
    }
    (taken, true)
}
