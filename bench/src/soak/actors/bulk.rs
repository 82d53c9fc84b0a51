//! A topic with large messages, readers that are slow but keep up, and readers that stop reading
//! and are closed for it.

use super::{Scene, publishers::OTHERS};
use crate::soak::{
    ledger::{Ledger, payload},
    limits::BULK,
    reader::Reader,
};
use crate::socket::{Arrival, PATIENCE, Socket, Way, publish};
use anyhow::{Result, bail, ensure};
use fastrand::Rng;
use protocol::{AckStatus, ServerFrame, Setup};
use std::{rc::Rc, time::Duration};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// The time between two batches, and the messages per batch: 2 MiB per second.
const TICK: Duration = Duration::from_millis(100);
const BATCH: u64 = 4;

/// The pause of a slow reader after each message: it could still take five times the rate.
const LEISURE: Duration = Duration::from_millis(5);

/// The shortest stop; twice as long is still short enough to answer the pings in time.
const STALL: Duration = Duration::from_millis(2500);

/// The receive buffer of a client that does not read: the smallest that the kernel allows. (On the
/// gateway's side the kernel holds up to 3 MiB.)
const NARROW: u32 = 4096;

pub(super) async fn publisher(scene: Rc<Scene>) {
    if let Err(error) = publish_on(&scene).await {
        scene.fault("publisher of large messages", &error);
    }
}

async fn publish_on(scene: &Scene) -> Result<()> {
    let setup = Setup { token: format!("{}-bulk", scene.name).into(), ..Setup::default() };
    let mut socket = Socket::enter(scene, "/ws", &setup).await?.socket;
    let topic = scene.bulk();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0;
    while scene.goes_on() {
        ticks.tick().await;
        for number in count + 1..=count + BATCH {
            socket.put(&publish(&topic, &number.to_string(), &payload(OTHERS, number, BULK))?)?;
        }
        count += BATCH;
        socket.flush().await?;
        for _ in 0..BATCH {
            let text = socket.text().await?;
            let ServerFrame::Ack(ack) = ServerFrame::parse(&text)? else {
                bail!("no ack, but {text}")
            };
            ensure!(ack.status == AckStatus::Ok, "published for the first time: {text}");
            scene.tally.stored.add(1);
            scene.acknowledged(&topic, ack.seq_no.get());
        }
    }
    socket.leave(Way::Close).await
}

async fn enter(scene: &Rc<Scene>, who: String, receive_buffer: Option<u32>) -> Result<Reader> {
    let setup = Setup { token: who.into(), topics: vec![scene.bulk().into()], ..Setup::default() };
    let entered = Socket::enter_narrow(scene, "/ws", &setup, receive_buffer).await?;
    Reader::begin(scene, entered, Ledger::default(), Duration::ZERO, false).await
}

/// Reads slowly to the end, and is never closed.
pub(super) async fn leisurely(scene: Rc<Scene>, number: usize) {
    let reading = async {
        let mut reader = enter(&scene, format!("{}-leisurely-{number}", scene.name), None).await?;
        let before_the_end = async {
            loop {
                let arrival = reader.socket.next().await?;
                reader.arrived(arrival).await?;
                scene.tally.leisurely.add(1);
                sleep(LEISURE).await;
            }
        };
        let ended: Option<Result<()>> = tokio::select! {
            () = scene.last_called() => None,
            ended = before_the_end => Some(ended),
        };
        ended.transpose()?;
        let topic = scene.bulk();
        while reader.ledger.reaches(&topic, scene.head(&topic)).is_err() {
            match timeout(PATIENCE, reader.socket.next()).await {
                Ok(arrival) => reader.arrived(arrival?).await?,
                Err(_) => reader.ledger.reaches(&topic, scene.head(&topic))?,
            }
        }
        reader.socket.leave(Way::Close).await
    };
    if let Err(error) = reading.await {
        scene.fault("leisurely reader", &error);
    }
}

/// Stops reading until more waits than is allowed, then reads on, and finds whole messages in order
/// and then the close code. If the machine is too slow for that, it gets everything.
pub(super) async fn stalled(scene: Rc<Scene>, number: usize, mut chance: Rng) -> Result<()> {
    let topic = scene.bulk();
    let mut reader =
        enter(&scene, format!("{}-stalled-{number}", scene.name), Some(NARROW)).await?;
    scene.departs();
    if !scene.pause(STALL.mul_f64(1.0 + chance.f64())).await {
        return reader.socket.leave(Way::Reset).await;
    }
    let head = scene.head(&topic);
    loop {
        match timeout(PATIENCE, reader.socket.next()).await?? {
            Arrival::Text(text) => reader.take(&text)?,
            Arrival::Close(Some(4290)) => break,
            other => bail!("a slow reader got {other:?}"),
        }
        if reader.ledger.reaches(&topic, head).is_ok() {
            return reader.socket.leave(Way::Close).await;
        }
    }
    scene.tally.slow.add(1);
    Ok(())
}
