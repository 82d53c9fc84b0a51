//! A part of a shared log that lies below a topic's history, encoded for its subscribers:
//! subscribers that resume at about the same position share one page.

use super::{Record, Sink, Topic, history, log::Numbers};
use crate::{
    clock::Micros,
    history::{Budget, Copied, History},
};
use protocol::Epoch;
use std::sync::Arc;
use websocket::put_text_frame;

/// All messages of a log behind one number and up to another.
#[derive(Debug)]
pub struct Page {
    epoch: Arc<Epoch<'static>>,
    /// The position that was asked for.
    asked: u64,
    frames: History,
}

impl Page {
    /// An empty page of the messages behind `asked`. The log is proved to be complete behind
    /// `floor` only; if that is above `asked`, messages between the two are lost.
    #[must_use]
    pub fn new(epoch: Arc<Epoch<'static>>, asked: u64, floor: u64) -> Self {
        let mut frames = History::new(history::Limits::ALL);
        frames.begin_again(floor.max(asked));
        Self { epoch, asked, frames }
    }

    /// Notes that the log is proved to have no further message up to `seq_no`.
    pub fn skip_to(&mut self, seq_no: u64) {
        self.frames.skip_to(seq_no);
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>() + self.frames.footprint()
    }

    /// What this page contains for a position.
    #[must_use]
    pub fn says(&self, epoch: &str, position: u64) -> Says {
        if self.epoch.as_str() != epoch || position < self.asked {
            Says::Nothing
        } else if position < self.frames.floor() {
            Says::Lost
        } else if self.frames.reaches_below_head(position) {
            Says::Continues
        } else {
            Says::Nothing
        }
    }

    pub(super) fn copy_after(&self, position: u64, budget: Budget, out: &mut Vec<u8>) -> Copied {
        self.frames.copy_after(position, budget, out)
    }
}

/// What a [`Page`] contains for a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// The next messages, or the proof that none exists up to its end, which is above the position.
    Continues,
    /// Messages behind the position are not in the log any more.
    Lost,
    /// The page does not cover the position.
    Nothing,
}

impl<S: Sink> Topic<S> {
    /// Appends a record to a page of this topic's log. The record must follow the page's last one.
    pub fn put_page(&self, page: &mut Page, record: &Record<'_>) {
        let prev = record.prev.unwrap_or(0).max(page.frames.head());
        let expected = self.frame_len(record.message_id, record.data);
        let epoch = page.epoch.clone();
        page.frames.put(record.seq_no, Micros::default(), expected + 4, |out| {
            put_text_frame(out, expected, |out| {
                let numbers = Numbers { epoch: &epoch, prev, seq_no: record.seq_no };
                self.put_message(out, numbers, record.message_id, record.data);
            });
        });
    }
}
