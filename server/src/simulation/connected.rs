//! A client and its end of the pipe: what it asks becomes bytes, and what comes becomes frames. The
//! place for bugs on the way.

use super::{
    Backbone, Bug,
    client::{Client, Given, Now, Request, Setup, Start},
    message_id, topic_name,
    truth::{Attempt, Truth},
    wire::{self, Decoder, Frame},
};
use crate::{gateway::Gateway, socket::pipe};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::Instant;

pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) pipe: pipe::Client,
    decoder: Decoder,
    /// It takes what comes.
    pub(super) reads: bool,
    /// A frame that a bug holds back.
    held_back: Option<(Instant, Frame)>,
    frames: usize,
}

impl Connected {
    /// Inside the simulation's runtime.
    pub(super) fn open(
        gateway: &Arc<Gateway>,
        backbone: Backbone,
        number: usize,
        capacity: usize,
        of_url: Option<usize>,
    ) -> Self {
        let pipe = pipe::Client::connect(gateway, capacity, of_url.map(topic_name));
        let client = Client::new(number, backbone, Instant::now(), of_url);
        Self { client, pipe, decoder: Decoder::default(), reads: true, held_back: None, frames: 0 }
    }

    pub(super) fn ask(&mut self, request: Request, truth: &Truth, bug: Bug) {
        let mut json = to_json(&request, truth);
        let of_subscribe = json["type"] == "subscribe";
        if let (Bug::IgnoresLast, Some(json)) = (bug, json.as_object_mut()) {
            json.remove("last");
        }
        if let (Bug::IgnoresMoves, true, Some(json)) = (bug, of_subscribe, json.as_object_mut()) {
            json.remove("lastSeq");
        }
        self.pipe.send(&wire::text(&json));
        self.client.requests.push_back(request);
    }

    /// Takes what came, each frame with its moment. False: nothing did.
    pub(super) fn look(&mut self, truth: &mut Truth, now: Now, bug: Bug) -> bool {
        if !self.reads {
            return false;
        }
        let mut came = false;
        while let Some((written, bytes)) =
            self.pipe.take(usize::MAX).filter(|_| self.client.closed.is_none())
        {
            came = true;
            for (time, frame) in self.decoder.take(written, &bytes) {
                for (time, frame) in self.distort(bug, time, frame) {
                    self.client.take(
                        &frame,
                        Now { time, is_prompt: !self.pipe.was_full(), ..now },
                        truth,
                    );
                }
            }
        }
        if self.pipe.is_at_end() && self.client.closed.is_none() {
            assert!(self.pipe.was_full(), "the connection ended without a word: {:?}", self.client);
            self.client.closed = Some(0);
            self.client.leave_session(truth, now.time, false);
        }
        came
    }

    /// The client goes away, whatever is on the way.
    pub(super) fn part(mut self, truth: &mut Truth, now: Instant) {
        let knows_all = !self.pipe.was_full() && self.pipe.take(1).is_none();
        self.client.leave_session(truth, now, knows_all);
    }

    fn distort(&mut self, bug: Bug, time: Instant, mut frame: Frame) -> Vec<(Instant, Frame)> {
        let Frame::Text(json) = &mut frame else { return vec![(time, frame)] };
        let (is_message, is_ack) = (json["type"] == "message", json["type"] == "ack");
        self.frames += usize::from(is_message || is_ack);
        let is_chosen = self.frames.is_multiple_of(5);
        let copy = Frame::Text(json.clone());
        match bug {
            Bug::Recovers if json["recovered"] == false => json["recovered"] = true.into(),
            Bug::MisplacesAfter if json["after"].is_u64() => json["after"] = json["seqNo"].clone(),
            Bug::Loses if is_message && is_chosen => return Vec::new(),
            Bug::Repeats if is_message && is_chosen => return vec![(time, copy), (time, frame)],
            Bug::Reorders if is_message => return self.hold_back(is_chosen, time, frame),
            Bug::ReordersAnswers if is_ack => return self.hold_back(is_chosen, time, frame),
            _ => {}
        }
        vec![(time, frame)]
    }

    /// A chosen frame waits for the next one of its kind.
    fn hold_back(&mut self, is_chosen: bool, time: Instant, frame: Frame) -> Vec<(Instant, Frame)> {
        if is_chosen && self.held_back.is_none() {
            self.held_back = Some((time, frame));
            return Vec::new();
        }
        [(time, frame)].into_iter().chain(self.held_back.take()).collect()
    }
}

fn to_json(request: &Request, truth: &Truth) -> Value {
    match request {
        Request::Setup(Setup { grant, topics, session, starts }) => {
            let token = grant.map_or_else(|| "nobody's".to_owned(), |grant| grant.token());
            let mut json = json!({"type": "setup", "token": token, "topics": topics.iter().copied().map(topic_name).collect::<Vec<_>>()});
            if let Some(session) = session {
                json["sessionId"] = session.as_str().into();
            }
            for (topic, start) in starts {
                for (field, value) in start_to_json(start) {
                    json[field][topic_name(*topic)] = value;
                }
            }
            json
        }
        Request::Subscribe(topic, start) => {
            let mut json = json!({"type": "subscribe", "topic": topic_name(*topic)});
            for (field, value) in start_to_json(start) {
                json[field] = value;
            }
            json
        }
        Request::Unsubscribe(topic) => json!({"type": "unsubscribe", "topic": topic_name(*topic)}),
        Request::Publish(attempt) => {
            let Attempt { message_id: id, topic, .. } = truth.attempts[*attempt];
            json!({"type": "publish", "topic": topic_name(topic), "messageId": message_id(id), "payload": payload(*attempt)})
        }
        Request::Ping => json!({"type": "ping"}),
        Request::Garbage => json!("garbage"),
    }
}

fn start_to_json(Start { position, last }: &Start) -> impl Iterator<Item = (&'static str, Value)> {
    let epoch =
        position.as_ref().and_then(|Given { epoch, .. }| Some(("epoch", epoch.as_deref()?.into())));
    let last_seq = position.as_ref().map(|Given { last_seq, .. }| ("lastSeq", (*last_seq).into()));
    [last_seq, epoch, last.map(|last| ("last", last.into()))].into_iter().flatten()
}

/// What a publish carries: which one it is, and something to fill queues with.
pub(super) fn payload(attempt: usize) -> Value {
    json!({"attempt": attempt, "filling": "x".repeat(attempt % 7 * 20)})
}
