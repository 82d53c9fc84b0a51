//! The one connection of the page: connects, sends, closes, and records what happens in the log.
//! Relies on [`Feed`] to keep the records.

use super::{
    address::{PageOrigin, Target},
    diagnosis::{Diagnosis, Probe},
    retry,
    signatures::Signatures,
    socket::{Event, Socket},
    state::{CloseInfo, ConnectionState},
};
use crate::{
    browser,
    checks::{Findings, Tracker},
    log::{Feed, entry::Content},
};
use gloo_net::http::Request;
use leptos::{prelude::*, task::spawn_local};
use protocol::{ClientFrame, ErrorCode, ServerFrame};
use send_wrapper::SendWrapper;
use std::time::Duration;
use web_sys::{AbortSignal, RequestMode};

/// If the gateway does not answer a close frame, the page gives up the connection after this time.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// A browser waits for minutes; an attempt that the page makes by itself ends after this time, and
/// the next one follows.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the page looks for the cause of a failure, in milliseconds.
const PROBE_TIMEOUT: u32 = 3_000;

/// What the page knows about its user and session at the gateway.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Peer {
    /// The token of the last `setup`: in demo mode the user id.
    pub(crate) user: String,
    /// The session's id, from `ready`.
    pub(crate) session: String,
}

/// The page's connection. A handle: copies are the same connection.
#[derive(Clone, Copy)]
pub(crate) struct Connection {
    pub(crate) state: RwSignal<ConnectionState>,
    /// The URL that was typed or chosen.
    pub(crate) url: RwSignal<String>,
    pub(crate) page: RwSignal<PageOrigin>,
    pub(crate) peer: RwSignal<Peer>,
    /// Whether the page reconnects by itself.
    pub(crate) automatic: RwSignal<bool>,
    /// Seconds until the next attempt, while the page waits for it.
    pub(crate) seconds_left: RwSignal<u32>,
    /// The time of the last frame from the gateway, in milliseconds.
    pub(super) last_frame_at: StoredValue<f64>,
    pub(super) tracker: StoredValue<Tracker>,
    pub(super) socket: StoredValue<Option<SendWrapper<Socket>>>,
    feed: Feed,
    signatures: Signatures,
    attempt: StoredValue<Attempt>,
}

/// One attempt, from its beginning to the connection's end.
#[derive(Debug, Clone, Default)]
struct Attempt {
    /// Distinguishes attempts, so that events of an earlier one are ignored.
    number: u64,
    began: f64,
    /// The frame to send as soon as the connection is open.
    first_frame: Option<String>,
    /// The connection was open.
    opened: bool,
    /// The page has closed it.
    asked: bool,
    /// The number of attempts since the connection was open last; 0: the user's own attempt.
    retry: u32,
    /// The gateway has accepted a `setup`.
    set_up: bool,
    /// The gateway has refused the token.
    refused: bool,
}

impl Connection {
    pub(crate) fn new(feed: Feed) -> Self {
        Self {
            state: RwSignal::default(),
            url: RwSignal::default(),
            page: RwSignal::default(),
            peer: RwSignal::default(),
            automatic: RwSignal::new(true),
            seconds_left: RwSignal::new(0),
            last_frame_at: StoredValue::new(0.0),
            tracker: StoredValue::default(),
            socket: StoredValue::new(None),
            feed,
            signatures: Signatures::new(feed),
            attempt: StoredValue::new(Attempt::default()),
        }
    }

    /// The log that records the frames.
    pub(crate) fn feed(self) -> Feed {
        self.feed
    }

    /// The state in a word or two; tracked.
    pub(crate) fn words(self) -> String {
        let words = self.state.with(ConnectionState::words);
        let waiting = self.state.with(|state| matches!(state, ConnectionState::Waiting { .. }));
        if waiting { format!("{words} in {} s", self.seconds_left.get()) } else { words }
    }

    /// Connects to the URL, and sends `first_frame` once the connection is open.
    pub(crate) fn connect(self, first_frame: Option<String>) {
        if !self.state.with_untracked(ConnectionState::is_busy) {
            self.start_attempt(first_frame, 0);
        }
    }

