//! `sub` and `pub` as processes against a real gateway.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::issuer::{BY_SECRET, token};
use crate::tls::Files;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_micro-socket"));
    command.args(arguments).env_clear();
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A `sub` that is ended with the test.
struct Subscriber {
    process: Child,
    out: Option<BufReader<ChildStdout>>,
    notices: BufReader<ChildStderr>,
}

impl Subscriber {
    /// Starts it and waits until it is connected.
    fn start(arguments: &[&str]) -> Self {
        let mut process = command(&[&["sub"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = Some(BufReader::new(process.stdout.take().unwrap()));
        let notices = BufReader::new(process.stderr.take().unwrap());
        let mut subscriber = Self { process, out, notices };
        subscriber.notice("connected");
        subscriber
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.as_mut().unwrap().read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next notice with this text.
    fn notice(&mut self, part: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.notices.read_line(&mut line).unwrap(), 0, "no notice with {part}");
            if line.contains(part) {
                return line;
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_is_published_is_printed() {
    let gateway = Gateway::start(&[]);
    let address = gateway.address.as_str();
    let mut subscriber = Subscriber::start(&[address, "prices", "--count", "2"]);
    let published = run(&["pub", address, "prices", "{\"bid\":1.0,\n\"a\":[]}"]);
    assert_eq!(text(&published.stdout), "prices 1 ok\n", "{}", text(&published.stderr));
    run(&["pub", address, "prices", "it's text", "--text"]);
    assert_eq!(subscriber.line(), "prices 1 {\"bid\":1.0, \"a\":[]}");
    assert_eq!(subscriber.line(), "prices 2 \"it's text\"");
    assert_eq!(subscriber.process.wait().unwrap().code(), Some(0));
}

#[test]
fn lines_are_published_in_order_and_once() {
    let gateway = Gateway::start(&[]);
    let lines: String = (1..=300).map(|number| format!("{number}\n")).collect();
    for outcome in ["300 published, 0 repeats\n", "0 published, 300 repeats\n"] {
        let mut process = command(&["pub", &gateway.address, "t", "--message-id", "job"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        process.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        assert_eq!(text(&output.stdout), outcome);
    }
    let output = run(&["sub", &gateway.address, "t", "--last", "300", "--count", "300", "--json"]);
    for (line, number) in text(&output.stdout).lines().zip(1..) {
        let message: Value = serde_json::from_str(line).unwrap();
        let found = (&message["topic"], &message["seqNo"], &message["messageId"], &message["data"]);
        let id = format!("job-{number}");
        assert_eq!(found, (&json!("t"), &json!(number), &json!(id), &json!(number)));
    }
    assert_eq!(text(&output.stdout).lines().count(), 300);
    assert_eq!(output.status.code(), Some(0));
    let output = run(&["sub", &gateway.address, "t", "--last-seq", "298", "--count", "2"]);
    assert_eq!(text(&output.stdout), "t 299 299\nt 300 300\n");
}

#[test]
fn a_gateway_that_starts_anew_is_followed_and_the_loss_told() {
    let gateway = Gateway::start(&[]);
    let address = gateway.address.clone();
    let mut subscriber = Subscriber::start(&[&address, "t"]);
    run(&["pub", &address, "t", "1"]);
    assert_eq!(subscriber.line(), "t 1 1");
    drop(gateway);
    subscriber.notice("connecting again");
    let program = [env!("CARGO_BIN_EXE_micro-socket"), "--listen", &address];
    let again = Gateway::start_command(&program, &[], Stdio::inherit());
    assert!(!again.address.is_empty());
    subscriber.notice("messages after 1 may be missing");
    run(&["pub", &address, "t", "2"]);
    assert_eq!(subscriber.line(), "t 1 2");
}

#[test]
fn tokens_and_refusals_have_exit_codes() {
    let gateway = Gateway::start(&BY_SECRET);
    let address = gateway.address.as_str();
    let rights = json!({ "topics": { "subscribe": ["mine"], "publish": ["mine"] } });
    let token = token("ann", rights);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let file = file.to_str().unwrap();
    let code = |arguments: &[&str]| run(arguments).status.code();
    assert_eq!(code(&["pub", address, "mine", "1", "--token", &token]), Some(0));
    assert_eq!(code(&["pub", address, "mine", "1", "--token-file", file]), Some(0));
    assert_eq!(code(&["pub", address, "mine", "1", "--token", "wrong"]), Some(3));
    assert_eq!(code(&["sub", address, "mine", "--token", "wrong"]), Some(3));
    assert_eq!(code(&["pub", address, "other", "1", "--token", &token]), Some(4));
    assert_eq!(code(&["sub", address, "other", "--token", &token]), Some(4));
    assert_eq!(code(&["pub", address, "mine", "{", "--token", &token]), Some(1));
    assert_eq!(code(&["pub", "ftp://x", "mine", "1"]), Some(1));
    assert_eq!(code(&["sub", address]), Some(2));
    assert_eq!(code(&["pub", "127.0.0.1:1", "t", "1", "--timeout", "300ms"]), Some(5));
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let gateway = Gateway::start(&[]);
    let mut subscriber = Subscriber::start(&[&gateway.address, "t"]);
    drop(subscriber.out.take());
    run(&["pub", &gateway.address, "t", "1"]);
    assert_eq!(subscriber.process.wait().unwrap().code(), Some(0));
}

#[test]
fn a_gateway_that_drains_is_left_without_an_error() {
    let gateway = Gateway::start(&[]);
    let mut subscriber = Subscriber::start(&[&gateway.address, "t"]);
    gateway.signal("TERM");
    assert!(subscriber.notice("connecting again").contains("1001"));
    assert!(gateway.ended());
}

#[test]
fn tls_with_a_certificate_that_is_trusted_only() {
    let files = Files::new();
    let gateway = files.gateway(&[]);
    let address = format!("wss://{}", gateway.address);
    let arguments = ["pub", &address, "t", "1", "--timeout", "2s"];
    let trusted = command(&arguments).env("SSL_CERT_FILE", files.cert()).output().unwrap();
    assert_eq!(text(&trusted.stdout), "t 1 ok\n", "{}", text(&trusted.stderr));
    let other = Files::new();
    let untrusted = command(&arguments).env("SSL_CERT_FILE", other.cert()).output().unwrap();
    assert_eq!(untrusted.status.code(), Some(5));
    assert!(text(&untrusted.stderr).contains("certificate"), "{}", text(&untrusted.stderr));
}

#[test]
fn completions_and_manual_pages() {
    assert!(text(&run(&["completions", "bash"]).stdout).contains("complete -F _micro"));
    assert!(text(&run(&["man"]).stdout).contains(".TH micro-socket"));
    let page = run(&["man", "sub"]);
    assert!(text(&page.stdout).contains("last") && page.status.success());
    assert_eq!(run(&["man", "nothing"]).status.code(), Some(1));
}
