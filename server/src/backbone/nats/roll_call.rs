//! What the gateways of the fleet say of themselves. A gateway asks all, and takes what comes within
//! a moment: no list of gateways has to be kept, and one that was killed is missing at once.

use super::{Fleet, connection::Connection};
use crate::chance;
use futures_util::StreamExt;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long answers are waited for.
const LIMIT: Duration = Duration::from_millis(300);

/// Answers that are taken.
const MOST: usize = 1_000;

/// Tells a gateway's own question from those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller([u8; 16]);

impl Caller {
    pub(super) fn new() -> Self {
        Self(chance::draw())
    }
}

fn question(name: &str) -> String {
    format!("{name}.s")
}

/// Answers the questions of others, for as long as the connection lasts.
pub(super) async fn answer(connection: Arc<Connection>, fleet: Arc<Fleet>) {
    let client = connection.client();
    let Ok(mut asked) = client.subscribe(question(&fleet.settings.name)).await else { return };
    while let Some(message) = asked.next().await {
        let (Some(back), Some(own)) = (message.reply, fleet.introduction.get()) else { continue };
        if message.payload[..] != fleet.caller.0 {
            // If the connection has broken, nothing waits for the answer any more.
            let _ = client.publish(back, own().into()).await;
        }
    }
}

/// What the others say. Nothing if there is no connection.
pub(super) async fn ask(fleet: &Fleet) -> Vec<Vec<u8>> {
    let end = Instant::now() + LIMIT;
    let mut answers = Vec::new();
    // What has come until the end is the answer.
    let _ = timeout_at(end, collect(fleet, &mut answers)).await;
    answers
}

async fn collect(fleet: &Fleet, answers: &mut Vec<Vec<u8>>) -> Option<()> {
    let session = fleet.session().await;
    let client = session.connection.client();
    let name = &fleet.settings.name;
    let back = format!("{name}.r.{:032x}", chance::draw::<u128>());
    let mut answered = client.subscribe(back.clone()).await.ok()?;
    let payload = fleet.caller.0.to_vec().into();
    client.publish_with_reply(question(name), back, payload).await.ok()?;
    while answers.len() < MOST {
        answers.push(answered.next().await?.payload.into());
    }
    Some(())
}
