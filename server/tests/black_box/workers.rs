//! The number of worker threads.

use crate::gateway::Gateway;
use std::process::Command;

#[test]
fn a_wrong_number_in_the_environment_is_refused_by_name() {
    for command in [&["--listen", "127.0.0.1:0"][..], &["check"]] {
        let mut process = Command::new(env!("CARGO_BIN_EXE_micro-socket"));
        let output =
            process.env_clear().env("TOKIO_WORKER_THREADS", "x").args(command).output().unwrap();
        let reason = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{reason}");
        assert!(reason.contains("TOKIO_WORKER_THREADS: found \"x\"; allowed: "), "{reason}");
    }
}

#[tokio::test]
async fn the_configuration_comes_before_the_environment() {
    for (environment, expected) in [
        (&[("TOKIO_WORKER_THREADS", "3")][..], 3.0),
        (&[("TOKIO_WORKER_THREADS", "3"), ("MICRO_SOCKET_RUNTIME__WORKERS", "5")], 5.0),
        (&[("TOKIO_WORKER_THREADS", "x"), ("MICRO_SOCKET_RUNTIME__WORKERS", "4")], 4.0),
    ] {
        let gateway = Gateway::start(environment);
        assert_eq!(gateway.metrics().await["micro_socket_workers"], expected, "{environment:?}");
    }
}
