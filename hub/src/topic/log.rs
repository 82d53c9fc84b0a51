//! A topic's messages: their numbers, the history for replay, and the bytes that are pending for
//! the fan-out.

use super::following::Following;
use crate::{
    clock::Micros,
    history::{self, History},
    pending::Pending,
};
use protocol::Epoch;
use std::sync::Arc;

/// The messages of one topic.
#[derive(Debug)]
pub(super) struct Log {
    /// The life of the numbering.
    pub(super) epoch: Arc<Epoch<'static>>,
    /// The number of the last message; 0: none yet.
    pub(super) head: u64,
    pub(super) history: History,
    pub(super) pending: Pending,
    /// Set if the topic follows a shared log and was not forgotten.
    pub(super) following: Option<Box<Following>>,
}

/// The numbers of a message that is being encoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers<'a> {
    /// The life of the numbering.
    pub(super) epoch: &'a Epoch<'static>,
    /// The number of the topic's message before it.
    pub(super) prev: u64,
    pub(super) seq_no: u64,
}

impl Log {
    pub(super) fn new(epoch: Epoch<'static>, limits: history::Limits) -> Self {
        Self {
            epoch: Arc::new(epoch),
            head: 0,
            history: History::new(limits),
            pending: Pending::default(),
            following: None,
        }
    }

    /// Adds the message `seq_no`, which was accepted at `now`, as the newest one, without making it
    /// pending: no live subscriber exists. `encode` appends its frame, about `expected` bytes.
    pub(super) fn keep(
        &mut self,
        seq_no: u64,
        now: Micros,
        expected: usize,
        encode: impl FnOnce(&mut Vec<u8>, Numbers<'_>),
    ) {
        let prev = std::mem::replace(&mut self.head, seq_no);
        let numbers = Numbers { epoch: &self.epoch, prev, seq_no };
        self.history.put(seq_no, now, expected, |out| encode(out, numbers));
    }

    /// As [`Log::keep`], and makes the frame pending. Returns its length in bytes.
    pub(super) fn keep_and_send(
        &mut self,
        seq_no: u64,
        now: Micros,
        expected: usize,
        encode: impl FnOnce(&mut Vec<u8>, Numbers<'_>),
    ) -> usize {
        let prev = std::mem::replace(&mut self.head, seq_no);
        let numbers = Numbers { epoch: &self.epoch, prev, seq_no };
        let begin = self.pending.end();
        self.pending.put(seq_no, now, expected, |out| encode(out, numbers));
        let len = (self.pending.end() - begin) as usize;
        let frame = self.pending.newest(len);
        self.history.put(seq_no, now, len, |out| out.extend_from_slice(frame));
        len
    }
}
