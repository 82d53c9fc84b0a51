//! Clients that request everything that a topic keeps, several times in one write, and again once
//! they have received it. Only the server paces them (`limits.replay_rate`, `limits.replay_bytes`).

use super::{Field, Strikes};
use crate::{
    client::Client,
    wire::{Event, payload::Payload},
    work::crowd::publish,
};
use anyhow::{Context, Result, ensure};
use std::{convert::Infallible, slice, time::Duration};
use tokio::try_join;

/// `history.messages`.
const MESSAGES: u64 = 1000;

/// Bytes per message, large enough to reach both of the server's rates.
const PAYLOAD: usize = 1024;

/// Requests in one write.
const AT_ONCE: usize = 8;

/// The least time between two writes, if the server does not pace them.
const PACE: Duration = Duration::from_millis(10);

pub(super) async fn run(field: &Field, strikes: &Strikes) -> Result<Infallible> {
    let topic = field.names.topic(0);
    let mut publisher =
        Client::open(&field.target, &field.names.publisher(0, topic.clone())).await?;
    publish(&mut publisher, slice::from_ref(&topic), &mut Payload::new(0, PAYLOAD), MESSAGES, 64)
        .await?;
    let one = || one(field, &topic, strikes);
    let (never, ..) = try_join!(one(), one(), one(), one())?;
    Ok(never)
}

async fn one(field: &Field, topic: &str, strikes: &Strikes) -> Result<Infallible> {
    let mut client = Client::open(&field.target, &field.names.subscriber(Vec::new())).await?;
    strikes.go_on(PACE, async || strike(&mut client, topic).await.context("a replay")).await
}

/// Each answer says that the replay starts over; after the last one the messages come to their end.
async fn strike(client: &mut Client, topic: &str) -> Result<()> {
    for _ in 0..AT_ONCE {
        client.subscribe(topic, true)?;
    }
    client.send().await?;
    let (mut answers, mut last) = (0, 0);
    while answers < AT_ONCE || last < MESSAGES {
        client
            .read(|event| {
                match event {
                    Event::Answer => {
                        answers += 1;
                        last = 0;
                    }
                    Event::Message { number, .. } => {
                        ensure!(number == last + 1, "number {number} behind {last}");
                        last = number;
                    }
                    _ => {}
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}
