//! After the load: everything expires, the gateway still serves, and it stops when it is told to.

use super::{limits::REST, scene::Scene, vitals::Vitals};
use crate::side::Server;
use crate::socket::{Arrival, PATIENCE, Socket, publish};
use anyhow::{Context, Result, bail, ensure};
use protocol::{AckStatus, ServerFrame, Setup};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The time between two checks of what is left.
const LOOK: Duration = Duration::from_millis(500);

/// Clients that are connected when the gateway is told to stop.
const LAST_GUESTS: usize = 5;

/// Waits until nothing is left and `is_rest` agrees, or until everything should have expired long
/// ago; returns the last reading.
pub(super) async fn rest(server: &Server, is_rest: impl Fn(&Vitals) -> bool) -> Result<Vitals> {
    let end = Instant::now() + REST;
    loop {
        sleep(LOOK).await;
        let vitals = Vitals::of(server).await.context("the gateway at rest")?;
        if Instant::now() > end || (vitals.left_over().is_empty() && is_rest(&vitals)) {
            return Ok(vitals);
        }
    }
}

/// Checks that a subscriber gets its own publish.
pub(super) async fn still_serves(scene: &Scene) -> Result<()> {
    let topic = format!("{}.afterwards", scene.name);
    let setup = Setup {
        token: "afterwards".into(),
        topics: vec![topic.as_str().into()],
        ..Setup::default()
    };
    let mut socket = Socket::enter(scene, "/ws", &setup).await?.socket;
    socket.say(&publish(&topic, "1", "\"still here\"")?).await?;
    let (mut acks, mut messages) = (0, 0);
    while acks + messages < 2 {
        let text = socket.text().await?;
        match ServerFrame::parse(&text)? {
            ServerFrame::Ack(ack) if ack.status == AckStatus::Ok && ack.seq_no.get() == 1 => {
                acks += 1
            }
            ServerFrame::Message(message) if message.data.get() == "\"still here\"" => {
                messages += 1
            }
            _ => bail!("after the load: {text}"),
        }
    }
    ensure!((acks, messages) == (1, 1), "{acks} acks, {messages} messages");
    scene.tally.stored.add(1);
    Ok(())
}

/// Checks that every client is told of the shutdown, and that the process exits with success.
pub(super) async fn goes_in_order(scene: &Scene, server: Server) -> Result<()> {
    let setup = Setup { token: "guest".into(), topics: vec!["guests".into()], ..Setup::default() };
    let mut guests = Vec::new();
    for _ in 0..LAST_GUESTS {
        guests.push(Socket::enter(scene, "/ws", &setup).await?.socket);
    }
    server.ask_to_stop()?;
    for mut guest in guests {
        match timeout(PATIENCE, guest.next())
            .await
            .context("no client is told of the shutdown")??
        {
            Arrival::Close(Some(1001)) => {}
            other => bail!("instead of 1001: {other:?}"),
        }
    }
    let status = server.ended(PATIENCE)?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}
