//! When a connection has to be over: the time for `setup`, the time for a whole message, the end of
//! the token.
//!
//! The first two are the client's, and stand still while the gateway makes it wait. One timer
//! serves all three; it lies in a box that exists only while something is due, so that a connection
//! at rest has neither.

use std::{future::pending, pin::Pin, time::Duration};
use tokio::time::{Instant, Sleep, sleep_until};

/// What a connection's time is over for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Setup,
    Message,
    Token,
}

pub(super) struct Deadline(Option<Box<Watch>>);

struct Watch {
    /// Rings at the next end or before it: a turn that puts the end off leaves the timer alone.
    timer: Pin<Box<Sleep>>,
    next: Option<(Instant, Due)>,
    /// When the time for `setup` is over, on the client's clock.
    setup: Option<Instant>,
    /// How long the client was not read so far: its clock is late by that.
    late_by: Duration,
    /// Since when the client is not read.
    unread_since: Option<Instant>,
    /// The end has passed, and the client has had its last chance.
    had_last_chance: bool,
}

impl Deadline {
    /// For a connection that has to be set up within `time`.
    pub(super) fn for_setup(time: Duration) -> Self {
        let end = Instant::now() + time;
        Self(Some(Box::new(Watch { setup: Some(end), ..Watch::until(end) })))
    }

    /// The connection is set up.
    pub(super) fn set_up(&mut self) {
        if let Some(watch) = &mut self.0 {
            watch.setup = None;
        }
    }

    /// This moment on the client's clock.
    pub(super) fn client_now(&self) -> Instant {
        match &self.0 {
            Some(watch) => watch.unread_since.unwrap_or_else(Instant::now) - watch.late_by,
            None => Instant::now(),
        }
    }

    /// Whether the gateway reads the client, from now on.
    pub(super) fn set_read(&mut self, is_read: bool) {
        if let Some(watch) = &mut self.0 {
            match watch.unread_since {
                Some(since) if is_read => {
                    watch.late_by += since.elapsed();
                    watch.unread_since = None;
                }
                None if !is_read => watch.unread_since = Some(Instant::now()),
                _ => {}
            }
        }
    }

    /// Sets the end of the token, and that of the message under way on the client's clock.
    pub(super) fn set(&mut self, token: Option<Instant>, message: Option<Instant>) {
        let setup = self.0.as_ref().and_then(|watch| watch.setup);
        let Some(any) = setup.or(token).or(message) else {
            self.0 = None;
            return;
        };
        let watch = self.0.get_or_insert_with(|| Box::new(Watch::until(any)));
        let (is_read, late_by) = (watch.unread_since.is_none(), watch.late_by);
        let of_client =
            |end: Option<Instant>, due| end.filter(|_| is_read).map(|end| (end + late_by, due));
        let ends = [
            token.map(|end| (end, Due::Token)),
            of_client(setup, Due::Setup),
            of_client(message, Due::Message),
        ];
        let next = ends.into_iter().flatten().min_by_key(|(end, _)| *end);
        if watch.next != next {
            watch.next = next;
            watch.had_last_chance = false;
            if let Some((end, _)) = next
                && end < watch.timer.deadline()
            {
                watch.timer.as_mut().reset(end);
            }
        }
    }

    /// Waits for the next end; for ever if there is none. Cancel-safe.
    pub(super) async fn passes(&mut self) -> Due {
        let Some(watch) = &mut self.0 else { return pending().await };
        let Some((end, due)) = watch.next else { return pending().await };
        loop {
            watch.timer.as_mut().await;
            if watch.timer.deadline() >= end {
                return due;
            }
            watch.timer.as_mut().reset(end);
        }
    }

    /// True once after the client's time is over: what it sent before that may not have been read
    /// yet, since the gateway can be late too.
    pub(super) fn allows_last_chance(&mut self, due: Due) -> bool {
        due != Due::Token
            && self
                .0
                .as_mut()
                .is_some_and(|watch| !std::mem::replace(&mut watch.had_last_chance, true))
    }

    /// Something has come that has to be checked: once more, for what the check gives.
    pub(super) fn renew_last_chance(&mut self) {
        if let Some(watch) = &mut self.0 {
            watch.had_last_chance = false;
        }
    }
}

impl Watch {
    fn until(end: Instant) -> Self {
        Self {
            timer: Box::pin(sleep_until(end)),
            next: None,
            setup: None,
            late_by: Duration::ZERO,
            unread_since: None,
            had_last_chance: false,
        }
    }
}
