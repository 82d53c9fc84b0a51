//! Whether attached topics have had everything: the last message of a topic may have been stored
//! without being republished (a server was killed in between, an interest did not arrive), and then
//! no later one shows the gap.

use super::{
    heads::{self, Proved},
    live::{Attachment, Known},
    shard::Shard,
};
use crate::backbone::Unavailable;
use std::{collections::HashMap, sync::Arc};
use tokio::task::yield_now;

/// Proves the heads of these topics, and tells each of its own if that is news.
///
/// # Errors
/// [`Unavailable`]: some were not proved.
pub(super) async fn run(shard: &Shard, attachments: &[Arc<Attachment>]) -> Result<(), Unavailable> {
    let mut rest = attachments;
    while !rest.is_empty() {
        let count = heads::fitting(rest.iter().map(|attachment| &attachment.topic), shard);
        let (list, others) = rest.split_at(count);
        check(shard, list).await?;
        rest = others;
        yield_now().await;
    }
    Ok(())
}

async fn check(shard: &Shard, list: &[Arc<Attachment>]) -> Result<(), Unavailable> {
    let epoch = shard.numbering.epoch().ok_or(Unavailable)?;
    let known: Vec<_> = list.iter().map(|attachment| attachment.known.lock().clone()).collect();
    let is_present =
        |known: &Option<Known>| known.as_ref().is_some_and(|known| known.epoch == epoch);
    // Nothing of a topic that had no proof in this life is passed over.
    let from = if known.iter().all(is_present) {
        known.iter().flatten().map(|known| known.up_to + 1).min().unwrap_or(0)
    } else {
        0
    };
    let subjects: Vec<_> =
        list.iter().map(|attachment| shard.messages(&attachment.topic)).collect();
    let mut proof = heads::prove(shard, &subjects, from).await?;
    let earliest = known.iter().flatten().min_by_key(|known| known.up_to);
    let is_short = match earliest.filter(|_| from > 0) {
        Some(earliest) if shard.keeps_all_since(earliest).await => true,
        Some(_) => {
            proof = heads::prove(shard, &subjects, 0).await?;
            false
        }
        None => false,
    };
    let proved: HashMap<_, _> = proof.found.iter().collect();
    for ((attachment, subject), before) in list.iter().zip(&subjects).zip(known) {
        let last = proved.get(subject).map(|found| (found.seq_no, found.message_id()));
        let newest = last.as_ref().map(|(newest, _)| *newest);
        let this = Proved { epoch: proof.epoch.clone(), last, up_to: proof.up_to };
        let head = match &before {
            // Passed over, since nothing has come.
            Some(before) if is_short && newest.is_none() && before.epoch == proof.epoch => {
                attachment.unchanged(before, proof.up_to)
            }
            _ => attachment.head(shard, &this).await,
        };
        attachment.tell(head);
    }
    Ok(())
}
