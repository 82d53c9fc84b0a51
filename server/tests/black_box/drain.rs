//! How a gateway stops when it is asked to.

use crate::gateway::{Gateway, Socket};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn nothing_acked_is_undelivered_to_a_reader_that_reads() {
    let gateway = Gateway::start(&[]);
    let mut readers = Vec::new();
    for i in 0..20 {
        readers.push(gateway.user(&format!("r{i}"), &["t"]).await);
    }
    let mut publisher = gateway.user("p", &[]).await;
    let publishing = tokio::spawn(async move {
        let payload = "x".repeat(5_000);
        let mut acked = 0;
        let (mut codes, mut id) = (Vec::new(), 0);
        'all: loop {
            let frames: Vec<_> = (id..id + 50)
                .map(|id| json!({ "type": "publish", "topic": "t", "messageId": format!("{id}"), "payload": payload }))
                .collect();
            id += 50;
            if publisher.try_pipeline(&frames).await.is_err() {
                break;
            }
            for _ in &frames {
                let Some(answer) = publisher.try_next().await else { break 'all };
                match answer["seqNo"].as_u64() {
                    Some(seq_no) => acked = seq_no,
                    None => codes.push(answer["code"].as_str().unwrap().to_owned()),
                }
            }
        }
        (acked, codes)
    });
    let first = &mut readers[0];
    while first.next().await["seqNo"] != 500 {}
    gateway.signal("TERM");
    let mut delivered = Vec::new();
    for (i, reader) in readers.iter_mut().enumerate() {
        let (code, frames) = reader.closed().await;
        assert_eq!(code, Some(1001));
        let start = if i == 0 { 500 } else { 0 };
        let numbers: Vec<u64> =
            frames.iter().map(|frame| frame["seqNo"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (start + 1..=start + numbers.len() as u64).collect::<Vec<_>>());
        delivered.push(start + numbers.len() as u64);
    }
    let (acked, codes) = publishing.await.unwrap();
    assert!(
        delivered.iter().all(|delivered| *delivered >= acked),
        "acked {acked}, delivered {delivered:?}"
    );
    assert!(codes.iter().all(|code| code == "SHUTTING_DOWN"), "{codes:?}");
    assert!(gateway.ended());
}

#[tokio::test]
async fn it_is_not_ready_takes_nobody_and_waits_for_who_still_has_to_catch_up() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_LIMITS__REPLAY_RATE", "100")]);
    let mut socket = gateway.user("u", &[]).await;
    for id in 0..250 {
        assert_eq!(
            socket.ask(&json!({ "type": "publish", "topic": "t", "messageId": id.to_string(), "payload": null })).await["status"],
            "ok"
        );
    }
    assert_eq!(
        socket.ask(&json!({ "type": "subscribe", "topic": "t", "lastSeq": 0 })).await["recovered"],
        true
    );
    assert_eq!(gateway.get("/readyz").await.status(), 200);
    gateway.signal("TERM");
    gateway.becomes_unready().await;
    assert_eq!(gateway.get("/healthz").await.status(), 200);
    assert_eq!(gateway.refusal("/ws").await, 503);
    let (mut last, mut refused) = (0, false);
    socket
        .send(
            &json!({ "type": "publish", "topic": "t", "messageId": "late", "payload": null })
                .to_string(),
        )
        .await;
    let (code, frames) = socket.closed().await;
    for frame in frames {
        match frame["seqNo"].as_u64() {
            Some(seq_no) => {
                assert_eq!(seq_no, last + 1);
                last = seq_no;
            }
            None => refused = frame["code"] == "SHUTTING_DOWN",
        }
    }
    assert_eq!((code, last, refused), (Some(1001), 250, true));
    assert!(gateway.ended());
}

/// A second signal ends a replay that would take minutes, within a drain time that would not end
/// it.
#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__REPLAY_RATE", "1"),
        ("MICRO_SOCKET_TIMEOUTS__DRAIN", "10m"),
    ]);
    let mut socket = gateway.user("u", &[]).await;
    catch_up_for_ever(&mut socket).await;
    gateway.signal("TERM");
    gateway.becomes_unready().await;
    gateway.signal("INT");
    while socket.read().await.is_some() {}
    assert!(gateway.ended());
}

