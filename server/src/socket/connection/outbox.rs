//! What waits for a client, in order: answers that are held back, and bytes that a full socket did not take.

use bytes::Bytes;
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// What a full socket did not take, in order.
    pub(super) queue: VecDeque<Bytes>,
    /// Bytes in `queue`.
    pub(super) waiting: usize,
    /// How many of them a replay has put there: they do not count for the limit.
    pub(super) replayed: usize,
    /// The front of `queue` lacks bytes that were sent already.
    pub(super) front_is_cut: bool,
    /// Answers that are held back to leave in one write with what the same turn delivers.
    pub(super) corked: Vec<u8>,
    /// Messages that came before `ready`; they count as waiting.
    pub(super) aside: Option<Box<Vec<Bytes>>>,
    pub(super) state: State,
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

    /// Keeps messages until `ready` was sent.
    pub(super) fn set_aside(&mut self, frames: &Bytes) {
        self.waiting += frames.len();
        self.aside.get_or_insert_default().push(frames.clone());
    }

    /// What was set aside, in order.
    pub(super) fn take_aside(&mut self) -> Vec<Bytes> {
        let aside = self.aside.take().map(|aside| *aside).unwrap_or_default();
        self.waiting -= aside.iter().map(Bytes::len).sum::<usize>();
        aside
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.waiting += bytes.len();
            self.queue.push_back(bytes);
        }
    }

    /// The socket took `n` bytes of the front.
    pub(super) fn sent(&mut self, n: usize) {
        self.waiting -= n;
        self.replayed = self.replayed.saturating_sub(n);
        let Some(front) = self.queue.front_mut() else { return };
        if n == front.len() {
            self.queue.pop_front();
            self.front_is_cut = false;
        } else {
            let _sent = front.split_to(n);
            self.front_is_cut = true;
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }
}
