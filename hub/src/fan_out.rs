//! The right to fan out a topic, and the passes that it makes. One holder at a time, so every
//! subscriber gets the topic's bytes in order.

use super::{
    grain::Grain,
    pending::Chunk,
    topic::{Joining, Member, Sink, Topic},
};
use std::sync::Arc;

/// Deliveries after which a pass lets others run: 64 to 256 measured alike; without it other
/// connections wait for the whole pass. In tests small, so that passes have steps.
const DELIVERIES_PER_STEP: Grain = Grain { usual: 128, fine: 2 };

/// How many subscribers a pass looks at before it delivers to them: their memory is fetched side by
/// side then, not one after the other between system calls.
const AHEAD: usize = 8;

/// The right, and the duty, to fan out what is pending in a topic. Call [`FanOut::step`] until it
/// says [`Step::Done`]. Dropped before that, what is left goes with the next publish.
#[derive(Debug)]
pub struct FanOut<S: Sink> {
    topic: Arc<Topic<S>>,
    /// Boxed, because a right lies in many places before it is driven.
    pass: Option<Box<Pass<S>>>,
    done: bool,
}

/// How far a [`FanOut`] has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// In the middle of a pass: let others run, then go on.
    Yield,
    /// A pass has ended and more is pending already.
    More,
    /// Nothing is left and the right is given back.
    Done,
}

/// One chunk on its way to all subscribers.
#[derive(Debug)]
pub(super) struct Pass<S> {
    pub(super) chunk: Chunk,
    pub(super) members: Vec<Arc<Member<S>>>,
    pub(super) joining: Vec<Joining<S>>,
    /// Deliveries done, the members' first.
    pub(super) at: usize,
}

/// What a step has done.
struct Stride {
    /// Messages handed over, one for each subscriber.
    messages: u64,
    /// Everybody has the chunk.
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

    /// Delivers to some subscribers: a bounded piece of work.
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
