//! Workers that are busy for longer than the shutdown may take, and calls that never return: the
//! process ends nevertheless.

use micro_socket::{
    Server,
    config::{Config, ListenAddress, Sources},
    serve::{Listeners, Runtimes},
};
use std::{
    io::{BufRead, BufReader},
    num::NonZeroUsize,
    process::{Command, Stdio},
    time::Duration,
};
use tokio::{task::spawn_blocking, time::timeout};

const READY: &str = "all workers are busy";

/// Not a test: the process that the test stops.
#[test]
#[ignore = "it is the process that the test ends"]
fn subject() {
    let workers = NonZeroUsize::new(2).unwrap();
    let runtimes = Runtimes::new(workers).unwrap();
    let running = runtimes.start(async {
        let mut config = Config::default();
        config.timeouts.drain = Duration::from_millis(100);
        config.listen = vec![ListenAddress::Tcp(([127, 0, 0, 1], 0).into())];
        let listeners = Listeners::open(&config).unwrap();
        let server = Server::prepare(config).unwrap();
        let running = server.start(listeners, Sources::default()).await.unwrap();
        spawn_blocking(std::thread::park);
        let (busy, all) = std::sync::mpsc::channel();
        for _ in 0..workers.get() {
            let busy = busy.clone();
            tokio::spawn(async move {
                busy.send(()).unwrap();
                loop {
                    std::thread::park();
                }
            });
        }
        // On the main thread, which is not a worker.
        all.iter().take(workers.get()).for_each(drop);
        running
    });
    println!("\n{READY}");
    runtimes.end(running.until_stopped()).unwrap();
}

#[tokio::test]
async fn the_process_ends_although_all_workers_are_busy() {
    let mut subject = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "busy::subject", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(subject.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == READY));
    assert!(
        Command::new("kill")
            .args(["-s", "TERM", &subject.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let end = timeout(Duration::from_secs(20), spawn_blocking(|| lines.for_each(drop))).await;
    let _ended = subject.kill();
    assert!(subject.wait().unwrap().success() && end.is_ok(), "it had to be killed");
}
