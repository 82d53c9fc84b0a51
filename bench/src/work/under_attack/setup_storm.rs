//! Clients, one after the other, with the largest setup that is allowed: of its topics, all of them
//! new, the first 1,000 get a subscription and thousands are refused. Each leaves without a close
//! frame, so that its session stays.

use super::{Field, Strikes, is, setup};
use crate::{socket::Socket, work::frames::list};
use anyhow::{Result, ensure};
use std::{cell::Cell, convert::Infallible, time::Duration};

/// The time between two clients.
const PACE: Duration = Duration::from_millis(20);

/// Bytes of the topics' names: with the rest of the setup a little less than 64 KiB.
const BYTES: usize = 64 * 1024 - 512;

/// `limits.max_subscriptions`.
const SUBSCRIPTIONS: usize = 1000;

pub(super) async fn run(field: &Field, strikes: &Strikes) -> Result<Infallible> {
    let number = Cell::new(0);
    strikes.go_on(PACE, async || strike(field, number.replace(number.get() + 1)).await).await
}

async fn strike(field: &Field, number: usize) -> Result<()> {
    let topics = list(BYTES, |n| format!(r#""{number}.{n}""#));
    let mut socket = Socket::open(field.target.address, "/ws", None).await?;
    socket.put_text(setup(&field.names.user(0), &topics).as_bytes());
    socket.flush().await?;
    let mut subscribed = 0;
    loop {
        let answer = socket.text().await?;
        if is(&answer, "subscribed") {
            subscribed += 1;
        } else if is(&answer, "ready") {
            ensure!(
                subscribed == SUBSCRIPTIONS,
                "{subscribed} topics of a setup were subscribed to"
            );
            return Ok(());
        } else {
            ensure!(answer.contains("TOO_MANY_SUBSCRIPTIONS"), "a topic was answered by {answer}");
        }
    }
}
