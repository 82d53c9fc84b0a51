//! The right to fan out a topic, and the passes of its holder. It has one holder at a time, so
//! every subscriber gets the topic's bytes in order.

use super::{
    grain::Grain,
    pending::Chunk,
    topic::{Joining, Member, Sink, Topic},
};
use std::sync::Arc;

/// Deliveries after which a pass yields. 64 to 256 measured alike; without a yield, other
/// connections wait for the whole pass. Small in tests, so that passes have several steps.
const DELIVERIES_PER_STEP: Grain = Grain { usual: 128, fine: 2 };

/// How many subscribers a pass prefetches before it delivers to them: their memory is loaded in
/// parallel, instead of one after the other between system calls.
const AHEAD: usize = 8;

/// The right, and the obligation, to fan out a topic's pending bytes. Call [`FanOut::step`] until
/// it returns [`Step::Done`]. If it is dropped before that, the next publish continues the fan-out.
#[derive(Debug)]
pub struct FanOut<S: Sink> {
    topic: Arc<Topic<S>>,
    /// Boxed, because a right is moved and stored often before it is driven.
    pass: Option<Box<Pass<S>>>,
    done: bool,
}

/// How far a [`FanOut`] has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A pass is not complete: let other tasks run, then call again.
    Yield,
    /// A pass is complete, and more bytes are pending.
    More,
    /// Nothing is pending, and the right is given back.
    Done,
}

/// One chunk that is being delivered to all subscribers.
#[derive(Debug)]
pub(super) struct Pass<S> {
    pub(super) chunk: Chunk,
    pub(super) members: Vec<Arc<Member<S>>>,
    pub(super) joining: Vec<Joining<S>>,
    /// How many deliveries are done; members come first.
    pub(super) at: usize,
}

/// The result of one step.
struct Stride {
    /// Messages that were delivered, counted once for each subscriber.
    messages: u64,
    /// Every subscriber has the chunk.
    is_last: bool,
}

impl<S: Sink> Pass<S> {
    fn deliver_some(&mut self) -> Stride {
        let mut messages = 0;
        let end = self.at + DELIVERIES_PER_STEP.get();
        let members = self.members.iter().skip(self.at).take(DELIVERIES_PER_STEP.get());
        for member in members {
            if self.at.is_multiple_of(AHEAD) {
                self.members.iter().skip(self.at).take(AHEAD).for_each(|next| next.sink.approach());
            }
            member.sink.deliver(&member.liveness, &self.chunk.frames);
            messages += self.chunk.messages;
            self.at += 1;
        }
        while self.at < end {
            let Some(joining) = self.joining.get(self.at - self.members.len()) else { break };
            let frames = self.chunk.after(joining.from);
            if !frames.is_empty() {
                joining.member.sink.deliver(&joining.member.liveness, &frames);
                messages += self.chunk.messages.min(self.chunk.count.saturating_sub(joining.count));
            }
            self.at += 1;
        }
        Stride { messages, is_last: self.at == self.members.len() + self.joining.len() }
    }
}

impl<S: Sink> FanOut<S> {
    pub(super) fn new(topic: Arc<Topic<S>>) -> Self {
        Self { topic, pass: None, done: false }
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &Arc<Topic<S>> {
        &self.topic
    }

    /// Delivers to some subscribers: a bounded amount of work.
    pub fn step(&mut self) -> Step {
        if self.pass.is_none() {
            self.pass = self.topic.begin_pass();
        }
        let Some(pass) = &mut self.pass else {
            self.done = true;
            return Step::Done;
        };
        let Stride { messages, is_last } = pass.deliver_some();
        self.topic.shared().count_deliveries(messages, pass.chunk.since);
        if !is_last {
            return Step::Yield;
        }
        if self.pass.take().is_some_and(|pass| self.topic.end_pass(*pass)) {
            return Step::More;
        }
        self.done = true;
        Step::Done
    }
}

impl<S: Sink> Drop for FanOut<S> {
    fn drop(&mut self) {
        if !self.done {
            self.topic.abandon(self.pass.take());
        }
    }
}
