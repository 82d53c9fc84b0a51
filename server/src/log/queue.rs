//! Lines on their way to the thread that writes them. A line that finds the queue full is dropped
//! and counted: the log never holds up what it tells of.

use parking_lot::{Condvar, Mutex};
use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Shared by those that log and the thread that writes.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Lines that may wait.
    limit: usize,
    /// For the thread that writes.
    changed: Condvar,
    /// For [`Queue::close`].
    written: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Box<[u8]>>,
    /// The thread has taken a line and has not come back.
    is_writing: bool,
    is_closed: bool,
}

impl State {
    fn is_over(&self) -> bool {
        self.lines.is_empty() && !self.is_writing
    }
}

/// What the thread that writes goes on with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Line(Box<[u8]>),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            limit,
            changed: Condvar::new(),
            written: Condvar::new(),
            dropped: AtomicU64::new(0),
        }
    }

    /// Never waits for the thread that writes.
    pub(super) fn push(&self, line: Box<[u8]>) {
        let mut state = self.state.lock();
        if state.lines.len() >= self.limit || state.is_closed {
            drop(state);
            return self.count_dropped();
        }
        state.lines.push_back(line);
        drop(state);
        self.changed.notify_one();
    }

    /// A line was lost.
    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    /// Lines that were lost so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// The next line; waits for it until `deadline`. The line before it counts as written.
    pub(super) fn next(&self, deadline: Instant) -> Next {
        let mut state = self.state.lock();
        state.is_writing = false;
        if state.is_over() {
            self.written.notify_all();
        }
        self.changed.wait_while_until(
            &mut state,
            |state| state.lines.is_empty() && !state.is_closed,
            deadline,
        );
        match state.lines.pop_front() {
            Some(line) => {
                state.is_writing = true;
                Next::Line(line)
            }
            None if state.is_closed => Next::Closed,
            None => Next::Nothing,
        }
    }

    /// Takes no more lines, and waits until those that are there are written, but no longer than
    /// `patience`.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.state.lock();
        state.is_closed = true;
        self.changed.notify_one();
        self.written.wait_while_for(&mut state, |state| !state.is_over(), patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Box<[u8]> {
        text.as_bytes().into()
    }

    #[test]
    fn lines_come_in_order_and_what_finds_it_full_is_dropped_and_counted() {
        let queue = Queue::new(2);
        for text in ["a", "b", "c", "d"] {
            queue.push(line(text));
        }
        assert_eq!(queue.dropped(), 2);
        let now = Instant::now();
        assert_eq!(
            [queue.next(now), queue.next(now), queue.next(now)],
            [Next::Line(line("a")), Next::Line(line("b")), Next::Nothing]
        );
        queue.push(line("e"));
        assert_eq!(queue.next(now), Next::Line(line("e")));
        assert_eq!(queue.dropped(), 2);
    }

    #[test]
    fn closing_waits_for_the_lines_that_are_there_but_not_for_ever() {
        let queue = Queue::new(2);
        queue.push(line("a"));
        // Nothing takes it.
        queue.close(Duration::from_millis(1));
        queue.push(line("late"));
        assert_eq!(queue.dropped(), 1);
        let is_written = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let line_then_end = (queue.next(Instant::now()), queue.next(Instant::now()));
                line_then_end == (Next::Line(line("a")), Next::Closed)
            });
            queue.close(Duration::from_secs(60));
            writer.join().unwrap()
        });
        assert!(is_written);
    }
}
