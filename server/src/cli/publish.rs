//! `micro-socket pub`: publishes one message, or each line of standard input.

use super::client::{Exit, Gateway, TokenOptions, run};
use clap::Args;
use client::{AckStatus, Acked, Event, Handle, Notice, PublishError, PublishOptions, SubSocket};
use futures_util::{StreamExt, stream::FuturesOrdered};
use micro_socket::config::parse_period;
use protocol::Payload;
use std::{
    io::{BufRead, IsTerminal, Read, Write, stderr, stdin, stdout},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Lines that wait for their answers, of which the gateway keeps the order.
const LINES: usize = 64;
/// The longest line, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;
/// Progress is shown this often.
const PROGRESS: Duration = Duration::from_millis(500);

#[derive(Args)]
pub(crate) struct Pub {
    #[command(flatten)]
    gateway: Gateway,
    /// The topic
    topic: String,
    /// A JSON value; -, or nothing: each line of standard input is one
    payload: Option<String>,
    /// The payload is text, not JSON
    #[arg(long)]
    text: bool,
    /// The message's id: a repeat under it is not delivered twice. For lines, ID-1, ID-2, …
    #[arg(long, value_name = "ID")]
    message_id: Option<String>,
    #[command(flatten)]
    token: TokenOptions,
    /// How long each message is tried
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = period)]
    timeout: Duration,
}

fn period(text: &str) -> Result<Duration, String> {
    parse_period(text)
        .filter(|period| !period.is_zero())
        .ok_or_else(|| "a duration is written 30s, 10m or 1h".to_owned())
}

impl Pub {
    pub(crate) fn run(self) -> Result<Exit, String> {
        let builder = self.gateway.client(&[], self.token)?;
        let publisher = Publisher {
            topic: self.topic,
            text: self.text,
            message_id: self.message_id,
            within: self.timeout,
        };
        let payload = self.payload.filter(|payload| payload != "-");
        if let Some(payload) = &payload {
            publisher.payload(payload)?;
        }
        run(async move {
            let socket = builder.connect();
            let handle = socket.handle();
            let work = async {
                match payload {
                    Some(payload) => publisher.one(&handle, &payload).await,
                    None => publisher.lines(&handle).await,
                }
            };
            let exit = tokio::select! {
                exit = work => exit,
                never = tell(socket) => match never {},
            };
            handle.close().await;
            exit
        })
    }
}

struct Publisher {
    topic: String,
    text: bool,
    message_id: Option<String>,
    within: Duration,
}

impl Publisher {
    fn payload(&self, text: &str) -> Result<Payload<'static>, String> {
        if self.text {
            return Payload::from_value(&text).map_err(|error| error.to_string());
        }
        Payload::parse(text).map(Payload::into_owned).map_err(|error| {
            format!("the payload is not JSON: {error}; for plain text give --text")
        })
    }

    async fn publish(
        &self,
        handle: &Handle,
        text: &str,
        message_id: Option<String>,
    ) -> Result<Acked, (Exit, String)> {
        let payload = self.payload(text).map_err(|why| (Exit::Failed, why))?;
        let options = PublishOptions { message_id, within: self.within };
        let answer = handle.publish(&self.topic, &payload, options).await;
        answer.map_err(|error| (exit(&error), error.to_string()))
    }

    async fn one(&self, handle: &Handle, text: &str) -> Exit {
        match self.publish(handle, text, self.message_id.clone()).await {
            Ok(acked) => {
                print(&format!("{} {} {}\n", acked.topic, acked.seq_no, acked.status.as_str()));
                Exit::Done
            }
            Err((exit, why)) => fail(exit, &why),
        }
    }

    async fn lines(&self, handle: &Handle) -> Exit {
        let mut lines = lines();
        let mut answers = FuturesOrdered::new();
        let (mut number, mut stored, mut repeats) = (0_u64, 0_u64, 0_u64);
        let mut progress = Progress::new();
        let mut is_open = true;
        while is_open || !answers.is_empty() {
            tokio::select! {
                line = lines.recv(), if is_open && answers.len() < LINES => match line {
                    Some(Ok(line)) => {
                        number += 1;
                        let id = self.message_id.as_ref().map(|id| format!("{id}-{number}"));
                        let at = number;
                        answers.push_back(async move {
                            (at, self.publish(handle, &line, id).await)
                        });
                    }
                    Some(Err(why)) => {
                        return fail(Exit::Failed, &format!("standard input: {why}"));
                    }
                    None => is_open = false,
                },
                Some((at, answer)) = answers.next(), if !answers.is_empty() => match answer {
                    Ok(Acked { status: AckStatus::Ok, .. }) => stored += 1,
                    Ok(_) => repeats += 1,
                    Err((exit, why)) => {
                        progress.clear();
                        return fail(exit, &format!("line {at}: {why}; {} lines before it are published", at - 1));
                    }
                },
            }
            progress.show(stored + repeats);
        }
        progress.clear();
        print(&format!("{stored} published, {repeats} repeats\n"));
        Exit::Done
    }
}

/// What happens meanwhile.
async fn tell(mut socket: SubSocket) -> std::convert::Infallible {
    while let Some(event) = socket.next().await {
        // A stop is the error of each publish that waits.
        if let Event::Notice(notice @ (Notice::Waiting { .. } | Notice::Warning { .. })) = event {
            let _gone = writeln!(stderr(), "{notice}");
        }
    }
    std::future::pending().await
}

/// Standard input, read by a thread of its own: a read cannot be cancelled, and the process does
/// not wait for it.
fn lines() -> mpsc::Receiver<Result<String, String>> {
    let (sender, lines) = mpsc::channel(LINES);
    thread::spawn(move || {
        let mut input = stdin().lock();
        loop {
            let mut line = String::new();
            let read = input.by_ref().take(LONGEST).read_line(&mut line);
            let line = match read {
                Ok(0) => return,
                Ok(_) if line.len() as u64 == LONGEST && !line.ends_with('\n') => {
                    Err("a line has more than 16 MiB".to_owned())
                }
                Ok(_) => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
                Err(error) => Err(error.to_string()),
            };
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    lines
}

/// How many are published, on a terminal, if it takes long.
struct Progress {
    shown: Option<Instant>,
    is_visible: bool,
}

impl Progress {
    fn new() -> Self {
        Self { shown: stderr().is_terminal().then(Instant::now), is_visible: false }
    }

    fn show(&mut self, count: u64) {
        if self.shown.is_some_and(|at| at.elapsed() >= PROGRESS) {
            (self.shown, self.is_visible) = (Some(Instant::now()), true);
            let _gone = write!(stderr(), "\r{count} published");
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_visible) {
            let _gone = write!(stderr(), "\r\u{1b}[K");
        }
    }
}

fn exit(error: &PublishError) -> Exit {
    match error {
        PublishError::Stopped(stop) if Exit::from(stop) == Exit::Token => Exit::Token,
        PublishError::Deadline { .. } => Exit::Late,
        PublishError::Topic(_)
        | PublishError::MessageId(_)
        | PublishError::TooLarge { .. }
        | PublishError::Refused { .. } => Exit::Refused,
        _ => Exit::Failed,
    }
}

fn fail(exit: Exit, why: &str) -> Exit {
    let _gone = writeln!(stderr(), "{why}");
    exit
}

fn print(text: &str) {
    let mut out = stdout().lock();
    // A reader that has gone is no reason to fail: the message is published.
    let _gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
