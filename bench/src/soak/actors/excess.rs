//! Clients that ask for more than they may have: each is refused or closed as documented.

use super::{Scene, TOPICS};
use crate::soak::limits::{BURST, CONNECTIONS, REFUSALS, SUBSCRIPTIONS};
use crate::socket::{Arrival, PATIENCE, Socket, Way, publish, subscribe};
use anyhow::{Result, bail, ensure};
use fastrand::Rng;
use protocol::{AckStatus, ErrorCode, ServerFrame, Setup};
use std::{rc::Rc, time::Duration};
use tokio::time::timeout;

/// The mean time between two of each kind.
const BETWEEN: Duration = Duration::from_secs(8);

/// The publishes of a flood above the burst: enough to be closed, although some pass meanwhile.
const ABOVE: usize = 3 * BURST;

/// Publishes more than a connection may: the excess is refused, and after many refusals in a row
/// the connection is closed with 4429.
pub(super) async fn flood(scene: Rc<Scene>, mut chance: Rng) -> Result<()> {
    if !scene.pause_about(&mut chance, BETWEEN).await {
        return Ok(());
    }
    let setup = Setup { token: format!("{}-flood", scene.name).into(), ..Setup::default() };
    let mut socket = Socket::enter(&scene, "/ws", &setup).await?.socket;
    let (topic, run) = (format!("{}.flood", scene.name), chance.u64(..));
    for number in 0..BURST + ABOVE {
        socket.put(&publish(&topic, &format!("{run}-{number}"), "0")?)?;
    }
    let (mut stored, mut refused) = (0, 0);
    // The gateway may close the connection before everything was sent.
    let _ = socket.flush().await;
    loop {
        match timeout(PATIENCE, socket.next()).await?? {
            Arrival::Text(text) => match ServerFrame::parse(&text)? {
                ServerFrame::Ack(ack) if ack.status == AckStatus::Ok => {
                    stored += 1;
                    scene.tally.stored.add(1);
                }
                ServerFrame::Error(error)
                    if error.code == ErrorCode::RateLimited && error.retry_after_ms.is_some() =>
                {
                    refused += 1;
                    scene.tally.refused.add(1);
                }
                _ => bail!("a flood was answered by {text}"),
            },
            Arrival::Close(Some(4429)) => break,
            other => bail!("a flood got {other:?} after {stored} stored and {refused} refused"),
        }
    }
    ensure!(stored >= BURST && refused >= REFUSALS, "{stored} stored, {refused} refused");
    scene.tally.rated.add(1);
    Ok(())
}

/// Requests more subscriptions than a connection may have.
pub(super) async fn subscriptions(scene: Rc<Scene>, mut chance: Rng) -> Result<()> {
    if !scene.pause_about(&mut chance, BETWEEN).await {
        return Ok(());
    }
    let setup = Setup { token: format!("{}-many", scene.name).into(), ..Setup::default() };
    let mut socket = Socket::enter(&scene, "/ws", &setup).await?.socket;
    let asked = SUBSCRIPTIONS + 10;
    let topics: Vec<_> = (0..asked).map(|number| format!("{}.many.{number}", scene.name)).collect();
    for topic in &topics {
        socket.put(&subscribe(topic)?)?;
    }
    socket.flush().await?;
    let (mut subscribed, mut too_many, mut no_topic) = (0, 0, 0);
    while subscribed + too_many + no_topic < asked {
        let text = socket.text().await?;
        match ServerFrame::parse(&text)? {
            ServerFrame::Subscribed(_) => subscribed += 1,
            ServerFrame::Error(error) if error.code == ErrorCode::TooManySubscriptions => {
                too_many += 1
            }
            ServerFrame::Error(error) if error.code == ErrorCode::TooManyTopics => no_topic += 1,
            _ => bail!("a subscription was answered by {text}"),
        }
    }
    ensure!(
        subscribed == SUBSCRIPTIONS || (no_topic > 0 && subscribed < SUBSCRIPTIONS),
        "{subscribed} subscriptions, {too_many} refused"
    );
    scene.tally.refused.add((too_many + no_topic) as u64);
    socket.leave(Way::EndSession).await
}

/// Opens more connections than are allowed: one of them is closed with 1013.
pub(super) async fn crowd(scene: Rc<Scene>, mut chance: Rng) -> Result<()> {
    if !scene.pause_about(&mut chance, BETWEEN).await {
        return Ok(());
    }
    let setup = Setup {
        token: format!("{}-crowd", scene.name).into(),
        topics: vec![scene.topic(chance.usize(..TOPICS)).into()],
        ..Setup::default()
    };
    let mut crowd = Vec::new();
    let mut is_full = false;
    while !is_full && scene.goes_on() {
        ensure!(crowd.len() <= CONNECTIONS, "{} connections were accepted", crowd.len());
        let mut socket = Socket::open(scene.address, "/ws", None).await?;
        socket.say(&protocol::ClientFrame::Setup(setup.clone())).await?;
        is_full = loop {
            match timeout(PATIENCE, socket.next()).await?? {
                Arrival::Text(text)
                    if matches!(ServerFrame::parse(&text)?, ServerFrame::Ready(_)) =>
                {
                    break false;
                }
                Arrival::Text(_) => {}
                Arrival::Close(Some(1013)) => break true,
                other => bail!("a connection above the limit got {other:?}"),
            }
        };
        crowd.push(socket);
    }
    scene.tally.full.add(u64::from(is_full));
    for socket in crowd {
        scene.departs();
        drop(socket);
    }
    Ok(())
}
