//! SIGHUP: the files that are read again, and that invalid ones change nothing.

use crate::gateway::Gateway;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const FIRST: &str = "the-first-key-of-a-backend";
const SECOND: &str = "the-second-key-of-a-backend";
const KEY_SET: &str = "/.well-known/micro-socket-keys";
const MESSAGE: &str = r#"{"topic":"t","payload":1}"#;

/// A gateway whose files are all in one folder.
struct Scene {
    folder: TempDir,
    gateway: Gateway,
}

impl Scene {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("api-keys"), FIRST).unwrap();
        generate(&file("signing.pem"));
        fs::write(
            file("gateway.toml"),
            format!(
                "[http]\napi_keys_file = {:?}\n[signing]\nkey_file = {:?}\nprevious_key_files = [{:?}]\n[log]\nlevel = \"info\"\n",
                file("api-keys"),
                file("signing.pem"),
                file("former.pem")
            ),
        )
        .unwrap();
        fs::copy(file("signing.pem"), file("former.pem")).unwrap();
        let gateway = Gateway::start_by(
            &["--config", file("gateway.toml").to_str().unwrap()],
            &[],
            File::create(file("log")).unwrap(),
        );
        Self { folder, gateway }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap()
    }

    /// Sends the signal, and waits until the gateway has handled it.
    async fn reload(&self) {
        let done = |log: &str| log.lines().filter(|line| line.ends_with("reloaded")).count();
        let (before, deadline) = (done(&self.log()), Instant::now() + Duration::from_secs(10));
        self.gateway.signal("HUP");
        while done(&self.log()) == before {
            assert!(Instant::now() < deadline, "{}", self.log());
            // Nothing tells when a line has been written, so look again.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn key_set(&self) -> Vec<Value> {
        self.gateway.json(KEY_SET).await["keys"].as_array().unwrap().clone()
    }
}

fn generate(file: &Path) {
    let _absent = fs::remove_file(file);
    assert!(
        Command::new(env!("CARGO_BIN_EXE_micro-socket"))
            .args(["keys", "generate"])
            .arg(file)
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn keys_of_backends_are_exchanged() {
    let scene = Scene::start();
    assert_eq!(scene.gateway.publish(FIRST, MESSAGE).await.status(), 200);
    fs::write(scene.file("api-keys"), SECOND).unwrap();
    assert_eq!(scene.gateway.publish(SECOND, MESSAGE).await.status(), 401, "not before the signal");
    scene.reload().await;
    assert_eq!(scene.gateway.publish(SECOND, MESSAGE).await.status(), 200);
    assert_eq!(scene.gateway.publish(FIRST, MESSAGE).await.status(), 401);
}

#[tokio::test]
async fn the_key_that_signs_is_exchanged_and_the_former_one_is_listed() {
    let scene = Scene::start();
    let before = scene.key_set().await;
    assert_eq!(before.len(), 1, "the same key twice");
    let mut reader = scene.gateway.user("reader", &["t"]).await;
    scene.gateway.publish(FIRST, MESSAGE).await;
    let old = reader.next().await["sig"].clone();
    generate(&scene.file("signing.pem"));
    scene.reload().await;
    let after = scene.key_set().await;
    assert_eq!((after.len(), &after[1]), (2, &before[0]));
    scene.gateway.publish(FIRST, MESSAGE).await;
    let new = reader.next().await["sig"].clone();
    assert!(new.is_string() && new != old);
}

#[tokio::test]
async fn the_level_of_the_log_changes_and_other_keys_are_named() {
    let scene = Scene::start();
    let connect = async || drop(scene.gateway.user("u", &[]).await);
    connect().await;
    let config = fs::read_to_string(scene.file("gateway.toml")).unwrap();
    fs::write(
        scene.file("gateway.toml"),
        config.replace("\"info\"", "\"debug\"") + "[limits]\nmax_frame = \"1MiB\"\n",
    )
    .unwrap();
    assert!(!scene.log().contains("DEBUG"), "{}", scene.log());
    scene.reload().await;
    connect().await;
    let log = scene.log();
    assert!(log.contains("DEBUG"), "{log}");
    let restart = log.lines().find(|line| line.contains("need a restart")).unwrap();
    assert!(restart.contains("limits.max_frame") && !restart.contains("log.level"), "{restart}");
}

#[tokio::test]
async fn what_is_broken_stays_as_it_is_and_the_log_says_why() {
    let scene = Scene::start();
    let mut socket = scene.gateway.user("u", &[]).await;
    let keys = scene.key_set().await;
    for (file, content) in
        [("gateway.toml", "[log]\nlevel = 7"), ("api-keys", "short"), ("signing.pem", "nothing")]
    {
        fs::write(scene.file(file), content).unwrap();
    }
    scene.reload().await;
    let log = scene.log();
    for reason in [
        "gateway.toml:2: log.level: found 7",
        "api-keys:1: a key has at least 16 characters",
        "signing.pem: not an Ed25519 private key",
    ] {
        assert!(
            log.lines().any(|line| line.contains("WARN") && line.contains(reason)),
            "{reason} is not in\n{log}"
        );
    }
    let metrics = scene.gateway.metrics().await;
    for (what, failures) in
        [("configuration", 1.0), ("api_keys", 1.0), ("signing_keys", 1.0), ("certificate", 0.0)]
    {
        assert_eq!(
            metrics[&format!("micro_socket_reload_failures_total{{what=\"{what}\"}}")],
            failures,
            "{what}"
        );
    }
    assert_eq!(scene.key_set().await, keys);
    assert_eq!(scene.gateway.publish(FIRST, MESSAGE).await.status(), 200);
    assert_eq!(socket.ask(&json!({ "type": "ping" })).await["type"], "pong", "connections go on");
    fs::write(scene.file("api-keys"), SECOND).unwrap();
    scene.reload().await;
    assert_eq!(
        scene.gateway.publish(SECOND, MESSAGE).await.status(),
        200,
        "one that is good is taken over beside others that are not"
    );
}