    /// Connects. `retry` is the number of attempts since the connection was open last, including
    /// this one.
    pub(super) fn start_attempt(self, first_frame: Option<String>, retry: u32) {
        let number = self.next_number();
        self.attempt.set_value(Attempt {
            number,
            began: browser::now(),
            first_frame,
            retry,
            ..Attempt::default()
        });
        self.tracker.update_value(Tracker::begin);
        let url = self.url.get_untracked().trim().to_owned();
        let target = match Target::parse(&url) {
            Ok(target) => target,
            Err(why) => return self.fail(&url, Diagnosis::of_address(why)),
        };
        if self.page.with_untracked(|page| target.is_mixed_content(page)) {
            return self.fail(&url, Diagnosis::of_mixed_content(&target));
        }
        match Socket::open(&url, move |event| self.on(number, event)) {
            Ok(socket) => {
                self.signatures.begin(target.keys());
                self.state.set(ConnectionState::Connecting);
                self.peer.set(Peer::default());
                self.socket.set_value(Some(SendWrapper::new(socket)));
                if retry > 0 {
                    set_timeout(move || self.time_out(number), CONNECT_TIMEOUT);
                }
            }
            Err(_) => self.fail(&url, Diagnosis::of_address(super::address::BadAddress::Browser)),
        }
    }

    /// Ends an attempt that was not answered in time.
    fn time_out(self, number: u64) {
        if self.state.with_untracked(|state| *state == ConnectionState::Connecting) {
            self.on(number, Event::Closed { code: 1006, reason: String::new() });
        }
    }

    /// Closes the connection, or ends the attempt.
    pub(crate) fn disconnect(self) {
        self.stop_waiting();
        if !self.state.with_untracked(|state| {
            matches!(state, ConnectionState::Open | ConnectionState::Connecting)
        }) {
            return;
        }
        self.attempt.update_value(|attempt| attempt.asked = true);
        self.state.set(ConnectionState::Closing);
        self.socket.with_value(|socket| socket.iter().for_each(|socket| socket.close()));
        let number = self.number();
        set_timeout(
            move || self.on(number, Event::Closed { code: 1006, reason: String::new() }),
            CLOSE_TIMEOUT,
        );
    }

    /// Sends one frame; false if the connection is not open.
    pub(crate) fn send(self, text: &str) -> bool {
        let at = browser::now();
        let sent = self
            .socket
            .with_value(|socket| socket.as_ref().is_some_and(|socket| socket.send(text)));
        if sent {
            self.feed.record(|store| store.sent(at, text));
            if let Ok(frame) = ClientFrame::parse(text) {
                self.tracker.update_value(|tracker| tracker.sent(&frame));
                if let ClientFrame::Setup(setup) = frame {
                    self.peer.update(|peer| peer.user = setup.token.into_owned());
                }
            }
        }
        sent
    }

    /// The figures that the checks show; updated together with the log.
    pub(crate) fn findings(self) -> Findings {
        self.feed.watch(|_| self.tracker.with_value(Tracker::findings))
    }

    pub(super) fn number(self) -> u64 {
        self.attempt.with_value(|attempt| attempt.number)
    }

    /// Begins a new attempt number: events of earlier attempts are ignored from now on.
    pub(super) fn next_number(self) -> u64 {
        self.attempt.update_value(|attempt| attempt.number += 1);
        self.number()
    }

    /// Whether the gateway has accepted a `setup` on this connection.
    pub(super) fn is_set_up(self) -> bool {
        self.attempt.with_value(|attempt| attempt.set_up)
    }

    pub(super) fn on(self, number: u64, event: Event) {
        if number != self.number() || !self.state.with_untracked(ConnectionState::is_busy) {
            return;
        }
        let at = browser::now();
        match event {
            Event::Opened => self.opened(at),
            Event::Text(text) => self.received(at, &text),
            Event::Binary(bytes) => self.feed.record(|store| store.received_binary(at, &bytes)),
            Event::Closed { code, reason } => self.ended(at, code, reason),
        }
    }

