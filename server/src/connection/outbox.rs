//! What waits for a client, in order: answers that are held back, and bytes that a full socket did
//! not take.

use bytes::Bytes;
use protocol::CloseCode;
use std::collections::VecDeque;
use websocket::close_frame;

/// Memory that an entry of the queue takes besides its bytes: its place and as much room to grow,
/// the count of those that share the bytes, and what the allocator rounds up.
const ENTRY: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// What a full socket did not take, in order.
    pub(super) queue: VecDeque<Bytes>,
    /// Bytes of memory that `queue` and `aside` take.
    pub(super) waiting: usize,
    /// How many of them a replay has put there: they do not count for the limit.
    pub(super) replayed: usize,
    /// The front of `queue` lacks bytes that were sent already.
    pub(super) front_is_cut: bool,
    /// Answers that are held back to leave in one write with what the same turn delivers.
    pub(super) corked: Vec<u8>,
    /// Messages that came before `ready`; they count as waiting.
    #[allow(
        clippy::box_collection,
        reason = "it is rare, and a vector would make each connection larger by 16 bytes"
    )]
    pub(super) aside: Option<Box<Vec<Bytes>>>,
    pub(super) state: State,
    /// The code of the close frame, once there is one.
    pub(super) closed_with: Option<u16>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Open,
    /// A `setup` is being answered: messages are set aside.
    SettingUp,
    /// The close frame is the last thing in the queue.
    Closing,
    /// The socket has failed.
    Broken,
}

impl Outbox {
    /// Whether answers are taken.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open | State::SettingUp)
    }

    /// What counts for the limit: everything that waits, here or `unsent` in the socket, but not
    /// what a replay has put there.
    pub(super) fn counted(&self, unsent: impl FnOnce() -> usize) -> usize {
        let unsent = if self.replayed == 0 { unsent() } else { 0 };
        self.waiting.saturating_sub(self.replayed) + unsent
    }

    /// Closes in front of what waits: only what the client has the beginning of is still sent.
    pub(super) fn shut(&mut self, code: CloseCode, reason: &str) {
        self.cut_off();
        self.push(close_frame(code.number(), reason));
        self.state = State::Closing;
        self.closed_with = Some(code.number());
    }

    /// Keeps messages until `ready` was sent.
    pub(super) fn set_aside(&mut self, frames: &Bytes) {
        self.waiting += cost(frames);
        self.aside.get_or_insert_default().push(frames.clone());
    }

    /// What was set aside, in order.
    pub(super) fn take_aside(&mut self) -> Vec<Bytes> {
        let aside = self.aside.take().map(|aside| *aside).unwrap_or_default();
        self.waiting -= aside.iter().map(cost).sum::<usize>();
        aside
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.waiting += cost(&bytes);
            self.queue.push_back(bytes);
        }
    }

    /// Adds what of `bytes` is behind `at`. If that is little, it is copied: a slice would keep all
    /// of `bytes` in memory.
    pub(super) fn push_behind(&mut self, bytes: &Bytes, at: usize) {
        let is_little = bytes.len() - at < bytes.len() / 8;
        self.push(if is_little { Bytes::copy_from_slice(&bytes[at..]) } else { bytes.slice(at..) });
    }

    /// Lets go of everything that waits, but what the client has the beginning of.
    pub(super) fn cut_off(&mut self) {
        self.aside = None;
        self.queue.truncate(usize::from(self.front_is_cut));
        self.waiting = self.queue.iter().map(cost).sum();
        self.replayed = 0;
    }

    /// The socket took `n` bytes of the front.
    pub(super) fn sent(&mut self, n: usize) {
        self.forget(n);
        let Some(front) = self.queue.front_mut() else { return };
        if n == front.len() {
            self.queue.pop_front();
            self.forget(ENTRY);
            self.front_is_cut = false;
        } else {
            let _sent = front.split_to(n);
            self.front_is_cut = true;
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }

    fn forget(&mut self, n: usize) {
        self.waiting -= n;
        self.replayed = self.replayed.saturating_sub(n);
    }
}

/// Bytes of memory that an entry takes.
fn cost(bytes: &Bytes) -> usize {
    ENTRY + bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocation_counter::measure;

    /// Buffers as a topic's fan-out leaves them: with some room, shared with its other subscribers.
    fn waits(entries: usize, len: usize) -> Outbox {
        let mut outbox = Outbox::default();
        for _ in 0..entries {
            let mut buffer = Vec::with_capacity(len + 4);
            buffer.resize(len, b'x');
            let frames = Bytes::from(buffer);
            outbox.push(frames.clone());
        }
        outbox
    }

    #[test]
    fn what_waits_is_counted_as_what_it_takes() {
        for (entries, len) in [(5_000, 2), (5_000, 60), (3_000, 300), (20, 60_000)] {
            let mut counted = 0;
            let taken = measure(|| {
                let outbox = waits(entries, len);
                counted = outbox.waiting;
            });
            let most = taken.bytes_max as usize;
            // The queue is copied when it grows: for a moment there are two.
            assert!(
                (counted / 2..=counted + counted / 8).contains(&most),
                "{entries} of {len}: {counted} counted, {most} taken"
            );
        }
    }

    #[test]
    fn everything_sent_everything_given_back() {
        let mut outbox = waits(3, 100);
        outbox.replayed = outbox.waiting;
        outbox.sent(100);
        outbox.sent(40);
        assert_eq!((outbox.waiting, outbox.replayed), (2 * ENTRY + 160, 2 * ENTRY + 160));
        outbox.sent(60);
        outbox.sent(100);
        assert_eq!((outbox.waiting, outbox.replayed, outbox.queue.capacity()), (0, 0, 0));
    }

    #[test]
    fn a_little_rest_does_not_keep_much_in_memory() {
        let mut outbox = Outbox::default();
        let kept = measure(|| {
            let chunk = Bytes::from(vec![b'x'; 128 * 1024]);
            outbox.push_behind(&chunk, 128 * 1024 - 100);
        });
        assert!(kept.bytes_current < 1024, "{} bytes", kept.bytes_current);
        assert_eq!(outbox.queue[0].len(), 100);
    }
}
