//! Appending a message: its number and the place of its bytes are decided in one step.

use super::{Retired, Sink, State, Topic, log::Numbers};
use crate::{clock::Micros, fan_out::FanOut, instruments::SIGNATURE_LEN};
use protocol::{MessageId, SeqNo};
use std::sync::{Arc, atomic::Ordering::Relaxed};
use websocket::put_text_frame;

/// A stored message.
#[must_use = "the fan-out has to be driven"]
#[derive(Debug)]
pub struct Appended<S: Sink> {
    /// Its number.
    pub seq_no: u64,
    /// How many subscriptions the topic had when the message was stored.
    pub subscribers: usize,
    /// The topic lags by more than its limit: the publisher should wait for
    /// [`Topic::below_backlog`].
    pub congested: bool,
    /// The right to fan out, if it was free: the caller must drive it.
    pub fan_out: Option<FanOut<S>>,
}

/// The result of a put, to be handled outside of the lock.
pub(super) struct Put {
    /// The caller has got the right to fan out.
    is_mine: bool,
    congested: bool,
}

impl<S: Sink> Topic<S> {
    /// Numbers a message that was accepted at `now`, and adds it to the pending bytes. `data` is
    /// one JSON value.
    ///
    /// # Errors
    /// [`Retired`]: nothing was stored.
    pub fn append(
        self: &Arc<Self>,
        now: Micros,
        message_id: &MessageId<'_>,
        data: &str,
    ) -> Result<Appended<S>, Retired> {
        let expected = self.frame_len(message_id, data);
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.retired {
            return Err(Retired);
        }
        debug_assert!(state.log.head < SeqNo::MAX);
        let seq_no = state.log.head + 1;
        let put = self.put(state, now, seq_no, message_id, data, expected);
        drop(guard);
        Ok(self.after_put(put, now, seq_no))
    }

    /// An estimate of the length of a message's frame, in bytes.
    pub(super) fn frame_len(&self, message_id: &MessageId<'_>, data: &str) -> usize {
        self.prefix.frame_len(message_id, data, self.shared.signer.as_ref().map(|_| SIGNATURE_LEN))
    }

    /// Adds a message as the topic's newest; its frame has about `expected` bytes.
    pub(super) fn put(
        self: &Arc<Self>,
        state: &mut State<S>,
        now: Micros,
        seq_no: u64,
        message_id: &MessageId<'_>,
        data: &str,
        expected: usize,
    ) -> Put {
        const HEADER: usize = 4;
        let State { log, roster, right, .. } = state;
        let encode = |out: &mut Vec<u8>, numbers: Numbers<'_>| {
            put_text_frame(out, expected, |out| self.put_message(out, numbers, message_id, data));
        };
        let mut is_mine = false;
        let before = log.history.footprint();
        if roster.is_empty() {
            log.keep(seq_no, now, expected + HEADER, encode);
        } else {
            let len = log.keep_and_send(seq_no, now, expected + HEADER, encode);
            is_mine = self.take_right(right, len);
        }
        let congested = right.backlog() > self.shared.limits.topic_backlog;
        self.history_changed(state, before);
        Put { is_mine, congested }
    }

    /// Handles the result of a put outside of the lock.
    pub(super) fn after_put(self: &Arc<Self>, put: Put, now: Micros, seq_no: u64) -> Appended<S> {
        let Put { is_mine, congested } = put;
        let subscribers = self.subscribers();
        if subscribers == 0 && !self.is_following {
            self.idle_since.store(now.0, Relaxed);
        }
        self.shared.trim_excess();
        Appended { seq_no, subscribers, congested, fan_out: self.fan_out(is_mine) }
    }

    /// Appends the text of a message to `out`.
    pub(super) fn put_message(
        &self,
        out: &mut Vec<u8>,
        numbers: Numbers<'_>,
        message_id: &MessageId<'_>,
        data: &str,
    ) {
        let Numbers { epoch, prev, seq_no } = numbers;
        let sig = self
            .shared
            .signer
            .as_ref()
            .map(|signer| signer.sign(&self.name, epoch, seq_no, message_id, data));
        let sig = sig.as_ref().map(<[u8; _]>::as_slice);
        self.prefix.put(out, (prev, seq_no), message_id, data, sig);
    }
}
