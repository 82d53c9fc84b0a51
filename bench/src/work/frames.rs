//! The cost of the largest frame of each kind, as a multiple of one of a tenth of its size: linear
//! work costs ten times as much, quadratic work a hundred times. The cost includes the answers, and
//! the `ping` after each frame whose `pong` shows that it was handled. The cheapest of several
//! repeats counts, because disturbances only add.

use super::crowd::{Meter, Names};
use crate::{
    figure::{At, Figures, Metric},
    side::Server,
    socket::Socket,
};
use anyhow::{Context, Result};

/// The size of the parts that make a frame large. With its other parts it stays just below the
/// default limit of 64 KiB.
const LARGEST: usize = 64 * 1024 - 256;

/// The amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    /// The number of times that each frame is sent, each time on a new connection.
    pub repeats: usize,
}

/// A kind of frame.
struct Kind {
    name: &'static str,
    /// Whether it is sent before a good setup.
    is_first: bool,
    /// Its text with this many bytes of the parts that make it large. The names are new each time.
    text: fn(usize, &str) -> String,
}

const fn first(name: &'static str, text: fn(usize, &str) -> String) -> Kind {
    Kind { name, is_first: true, text }
}

const fn later(name: &'static str, text: fn(usize, &str) -> String) -> Kind {
    Kind { name, is_first: false, text }
}

const KINDS: [Kind; 15] = [
    // Names of such a length that the largest frame has as many of them as a connection may
    // subscribe to.
    first("setup: topics", |bytes, names| {
        setup(
            names,
            &format!(r#""topics":[{}]"#, list(bytes, |n| format!(r#""{names}.{n:0>40}""#))),
        )
    }),
    first("setup: too many topics", |bytes, names| {
        setup(names, &format!(r#""topics":[{}]"#, list(bytes, |n| format!(r#""{n}""#))))
    }),
    first("setup: one topic again and again", |bytes, names| {
        setup(names, &format!(r#""topics":[{}]"#, list(bytes, |_| r#""t""#.to_owned())))
    }),
    first("setup: positions", |bytes, names| {
        setup(names, &format!(r#""lastSeq":{{{}}}"#, list(bytes, |n| format!(r#""{n}":1"#))))
    }),
    first("setup: unknown fields", |bytes, names| setup(names, &unknown_fields(bytes))),
    first("setup: a long token", |bytes, _| setup(&"u".repeat(bytes), r#""topics":[]"#)),
    later("publish: a text", |bytes, names| publish(names, &format!(r#""{}""#, "x".repeat(bytes)))),
    later("publish: escapes", |bytes, names| {
        publish(names, &format!(r#""{}""#, r"\u0041".repeat(bytes / 6)))
    }),
    later("publish: numbers", |bytes, names| {
        publish(names, &format!("[{}]", list(bytes, |n| n.to_string())))
    }),
    later("publish: too deep", |bytes, names| {
        publish(names, &format!("{}{}", "[".repeat(bytes / 2), "]".repeat(bytes / 2)))
    }),
    later("publish: not closed", |bytes, names| publish(names, &"[".repeat(bytes))),
    later("publish: unknown fields", |bytes, names| {
        publish(names, &format!("1,{}", unknown_fields(bytes)))
    }),
    later("subscribe: unknown fields", |bytes, names| {
        format!(r#"{{"type":"subscribe","topic":"{names}.0",{}}}"#, unknown_fields(bytes))
    }),
    later("unsubscribe: a long topic", |bytes, _| {
        format!(r#"{{"type":"unsubscribe","topic":"{}"}}"#, "x".repeat(bytes))
    }),
    later("an unknown type", |bytes, _| format!(r#"{{"type":"{}"}}"#, "x".repeat(bytes))),
];

fn setup(token: &str, rest: &str) -> String {
    format!(r#"{{"type":"setup","token":"{token}",{rest}}}"#)
}

fn publish(names: &str, payload: &str) -> String {
    format!(r#"{{"type":"publish","topic":"{names}.0","messageId":"m","payload":{payload}}}"#)
}

fn unknown_fields(bytes: usize) -> String {
    list(bytes, |n| format!(r#""x{n}":1"#))
}

/// As many items as fit, separated by commas.
pub(super) fn list(bytes: usize, item: impl Fn(usize) -> String) -> String {
    let mut list = String::with_capacity(bytes);
    for number in 0.. {
        let next = item(number);
        if list.len() + next.len() + 1 > bytes {
            break;
        }
        if number > 0 {
            list.push(',');
        }
        list += &next;
    }
    list
}

impl Frames {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        // Closing a connection costs too: all stay open until everything has been measured.
        let mut connections = Vec::new();
        let mut figures = Figures::default();
        for kind in &KINDS {
            let tenth = self
                .least_cost(server, kind, LARGEST / 10, &mut connections)
                .await
                .context(kind.name)?;
            let whole = self
                .least_cost(server, kind, LARGEST, &mut connections)
                .await
                .context(kind.name)?;
            let both =
                [(Metric::PerLargestFrame, whole / 1000.0), (Metric::FrameGrowth, whole / tenth)];
            figures.add_at(At::Case(kind.name), both.into());
        }
        Ok(figures)
    }

    /// The least cost, in microseconds.
    async fn least_cost(
        &self,
        server: &Server,
        kind: &Kind,
        bytes: usize,
        connections: &mut Vec<Socket>,
    ) -> Result<f64> {
        let mut least = f64::INFINITY;
        for _ in 0..self.repeats {
            let user = Names::new().user(0);
            let mut socket = Socket::open(server.target.address, "/ws", None).await?;
            if !kind.is_first {
                handled(&mut socket, &setup(&user, r#""topics":[]"#)).await?;
            }
            let frame = (kind.text)(bytes, &user);
            let meter = Meter::start(server)?;
            handled(&mut socket, &frame).await?;
            least = least.min(meter.per(1)?);
            connections.push(socket);
        }
        Ok(least)
    }
}

/// Sends a frame and waits until the `ping` after it is answered: by an error if there was no good
/// setup.
async fn handled(socket: &mut Socket, frame: &str) -> Result<()> {
    socket.put_text(frame.as_bytes());
    socket.put_text(br#"{"type":"ping"}"#);
    socket.flush().await?;
    loop {
        let answer = socket.text().await?;
        if answer.starts_with(r#"{"type":"pong""#) || answer.contains(r#""code":"SETUP_REQUIRED""#)
        {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn frames_are_as_large_as_they_may_be_and_a_tenth_of_that() {
        for kind in &KINDS {
            let len = |bytes| (kind.text)(bytes, &Names::new().user(0)).len();
            let (whole, tenth) = (len(LARGEST), len(LARGEST / 10));
            assert!((LARGEST - 256..=64 * 1024).contains(&whole), "{}: {whole}", kind.name);
            assert!(tenth < whole / 8, "{}: {tenth} of {whole}", kind.name);
        }
    }

    #[test]
    fn the_largest_setup_has_the_topics_of_a_whole_connection() {
        let topics = list(LARGEST, |n| format!(r#""{}.{n:0>40}""#, Names::new().user(0)));
        let count = topics.split(',').collect::<HashSet<_>>().len();
        assert!((900..=1100).contains(&count), "{count}");
    }
}