    fn opened(self, at: f64) {
        self.last_frame_at.set_value(at);
        let began = self.attempt.with_value(|attempt| attempt.began);
        self.attempt.update_value(|attempt| attempt.opened = true);
        let url = self.url.get_untracked().trim().into();
        self.state.set(ConnectionState::Open);
        self.feed.record(|store| store.event(at, Content::Opened { url }, Some(at - began)));
        if let Some(first) = self.attempt.with_value(|attempt| attempt.first_frame.clone()) {
            self.send(&first);
        }
    }

    fn received(self, at: f64, text: &str) {
        self.last_frame_at.set_value(at);
        let frame = ServerFrame::parse(text).ok();
        let mut row = 0;
        self.feed.record(|store| row = store.arrived(at, text, frame.as_ref()));
        let Some(frame) = frame else { return };
        self.tracker.update_value(|tracker| tracker.received(&frame));
        self.signatures.received(row, &frame);
        match frame {
            ServerFrame::Ready(ready) => {
                self.attempt.update_value(|attempt| (attempt.set_up, attempt.retry) = (true, 0));
                self.peer.update(|peer| peer.session = ready.session_id.into_owned());
            }
            ServerFrame::Error(error)
                if matches!(error.code, ErrorCode::AuthFailed | ErrorCode::TokenExpired) =>
            {
                self.attempt.update_value(|attempt| attempt.refused = true);
            }
            _ => {}
        }
    }

    fn ended(self, at: f64, code: u16, reason: String) {
        let attempt = self.attempt.get_value();
        let close = CloseInfo { code, reason, asked: attempt.asked };
        match self.state.get_untracked() {
            ConnectionState::Connecting if attempt.retry > 0 => self.reconnect_or_close(close),
            ConnectionState::Connecting => self.diagnose(),
            ConnectionState::Closing if !attempt.opened => self.state.set(ConnectionState::Idle),
            _ => {
                let content = Content::Closed {
                    code,
                    reason: close.reason.as_str().into(),
                    asked: close.asked,
                };
                self.feed.record(|store| store.event(at, content, None));
                self.reconnect_or_close(close);
            }
        }
    }

    /// Reconnects by itself if the user allows it, the close code allows it, and there is a session
    /// to resume.
    fn reconnect_or_close(self, close: CloseInfo) {
        let Attempt { retry, set_up, refused, .. } = self.attempt.get_value();
        if self.automatic.get_untracked()
            && retry::should_reconnect(&close)
            && (set_up || retry > 0)
            && !refused
        {
            self.wait(retry + 1, close);
        } else {
            self.state.set(ConnectionState::Closed(close));
        }
    }

    fn fail(self, url: &str, diagnosis: Diagnosis) {
        let content = Content::Failed { url: url.into(), why: diagnosis.title.as_str().into() };
        self.feed.record(|store| store.event(browser::now(), content, None));
        self.state.set(ConnectionState::Failed(Some(diagnosis)));
    }

    fn diagnose(self) {
        self.state.set(ConnectionState::Failed(None));
        let url = self.url.get_untracked().trim().to_owned();
        let Ok(target) = Target::parse(&url) else { return };
        let (page, number) = (self.page.get_untracked(), self.number());
        spawn_local(async move {
            let probe = probe(&target, &page).await;
            if number == self.number()
                && self.state.with_untracked(|state| *state == ConnectionState::Failed(None))
            {
                self.fail(&url, Diagnosis::of_probe(&target, &page, probe));
            }
        });
    }
}

/// Asks over HTTP. The page can see only whether another origin answered, not its status.
async fn probe(target: &Target, page: &PageOrigin) -> Probe {
    let own = target.host == page.host;
    let mode = if own { RequestMode::SameOrigin } else { RequestMode::NoCors };
    let signal = AbortSignal::timeout_with_u32(PROBE_TIMEOUT);
    match Request::get(&target.http()).mode(mode).abort_signal(Some(&signal)).send().await {
        Ok(response) if own => Probe::Status(response.status()),
        Ok(_) => Probe::Opaque,
        Err(_) => Probe::NoAnswer,
    }
}
