//! Bytes of a topic that are numbered and not yet fanned out, in order, as chunks: a pass takes one
//! chunk. Positions count all bytes that the topic ever had, so that a subscriber can join at any
//! position.

use crate::{clock::Micros, grain::Grain};
use bytes::Bytes;
use std::collections::VecDeque;

/// A chunk is closed once it has this many bytes: large enough that a system call carries many
/// messages, small enough that a send queue of a megabyte holds several chunks. Small in tests, so
/// that a fan-out has many chunks.
const CHUNK_BYTES: Grain = Grain { usual: 128 * 1024, fine: 512 };

/// The frames between two positions.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) start: u64,
    pub(super) frames: Bytes,
    /// The number of its last message.
    pub(super) last: u64,
    /// How many messages it contains.
    pub(super) messages: u64,
    /// How many messages the topic had up to its last one.
    pub(super) count: u64,
    /// When the first of its messages was accepted.
    pub(super) since: Micros,
}

impl Chunk {
    /// The position behind its last byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.frames.len() as u64
    }

    /// The part that lies behind `position`. A small part is copied: a slice would keep the whole
    /// chunk in memory.
    pub(super) fn after(&self, position: u64) -> Bytes {
        let skip = position.saturating_sub(self.start).min(self.frames.len() as u64) as usize;
        let is_little = self.frames.len() - skip < self.frames.len() / 8;
        if is_little {
            Bytes::copy_from_slice(&self.frames[skip..])
        } else {
            self.frames.slice(skip..)
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Pending {
    closed: VecDeque<Chunk>,
    open: Vec<u8>,
    /// The position behind the last byte.
    end: u64,
    /// The number of the last message.
    last: u64,
    /// The number of messages in `open`.
    messages: u64,
    /// The number of messages that the topic has had.
    count: u64,
    /// When the first message in `open` was accepted.
    since: Micros,
}

impl Pending {
    /// The position behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// How many messages the topic has had.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.closed.is_empty()
    }

    /// Appends the frame of message `seq_no`, which was accepted at `now`. `write` appends the
    /// frame's bytes, about `expected` of them.
    pub(super) fn put(
        &mut self,
        seq_no: u64,
        now: Micros,
        expected: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.open.reserve(expected);
        if self.messages == 0 {
            self.since = now;
        }
        self.messages += 1;
        self.count += 1;
        self.append(seq_no, write);
    }

    /// Appends a frame that is not a message: from there on, `head` is the last message's number.
    pub(super) fn put_notice(&mut self, head: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.append(head, write);
    }

    fn append(&mut self, last: u64, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.open.len();
        write(&mut self.open);
        self.end += (self.open.len() - before) as u64;
        self.last = last;
        if self.open.len() >= CHUNK_BYTES.get() {
            let chunk = self.close();
            self.closed.push_back(chunk);
        }
    }

    /// The last `len` bytes: the newest frame.
    pub(super) fn newest(&self, len: usize) -> &[u8] {
        let bytes = if self.open.is_empty() {
            self.closed.back().map_or(&[][..], |chunk| &chunk.frames)
        } else {
            &self.open
        };
        &bytes[bytes.len() - len..]
    }

    /// Removes the oldest chunk.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        match self.closed.pop_front() {
            Some(chunk) => Some(chunk),
            None if self.open.is_empty() => None,
            None => Some(self.close()),
        }
    }

    fn close(&mut self) -> Chunk {
        let frames = Bytes::from(std::mem::take(&mut self.open));
        let (messages, since) = (std::mem::take(&mut self.messages), self.since);
        Chunk {
            start: self.end - frames.len() as u64,
            frames,
            last: self.last,
            messages,
            count: self.count,
            since,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_keep_order_and_positions() {
        let mut pending = Pending::default();
        let mut sent = Vec::new();
        for i in 0..20u8 {
            pending.put(u64::from(i), Micros(u64::from(i)), 100, |out| {
                out.extend_from_slice(&[i; 100])
            });
            sent.extend_from_slice(&[i; 100]);
        }
        let (mut seen, mut chunks, mut messages) = (Vec::new(), 0, 0);
        while let Some(chunk) = pending.take() {
            assert_eq!(chunk.start, seen.len() as u64);
            for skip in [7, chunk.frames.len() - 7] {
                assert_eq!(chunk.after(chunk.start + skip as u64), chunk.frames.slice(skip..));
            }
            assert!(chunk.after(u64::MAX).is_empty());
            assert_eq!(
                (chunk.since, chunk.messages),
                (Micros(messages), chunk.frames.len() as u64 / 100)
            );
            messages += chunk.messages;
            seen.extend_from_slice(&chunk.frames);
            chunks += 1;
        }
        assert_eq!(seen, sent);
        assert_eq!(chunks, 4);
        assert!(pending.is_empty());
    }
}
