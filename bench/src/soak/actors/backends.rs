//! Over HTTP: backends that publish, operators that query, readers of the documentation.

use super::{Scene, publishers::OTHERS};
use crate::soak::{http, ledger::payload};
use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use serde_json::{Value, json};
use std::{rc::Rc, time::Duration};

/// The mean time between two requests.
const BETWEEN: Duration = Duration::from_millis(150);

/// The paths that operators and people request.
const PATHS: [(&str, u16); 9] = [
    ("/healthz", 200),
    ("/readyz", 200),
    ("/stats", 200),
    ("/metrics", 200),
    ("/docs", 200),
    ("/openapi.json", 200),
    ("/asyncapi.json", 200),
    ("/nowhere", 404),
    ("/ws", 400),
];

pub(super) async fn ask(scene: Rc<Scene>, mut chance: Rng) -> Result<()> {
    if !scene.pause_about(&mut chance, BETWEEN.div_f64(scene.rate)).await {
        return Ok(());
    }
    let (path, status) = PATHS[chance.usize(..PATHS.len())];
    let answer = http::get(scene.address, path).await?;
    ensure!(answer.status == status, "GET {path} was answered by {}", answer.status);
    scene.tally.requests.add(1);
    if path == "/stats" {
        let stats: Value = serde_json::from_slice(&answer.body)?;
        ensure!(stats["connections"].as_u64() > Some(0), "{stats}");
    }
    Ok(())
}

/// One message, several, a repeat of them, and one without a key.
pub(super) async fn publish(scene: Rc<Scene>, mut chance: Rng) -> Result<()> {
    if !scene.pause_about(&mut chance, BETWEEN.div_f64(scene.rate)).await {
        return Ok(());
    }
    let (topic, run) = (format!("{}.backend", scene.name), chance.u64(..));
    let item = |nth: u64| {
        let payload: Value = serde_json::from_str(&payload(OTHERS + 1, nth, 100))?;
        anyhow::Ok(
            json!({ "topic": topic, "messageId": format!("{run}-{nth}"), "payload": payload }),
        )
    };
    let many: Vec<Value> = (0..chance.u64(1..8)).map(item).collect::<Result<_>>()?;
    let body = json!(many).to_string();
    let stored_before = scene.tally.stored.get();
    let first = results(&scene, &body, "ok").await?;
    scene.tally.stored.add(many.len() as u64);
    ensure!(first.is_sorted_by(|a, b| a < b), "not in order: {first:?}");
    if chance.bool() && scene.is_remembered(stored_before) {
        let again = results(&scene, &body, "duplicate").await?;
        ensure!(again == first, "first numbered {first:?}, then {again:?}");
        scene.tally.duplicates.add(many.len() as u64);
    }
    if chance.u8(..5) == 0 {
        let refused = http::post(scene.address, "/publish", "an unknown key", &body).await?;
        ensure!(refused.status == 401, "a wrong key was answered by {}", refused.status);
        let one = http::get(scene.address, &format!("/demo/publish/{topic}?run={run}")).await?;
        ensure!(one.status == 200, "a publish by GET was answered by {}", one.status);
        scene.tally.stored.add(1);
        scene.tally.requests.add(2);
    }
    Ok(())
}

/// Checks the status of each item and returns their numbers.
async fn results(scene: &Scene, body: &str, status: &str) -> Result<Vec<u64>> {
    let answer = http::post(scene.address, "/publish", http::KEY, body).await?;
    ensure!(
        answer.status == 200,
        "answered by {}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    scene.tally.requests.add(1);
    let answer: Value = serde_json::from_slice(&answer.body)?;
    let results = answer["results"].as_array().context("no results")?;
    results
        .iter()
        .map(|result| {
            ensure!(result["status"] == status, "expected {status}: {result}");
            result["seqNo"].as_u64().context("no number")
        })
        .collect()
}
