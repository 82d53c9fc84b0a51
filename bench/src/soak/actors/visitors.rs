//! Clients that connect, read for a moment and leave, in every possible way.

use super::{Scene, TOPICS};
use crate::soak::{ledger::Ledger, limits::PING, reader::Reader};
use crate::socket::{Socket, Way, subscribe, unsubscribe};
use anyhow::{Result, ensure};
use fastrand::Rng;
use protocol::Setup;
use std::{rc::Rc, time::Duration};
use tokio::time::Instant;

/// The mean time between two visits of one visitor.
const BETWEEN: Duration = Duration::from_millis(250);

/// One of this many visits ends half-open.
const HALF_OPEN: usize = 30;

pub(super) async fn visit(scene: Rc<Scene>, number: usize, mut chance: Rng) -> Result<()> {
    if !scene.pause_about(&mut chance, BETWEEN.div_f64(scene.rate)).await {
        return Ok(());
    }
    let mut topics: Vec<_> = (0..TOPICS).map(|topic| scene.topic(topic)).collect();
    chance.shuffle(&mut topics);
    let path = if chance.bool() { "/ws".to_owned() } else { format!("/ws/sub/{}", topics[0]) };
    let asked = &topics[1..chance.usize(1..5)];
    let setup = Setup {
        token: format!("{}-visitor-{number}", scene.name).into(),
        topics: asked.iter().map(|topic| topic.as_str().into()).collect(),
        ..Setup::default()
    };
    let entered = Socket::enter(&scene, &path, &setup).await?;
    let expected = asked.len() + usize::from(path != "/ws");
    ensure!(
        entered.answers.len() == expected,
        "{} answers to {expected} topics",
        entered.answers.len()
    );
    let mut reader =
        Reader::begin(&scene, entered, Ledger::default(), Duration::ZERO, false).await?;
    for topic in &topics[5..chance.usize(5..8)] {
        reader.socket.put(&subscribe(topic)?)?;
        if chance.bool() {
            reader.socket.put(&unsubscribe(topic)?)?;
        }
    }
    reader.socket.flush().await?;
    reader.read_until(Instant::now() + Duration::from_millis(chance.u64(..300))).await?;
    scene.departs();
    if chance.usize(..HALF_OPEN) == 0 {
        return hang(&scene, reader.socket).await;
    }
    reader.socket.leave(Way::ALL[chance.usize(..Way::ALL.len())]).await
}

/// Acts like a dead connection: the gateway's pings are no longer answered.
async fn hang(scene: &Scene, mut socket: Socket) -> Result<()> {
    socket.ignore_pings();
    let since = Instant::now();
    tokio::select! {
        () = scene.stopped() => return socket.leave(Way::Reset).await,
        code = socket.close_code() => {
            let code = code?;
            ensure!(code == Some(4408), "a client that does not answer was closed with {code:?}");
        }
    }
    ensure!(since.elapsed() >= PING, "closed after {:?} without an answer", since.elapsed());
    scene.tally.half_open.add(1);
    Ok(())
}
