//! `micro-socket sub`: prints messages as they come.

use super::{
    client::{Exit, Gateway, TokenOptions, run},
    line::one_line,
};
use clap::Args;
use client::{Event, Message, Notice, SubSocket};
use futures_util::{FutureExt, StreamExt};
use protocol::{Newest, SeqNo};
use serde_json::json;
use std::{
    collections::BTreeSet,
    io::{BufWriter, IsTerminal, Stdout, Write, stderr, stdout},
};

#[derive(Args)]
pub(crate) struct Sub {
    #[command(flatten)]
    gateway: Gateway,
    /// The topics
    #[arg(value_name = "TOPIC", required = true)]
    topics: Vec<String>,
    #[command(flatten)]
    token: TokenOptions,
    /// Begin behind this number, in each topic
    #[arg(long, value_name = "N", conflicts_with = "last", value_parser = number)]
    last_seq: Option<SeqNo>,
    /// Begin with the newest N messages of each topic, also if those that were missed are gone
    #[arg(long, value_name = "N", value_parser = count)]
    last: Option<Newest>,
    /// Tell the gateway what was printed: its session then resumes behind it
    #[arg(long)]
    ack: bool,
    /// Print each message as a JSON object, and so what else happens, on standard error
    #[arg(long)]
    json: bool,
    /// End after N messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

fn number(text: &str) -> Result<SeqNo, String> {
    let number = text.parse().map_err(|_| "not a whole number".to_owned())?;
    SeqNo::new(number).map_err(|why| why.to_string())
}

fn count(text: &str) -> Result<Newest, String> {
    let number = text.parse().map_err(|_| "not a whole number".to_owned())?;
    Newest::new(number).map_err(|why| why.to_string())
}

/// How messages and notices are written.
struct Printer {
    out: BufWriter<Stdout>,
    json: bool,
    is_colored: bool,
}

impl Sub {
    pub(crate) fn run(self) -> Result<Exit, String> {
        let mut builder = self.gateway.client(&self.topics, self.token)?;
        builder = match (self.last, self.last_seq) {
            (Some(last), _) => builder.last(last),
            (_, Some(number)) => builder.after(number),
            _ => builder,
        };
        if self.ack {
            builder = builder.acks();
        }
        let printer = Printer {
            out: BufWriter::new(stdout()),
            json: self.json,
            is_colored: stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        let topics: BTreeSet<String> = self.topics.into_iter().collect();
        run(async move { print(builder.connect(), printer, topics, self.count).await })
    }
}

async fn print(
    mut socket: SubSocket,
    mut printer: Printer,
    mut topics: BTreeSet<String>,
    count: Option<u64>,
) -> Exit {
    let handle = socket.handle();
    let mut left = count.unwrap_or(u64::MAX);
    let exit = loop {
        if left == 0 {
            break Exit::Done;
        }
        let event = match socket.next().now_or_never() {
            Some(event) => event,
            // Nothing else waits: what was printed is shown.
            None => {
                if printer.out.flush().is_err() {
                    break Exit::Done;
                }
                tokio::select! {
                    event = socket.next() => event,
                    _ = tokio::signal::ctrl_c() => break Exit::Done,
                }
            }
        };
        match event {
            Some(Event::Message(message)) => {
                left -= 1;
                // A reader that has gone wants no more.
                if printer.message(&message).is_err() {
                    break Exit::Done;
                }
            }
            Some(Event::Notice(notice)) => {
                printer.notice(&notice);
                match &notice {
                    Notice::Stopped(stop) => return stop.into(),
                    Notice::Refused { topic, .. } => {
                        topics.remove(topic);
                        if topics.is_empty() {
                            break Exit::Refused;
                        }
                    }
                    _ => {}
                }
            }
            None => break Exit::Failed,
        }
    };
    let _gone = printer.out.flush();
    handle.close().await;
    exit
}

impl Printer {
    fn message(&mut self, message: &Message) -> std::io::Result<()> {
        let data = one_line(message.json());
        if self.json {
            let (topic, id) = (json!(message.topic), json!(message.message_id));
            let (number, epoch) = (message.seq_no, json!(message.epoch));
            writeln!(
                self.out,
                r#"{{"topic":{topic},"seqNo":{number},"epoch":{epoch},"messageId":{id},"data":{data}}}"#
            )
        } else {
            let (dim, plain) = if self.is_colored { ("\u{1b}[2m", "\u{1b}[0m") } else { ("", "") };
            writeln!(self.out, "{dim}{} {}{plain} {data}", message.topic, message.seq_no)
        }
    }

    /// What else happens belongs between the messages, so those before it are written first.
    fn notice(&mut self, notice: &Notice) {
        let _gone = self.out.flush();
        let text = notice.to_string();
        let line = if self.json {
            json!({ "event": name(notice), "text": text }).to_string()
        } else {
            text
        };
        let _gone = writeln!(stderr(), "{line}");
    }
}

fn name(notice: &Notice) -> &'static str {
    match notice {
        Notice::Connected { .. } => "connected",
        Notice::Waiting { .. } => "waiting",
        Notice::Lost { .. } => "lost",
        Notice::Gap { .. } => "gap",
        Notice::Refused { .. } => "refused",
        Notice::Stopped(_) => "stopped",
        _ => "warning",
    }
}
