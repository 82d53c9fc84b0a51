//! Readers that stay: they get every message of their topics, up to the last acknowledged one.

use super::{Scene, TOPICS};
use crate::soak::{ledger::Ledger, reader::Reader};
use crate::socket::{PATIENCE, Socket, Way};
use anyhow::{Context, Result};
use protocol::Setup;
use std::{rc::Rc, time::Duration};
use tokio::time::timeout;

/// Topics per reader.
const EACH: usize = 4;

pub(super) async fn run(scene: Rc<Scene>, number: usize) {
    let topics = (0..EACH).map(|nth| scene.topic((number + nth * 3) % TOPICS)).collect();
    if let Err(error) = to_the_end(&scene, number, topics).await {
        scene.fault(&format!("steady reader {number}"), &error);
    }
}

async fn to_the_end(scene: &Rc<Scene>, number: usize, topics: Vec<String>) -> Result<()> {
    let setup = Setup {
        token: format!("{}-reader-{number}", scene.name).into(),
        topics: topics.iter().map(|topic| topic.as_str().into()).collect(),
        ..Setup::default()
    };
    let entered = Socket::enter(scene, "/ws", &setup).await?;
    let mut reader =
        Reader::begin(scene, entered, Ledger::default(), Duration::ZERO, number.is_multiple_of(2))
            .await?;
    stay(scene, &mut reader).await?;
    let waits = |reader: &Reader| {
        topics
            .iter()
            .find(|topic| reader.ledger.reaches(topic, scene.head(topic)).is_err())
            .cloned()
    };
    while let Some(topic) = waits(&reader) {
        match timeout(PATIENCE, reader.socket.next()).await {
            Ok(arrival) => reader.arrived(arrival?).await?,
            Err(_) => {
                return reader
                    .ledger
                    .reaches(&topic, scene.head(&topic))
                    .context("nothing more came");
            }
        }
    }
    reader.socket.leave(Way::ALL[number % Way::ALL.len()]).await
}

/// Reads until all other clients have left.
pub(super) async fn stay(scene: &Scene, reader: &mut Reader) -> Result<()> {
    let last_called = scene.last_called();
    tokio::pin!(last_called);
    loop {
        let arrival = tokio::select! {
            () = &mut last_called => return Ok(()),
            arrival = reader.socket.next() => arrival?,
        };
        reader.arrived(arrival).await?;
    }
}
