//! The outgoing side of a connection: every task that has bytes for the client writes them here, at
//! once if the socket takes them.
//!
//! One lock (`outbox`) makes the order of the bytes. It is held over a non-blocking write, which is
//! what keeps a message from overtaking another, and never over an await.

mod heartbeat;
mod outbox;
mod signal;

use crate::{auth::Expiry, session::TakeoverListener, transport::Outgoing};
use bytes::Bytes;
use heartbeat::{Beat, Heartbeat};
use hub::{Sink, clock::Clock, topic::Liveness};
use outbox::{Outbox, State};
use parking_lot::{Mutex, MutexGuard};
use protocol::CloseCode;
use signal::Signal;
use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
};
use websocket::{PING, close_frame};

/// Up to this many bytes are copied behind answers that were held back: a write of one buffer costs
/// the kernel less than one of two.
const COPIED: usize = 4096;

static NOTHING: Bytes = Bytes::new();

/// The number of the next connection.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What others may do to a connection. Shared with the topics that it is subscribed to.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its name in the log, unique in this process.
    number: u64,
    socket: Outgoing,
    /// Bytes of memory that may wait for the client; at most 1 GiB.
    limit: u32,
    outbox: Mutex<Outbox>,
    /// Tells the connection's own task that the socket was full, or that the connection closes.
    changed: Signal,
    heartbeat: Heartbeat,
    clock: Clock,
    /// When the client's token stops being good, in [`Micros`]; nothing is delivered from then on.
    expires: AtomicU64,
    /// The same on the wall clock, in seconds since 1970; 0: never. The heartbeat looks at it: the
    /// other clock stands still while the machine is suspended.
    expires_on_wall: AtomicU32,
    /// The gateway stops: the connection ends as soon as the client has everything.
    draining: AtomicBool,
}

/// What a connection's own task has to know after it was told of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    /// Bytes wait for the socket to become writable.
    pub(crate) is_full: bool,
    /// Nothing will be taken any more.
    pub(crate) is_over: bool,
}

impl Connection {
    pub(crate) fn new(socket: Outgoing, limit: usize, clock: Clock) -> Self {
        Self {
            number: NEXT.fetch_add(1, Relaxed),
            socket,
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            outbox: Mutex::default(),
            changed: Signal::default(),
            heartbeat: Heartbeat::default(),
            clock,
            expires: AtomicU64::new(u64::MAX),
            expires_on_wall: AtomicU32::new(0),
            draining: AtomicBool::new(false),
        }
    }

    /// Its name in the log.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Delivers nothing from this moment on. The connection should be held, unless it is new.
    pub(crate) fn expire_at(&self, end: Option<Expiry>) {
        let micros = end.map_or(u64::MAX, |end| self.clock.at(end.instant).0);
        self.expires.store(micros, Relaxed);
        self.expires_on_wall.store(end.map_or(0, |end| end.unix_seconds), Relaxed);
    }

    /// Ends the client's right to stay if its token has expired by the wall clock, which shows this
    /// many seconds since 1970.
    fn look_at_the_wall(&self, unix_seconds: u64) {
        let is_over = || (1..=unix_seconds).contains(&self.expires_on_wall.load(Relaxed).into());
        if is_over() {
            // Held, so that a renewal is either seen here or comes behind.
            let _held = self.outbox.lock();
            if is_over() {
                self.expires.store(0, Relaxed);
                self.changed.set();
            }
        }
    }

    /// Whether the client's token has stopped being good.
    pub(crate) fn has_lapsed(&self) -> bool {
        let expires = self.expires.load(Relaxed);
        expires != u64::MAX && expires <= self.clock.now().0
    }

