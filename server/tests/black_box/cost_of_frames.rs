//! The cost of the largest frame of each kind, compared with a frame of a tenth of its size: linear
//! work costs ten times as much, quadratic work a hundred times. Measured as the gateway's
//! processor time, so that other processes do not count.

use crate::{
    gateway::Gateway,
    raw::{Raw, text},
};
use std::time::Duration;

/// A frame of the default limit of 64 KiB, minus the bytes for JSON and the WebSocket header.
const LARGEST: usize = 64 * 1024 - 256;
const ROUNDS: usize = 5;
/// The allowed cost, as a multiple of the cost of the smaller frame.
const LIMIT: f64 = 20.0;

/// A kind of frame: its name, and a function that gives its text of about this many bytes.
type Frame = (&'static str, fn(usize) -> String);

/// As many of `item` as fit, separated by commas.
fn list(bytes: usize, item: impl Fn(usize) -> String) -> String {
    let mut list = String::with_capacity(bytes);
    for number in 0.. {
        let next = item(number);
        if list.len() + next.len() + 1 > bytes {
            return list;
        }
        if number > 0 {
            list.push(',');
        }
        list += &next;
    }
    list
}

/// Frames before a good setup, each on a connection of its own.
const SETUPS: [Frame; 6] = [
    ("setup with topics", |bytes| {
        format!(
            r#"{{"type":"setup","token":"u","topics":[{}]}}"#,
            list(bytes, |n| format!(r#""t{n}""#))
        )
    }),
    ("setup with one topic many times", |bytes| {
        format!(
            r#"{{"type":"setup","token":"u","topics":[{}]}}"#,
            list(bytes, |_| r#""t""#.to_owned())
        )
    }),
    ("setup with positions", |bytes| {
        format!(
            r#"{{"type":"setup","token":"u","lastSeq":{{{}}}}}"#,
            list(bytes, |n| format!(r#""t{n}":1"#))
        )
    }),
    ("setup with escaped topics", |bytes| {
        format!(
            r#"{{"type":"setup","token":"u","lastSeq":{{{}}}}}"#,
            list(bytes, |n| format!(r#""\ud800\n{n}":null"#))
        )
    }),
    ("setup with unknown fields", |bytes| {
        format!(r#"{{"type":"setup","token":"u",{}}}"#, list(bytes, |n| format!(r#""x{n}":1"#)))
    }),
    ("setup with a long token", |bytes| {
        format!(r#"{{"type":"setup","token":"{}"}}"#, "u".repeat(bytes))
    }),
];

/// Frames after a good setup.
const OTHERS: [Frame; 8] = [
    ("publish of a text", |bytes| {
        format!(
            r#"{{"type":"publish","topic":"t","messageId":"m","payload":"{}"}}"#,
            "x".repeat(bytes)
        )
    }),
    ("publish of numbers", |bytes| {
        format!(
            r#"{{"type":"publish","topic":"t","messageId":"m","payload":[{}]}}"#,
            list(bytes, |n| n.to_string())
        )
    }),
    ("publish with unknown fields", |bytes| {
        format!(
            r#"{{"type":"publish","topic":"t","messageId":"m","payload":1,{}}}"#,
            list(bytes, |n| format!(r#""x{n}":1"#))
        )
    }),
    ("publish without a payload", |bytes| {
        format!(
            r#"{{"type":"publish","topic":"t","messageId":"m",{}}}"#,
            list(bytes, |n| format!(r#""payload{n}":1"#))
        )
    }),
    ("publish of brackets", |bytes| {
        format!(
            r#"{{"type":"publish","topic":"t","messageId":"m","payload":{}}}"#,
            "[".repeat(bytes)
        )
    }),
    ("subscribe with unknown fields", |bytes| {
        format!(r#"{{"type":"subscribe","topic":"t",{}}}"#, list(bytes, |n| format!(r#""x{n}":1"#)))
    }),
    ("unsubscribe from a long topic", |bytes| {
        format!(r#"{{"type":"unsubscribe","topic":"{}"}}"#, "x".repeat(bytes))
    }),
    ("an unknown type", |bytes| format!(r#"{{"type":"{}"}}"#, "x".repeat(bytes))),
];

/// The processor time of all threads of the process so far.
fn processor_time(gateway: &Gateway) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{}/task", gateway.pid())).unwrap();
    let nanos = threads.map(|thread| {
        let schedule = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        schedule.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}

/// Sends a frame and waits until the gateway has handled it: for the pong of a `ping` behind it, or
/// for an error if the connection is not set up.
async fn handled(raw: &mut Raw, frame: &str) {
    raw.send(&[text(frame), text(r#"{"type":"ping"}"#)].concat()).await;
    loop {
        let answer = raw.next_text().await;
        if answer.contains(r#""type":"pong""#) || answer.contains(r#""code":"SETUP_REQUIRED""#) {
            return;
        }
    }
}

/// The least processor time of several rounds.
async fn cost(gateway: &Gateway, frame: &str, is_setup: bool) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..ROUNDS {
        let mut raw = Raw::open(gateway).await;
        if !is_setup {
            handled(&mut raw, r#"{"type":"setup","token":"u"}"#).await;
        }
        let before = processor_time(gateway);
        handled(&mut raw, frame).await;
        least = least.min(processor_time(gateway) - before);
    }
    least
}

#[tokio::test]
async fn it_is_linear_in_their_length() {
    let gateway = Gateway::start(&[]);
    for ((name, frame), is_setup) in
        SETUPS.iter().map(|frame| (frame, true)).chain(OTHERS.iter().map(|frame| (frame, false)))
    {
        let tenth = cost(&gateway, &frame(LARGEST / 10), is_setup).await;
        let whole = cost(&gateway, &frame(LARGEST), is_setup).await;
        let ratio = whole.as_secs_f64() / tenth.as_secs_f64();
        println!("{name}: {whole:?}, {ratio:.1} times {tenth:?}");
        assert!(
            ratio <= LIMIT,
            "{name}: the largest frame takes {whole:?}, {ratio:.1} times what a tenth of it takes ({tenth:?})"
        );
    }
}