#[tokio::test]
async fn who_does_not_take_everything_in_time_is_closed_all_the_same() {
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_LIMITS__REPLAY_RATE", "1"),
        ("MICRO_SOCKET_TIMEOUTS__DRAIN", "300ms"),
    ]);
    let mut socket = gateway.user("u", &[]).await;
    catch_up_for_ever(&mut socket).await;
    gateway.signal("TERM");
    assert_eq!(socket.closed().await.0, Some(1001));
    assert!(gateway.ended());
}

#[tokio::test]
async fn connections_end_one_after_the_other_unless_somebody_waits_at_the_terminal() {
    for (name, least) in [("TERM", Duration::from_millis(190)), ("INT", Duration::ZERO)] {
        let gateway = Gateway::start(&[]);
        let mut sockets = Vec::new();
        for i in 0..20 {
            sockets.push(gateway.user(&format!("u{i}"), &[]).await);
        }
        let start = Instant::now();
        gateway.signal(name);
        for socket in &mut sockets {
            assert_eq!(socket.closed().await.0, Some(1001));
        }
        assert!(start.elapsed() >= least, "{:?}", start.elapsed());
        assert!(gateway.ended());
    }
}

#[tokio::test]
async fn an_unready_gateway_works_on_and_a_second_signal_ends_it() {
    let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__UNREADY", "1h")]);
    let mut old = gateway.user("old", &["t"]).await;
    gateway.signal("TERM");
    gateway.becomes_unready().await;
    assert_eq!(gateway.get("/healthz").await.status(), 200);
    let mut new = gateway.user("new", &["t"]).await;
    assert_eq!(
        new.ask(&json!({ "type": "publish", "topic": "u", "messageId": "1", "payload": 1 })).await
            ["status"],
        "ok"
    );
    assert_eq!(gateway.get("/demo/publish/t?a=1").await.status(), 200);
    assert_eq!((&old.next().await["seqNo"], &new.next().await["seqNo"]), (&json!(1), &json!(1)));
    gateway.signal("TERM");
    assert_eq!(old.closed().await, (None, Vec::new()), "without a drain");
    assert!(gateway.ended());
}

#[tokio::test]
async fn connections_are_closed_after_the_unready_time_and_at_the_terminal_without_it() {
    for (name, unready, least) in [("TERM", "300ms", 300), ("QUIT", "300ms", 300), ("INT", "1h", 0)]
    {
        let gateway = Gateway::start(&[("MICRO_SOCKET_TIMEOUTS__UNREADY", unready)]);
        let mut socket = gateway.user("u", &[]).await;
        let start = Instant::now();
        gateway.signal(name);
        assert_eq!(socket.closed().await.0, Some(1001), "{name}");
        assert!(start.elapsed() >= Duration::from_millis(least), "{name}: {:?}", start.elapsed());
        drop(socket);
        assert!(gateway.ended(), "{name}");
    }
}

#[tokio::test]
async fn other_signals_do_not_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let gateway = Gateway::start_logging_to(&[], std::fs::File::create(&log).unwrap());
    let mut socket = gateway.user("u", &[]).await;
    for name in ["USR1", "USR2"] {
        gateway.signal(name);
    }
    gateway.signal("TERM");
    assert_eq!(socket.closed().await.0, Some(1001));
    drop(socket);
    assert!(gateway.ended());
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("SIGUSR1") && log.contains("SIGUSR2"), "{log}");
}

async fn catch_up_for_ever(socket: &mut Socket) {
    for id in 0..100 {
        assert_eq!(
            socket.ask(&json!({ "type": "publish", "topic": "t", "messageId": id.to_string(), "payload": null })).await["status"],
            "ok"
        );
    }
    assert_eq!(
        socket.ask(&json!({ "type": "subscribe", "topic": "t", "lastSeq": 0 })).await["recovered"],
        true
    );
}