    /// Asks the connection to end as soon as the client has everything.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
        self.changed.set();
    }

    /// Whether it was asked to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Keeps the bytes of other tasks out while answers are put together that must precede them.
    pub(crate) fn hold(&self) -> Held<'_> {
        Held { connection: self, outbox: self.outbox.lock() }
    }

    /// Holds `answers` back until something else is sent, or [`Connection::uncork`].
    pub(crate) fn cork(&self, answers: Vec<u8>) {
        if !answers.is_empty() {
            self.hold().put(answers);
        }
    }

    /// Sends what is held back.
    pub(crate) fn uncork(&self) {
        let mut outbox = self.outbox.lock();
        if !outbox.corked.is_empty() && outbox.is_open() {
            self.write(&mut outbox, &NOTHING);
        }
    }

    /// Sets messages aside from now on: none may come before `ready`.
    pub(crate) fn set_messages_aside(&self) {
        let mut outbox = self.outbox.lock();
        if outbox.state == State::Open {
            outbox.state = State::SettingUp;
        }
    }

    /// Takes the last answers of a setup, `ready` among them, and sends what was set aside behind
    /// them.
    pub(crate) fn send_what_is_set_aside(&self, answers: Vec<u8>) {
        let mut held = self.hold();
        held.put(answers);
        let outbox = &mut *held.outbox;
        if outbox.state == State::SettingUp {
            outbox.state = State::Open;
            outbox.take_aside().iter().for_each(|frames| self.send(outbox, frames));
        }
    }

    /// Sends whole frames, behind the answers that are held back.
    fn send(&self, outbox: &mut Outbox, frames: &Bytes) {
        match outbox.state {
            State::Open => self.write(outbox, frames),
            State::SettingUp => {
                outbox.set_aside(frames);
                self.shut_if_too_much_waits(outbox);
            }
            State::Closing | State::Broken => {}
        }
    }

    fn write(&self, outbox: &mut Outbox, frames: &Bytes) {
        let mut corked = std::mem::take(&mut outbox.corked);
        let mut frames = frames;
        if !corked.is_empty() && frames.len() <= COPIED {
            corked.extend_from_slice(frames);
            frames = &NOTHING;
        }
        let mut written = 0;
        if outbox.queue.is_empty() {
            match self.socket.write(&corked, frames) {
                Ok(n) if n == corked.len() + frames.len() => {
                    if self.socket.unsent() > 0 {
                        self.changed.set();
                    }
                    return;
                }
                Ok(n) => written = n,
                Err(_) => return self.break_off(outbox),
            }
        }
        outbox.front_is_cut |= written > 0;
        let of_corked = written.min(corked.len());
        outbox.push_behind(&corked.into(), of_corked);
        outbox.push_behind(frames, written - of_corked);
        self.shut_if_too_much_waits(outbox);
        self.changed.set();
    }

    fn shut_if_too_much_waits(&self, outbox: &mut Outbox) {
        if outbox.counted(|| self.socket.unsent()) > self.limit as usize {
            outbox.shut(CloseCode::SlowConsumer, CloseCode::SlowConsumer.meaning());
            self.changed.set();
        }
    }

    /// Goes on where a full socket had stopped. True: nothing waits any more.
    pub(crate) fn flush(&self) -> bool {
        let mut outbox = self.outbox.lock();
        while let Some(front) = outbox.queue.front() {
            match self.socket.write(front, &[]) {
                Ok(0) => return false,
                Ok(n) => outbox.sent(n),
                Err(_) => {
                    self.break_off(&mut outbox);
                    return true;
                }
            }
        }
        self.socket.flush().unwrap_or_else(|_| {
            self.break_off(&mut outbox);
            true
        })
    }

    /// Waits until the socket may take bytes. Cancel-safe.
    pub(crate) async fn writable(&self) {
        self.socket.writable().await;
    }

    /// Waits until there is a new [`Status`]. Cancel-safe.
    pub(crate) async fn changed(&self) {
        self.changed.taken().await;
    }

    pub(crate) fn status(&self) -> Status {
        let outbox = self.outbox.lock();
        Status { is_full: self.is_full(&outbox), is_over: !outbox.is_open() }
    }

    /// The code of the close frame, if one was sent.
    pub(crate) fn closed_with(&self) -> Option<u16> {
        self.outbox.lock().closed_with
    }

    /// Bytes of memory that wait for the socket.
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.lock().waiting + self.socket.unsent()
    }

    /// Bytes wait for the socket.
    fn is_full(&self, outbox: &Outbox) -> bool {
        !outbox.queue.is_empty() || self.socket.unsent() > 0
    }

    /// Closes with `code` behind everything that waits. Whatever is sent afterwards is dropped.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        self.close_with(code.number(), reason);
    }

    /// Answers the client's close frame.
    pub(crate) fn close_with(&self, code: u16, reason: &str) {
        let mut outbox = self.outbox.lock();
        if outbox.is_open() {
            drop(outbox.take_aside());
            let corked = std::mem::take(&mut outbox.corked);
            outbox.push(corked.into());
            outbox.push(close_frame(code, reason));
            outbox.state = State::Closing;
            outbox.closed_with = Some(code);
            drop(outbox);
            self.flush();
            self.changed.set();
        }
    }

    fn break_off(&self, outbox: &mut Outbox) {
        *outbox =
            Outbox { state: State::Broken, closed_with: outbox.closed_with, ..Outbox::default() };
        self.changed.set();
    }

    /// The transport's own last word, behind everything else; [`Connection::flush`] it.
    pub(crate) fn say_goodbye(&self) {
        let _order = self.outbox.lock();
        self.socket.say_goodbye();
    }

    /// Tells the client that nothing more will come. Its own bytes can still be read.
    pub(crate) fn finish_writing(&self) {
        self.socket.finish();
    }

    /// Something came from the client, in this tick of the dial.
    pub(crate) fn heard(&self, now: u8) {
        self.heartbeat.heard(now);
    }

    /// Notes whether its task reads the client, from this tick of the dial on: time in which it
    /// does not is not the client's silence. Returns whether that is new.
    pub(crate) fn set_read(&self, is_read: bool, now: u8) -> bool {
        self.heartbeat.set_read(is_read, now)
    }

    /// Called twice in each ping interval, `apart` ticks of the dial apart. A client that answers
    /// gets one ping an interval; one that doesn't gets another one early, and is closed when
    /// nothing came for two intervals. `unix_seconds` is the wall clock's time.
    pub(crate) fn beat(&self, now: u8, apart: u8, unix_seconds: u64) {
        self.look_at_the_wall(unix_seconds);
        match self.heartbeat.beat(now, apart) {
            Beat::Nothing => {}
            Beat::Ping => self.send(&mut self.outbox.lock(), &PING),
            Beat::Dead => self.close(CloseCode::Timeout, "nothing came for two ping intervals"),
        }
    }
}

