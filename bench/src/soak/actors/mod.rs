//! The clients. Each repeats its work until it is told to leave; it records the violations that it
//! finds, and continues.

mod backends;
mod brief;
mod bulk;
mod excess;
mod garbage;
mod publishers;
mod readers;
mod visitors;
mod wanderers;

use super::{scene::Scene, stage::Crew};
use anyhow::Result;
use fastrand::Rng;
use std::{pin::Pin, rc::Rc, time::Duration};

/// Topics that are published to all the time.
const TOPICS: usize = 12;
/// The publishers of these topics.
const PUBLISHERS: u32 = 10;
/// The readers of these topics that stay to the end.
const READERS: usize = 120;
/// Readers that lose their connection and resume.
const WANDERERS: usize = 20;
/// Clients that connect and leave.
const VISITORS: usize = 12;
/// Clients that create topics and leave them.
const BRIEF: usize = 3;
/// Readers that stop reading.
const STALLED: usize = 3;
/// Readers that read slowly.
const LEISURELY: usize = 3;

/// The pause of a client after a violation.
const AFTER_A_FAULT: Duration = Duration::from_secs(1);

/// One round of a client's work.
type Act = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Starts all clients.
pub(super) fn enter(scene: &Rc<Scene>, crew: &mut Crew) {
    for number in 0..READERS {
        crew.last(readers::run(scene.clone(), number));
    }
    for number in 0..PUBLISHERS {
        crew.first(publishers::run(scene.clone(), number));
    }
    crew.first(bulk::publisher(scene.clone()));
    for number in 0..LEISURELY {
        crew.last(bulk::leisurely(scene.clone(), number));
    }
    let mut repeat = |count: usize, who: &'static str, act: fn(Rc<Scene>, usize, Rng) -> Act| {
        for number in 0..count {
            crew.first(over_and_over(scene.clone(), who, number, act));
        }
    };
    repeat(WANDERERS, "wanderer", |scene, number, chance| {
        Box::pin(wanderers::wander(scene, number, chance))
    });
    repeat(VISITORS, "visitor", |scene, number, chance| {
        Box::pin(visitors::visit(scene, number, chance))
    });
    repeat(BRIEF, "short-lived topics", |scene, number, chance| {
        Box::pin(brief::topics(scene, number, chance))
    });
    repeat(STALLED, "slow reader", |scene, number, chance| {
        Box::pin(bulk::stalled(scene, number, chance))
    });
    repeat(2, "sender of garbage", |scene, _, chance| Box::pin(garbage::send(scene, chance)));
    repeat(1, "flood", |scene, _, chance| Box::pin(excess::flood(scene, chance)));
    repeat(1, "many subscriptions", |scene, _, chance| {
        Box::pin(excess::subscriptions(scene, chance))
    });
    repeat(1, "crowd", |scene, _, chance| Box::pin(excess::crowd(scene, chance)));
    repeat(1, "backend", |scene, _, chance| Box::pin(backends::publish(scene, chance)));
    repeat(1, "caller", |scene, _, chance| Box::pin(backends::ask(scene, chance)));
}

async fn over_and_over(
    scene: Rc<Scene>,
    who: &'static str,
    number: usize,
    act: fn(Rc<Scene>, usize, Rng) -> Act,
) {
    let mut chance = scene.chance();
    while scene.goes_on() {
        if let Err(error) = act(scene.clone(), number, chance.fork()).await {
            scene.fault(who, &error);
            scene.pause(AFTER_A_FAULT).await;
        }
    }
}
