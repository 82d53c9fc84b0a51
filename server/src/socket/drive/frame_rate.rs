//! `limits.frame_rate`: a client that sends more frames than that is read more slowly.

use crate::bucket::{Bucket, Rate};
use hub::clock::Clock;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

/// A client that has used up its rate is left alone for at least this long, so that it goes on with
/// some frames and not with one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

pub(super) struct FrameRate {
    rate: Rate,
    bucket: Bucket,
    clock: Clock,
    pause: Option<Pin<Box<Sleep>>>,
}

impl FrameRate {
    /// Of so many frames a second, and as many at once.
    pub(super) fn new(per_second: usize, clock: Clock) -> Self {
        Self {
            rate: Rate { per_second, burst: per_second },
            bucket: Bucket::default(),
            clock,
            pause: None,
        }
    }

    /// How many frames may be handled now.
    pub(super) fn available(&mut self) -> usize {
        self.bucket.available(self.rate, self.clock.now())
    }

    /// So many frames were handled. The client is paused if no more may be.
    pub(super) fn take(&mut self, frames: usize) {
        self.bucket.take(frames);
        if self.available() == 0 {
            self.pause = Some(Box::pin(sleep(self.bucket.wait(self.rate, 1).max(SHORTEST_PAUSE))));
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// Pending while the client is paused. Ready with true: it was paused until now.
    pub(super) fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(pause) = &mut self.pause else { return Poll::Ready(false) };
        ready!(pause.as_mut().poll(cx));
        self.pause = None;
        Poll::Ready(true)
    }
}