impl Sink for Connection {
    fn deliver(&self, subscription: &Liveness, frames: &Bytes) {
        let mut outbox = self.outbox.lock();
        if subscription.is_live() && !self.has_lapsed() {
            self.send(&mut outbox, frames);
        }
    }

    fn approach(&self) {
        black_box((self.outbox.is_locked(), self.expires.load(Relaxed)));
        self.socket.approach();
    }
}

impl TakeoverListener for Connection {
    fn taken_over(&self) {
        self.close(CloseCode::ResumedElsewhere, CloseCode::ResumedElsewhere.meaning());
    }
}

/// The right to say something first.
pub(crate) struct Held<'a> {
    connection: &'a Connection,
    outbox: MutexGuard<'a, Outbox>,
}

impl Held<'_> {
    /// Adds whole frames to what is held back.
    pub(crate) fn put(&mut self, mut frames: Vec<u8>) {
        if self.outbox.corked.is_empty() {
            self.outbox.corked = frames;
        } else {
            self.outbox.corked.append(&mut frames);
        }
    }

    /// Whether bytes wait for the socket already.
    pub(crate) fn is_full(&self) -> bool {
        self.connection.is_full(&self.outbox)
    }

    /// Sends whole frames that the client catches up with. What the socket does not take does not
    /// count for the queue's limit, so nothing may be waiting yet.
    pub(crate) fn send_replay(&mut self, frames: Vec<u8>) {
        debug_assert!(!self.is_full());
        if frames.is_empty() {
            return;
        }
        let Self { connection, outbox } = self;
        outbox.replayed = usize::MAX;
        connection.send(outbox, &frames.into());
        outbox.replayed = outbox.waiting;
    }
}

#[cfg(test)]
mod tests;
