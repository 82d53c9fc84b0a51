//! One connection of a reader: what was asked on it and not answered yet.

use crate::{
    gateway::Gateway,
    simulation::{
        connected::payload,
        message_id, topic_name,
        truth::Truth,
        wire::{self, Decoder, Frame},
    },
    socket::pipe,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// A setup, and the answers to its topics so far.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) session: Option<String>,
    pub(super) topics: Vec<usize>,
    /// Topics whose position the client gave.
    pub(super) given: BTreeSet<usize>,
    /// `Err`: the backbone was away.
    pub(super) answers: Vec<(usize, Result<Value, ()>)>,
}

/// A topic on this connection.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) epoch: String,
    /// The number behind which the next message comes.
    pub(super) last: u64,
}

#[derive(Debug)]
pub(super) struct Connection {
    /// The gateway at its other end.
    pub(super) node: usize,
    pipe: pipe::Client,
    decoder: Decoder,
    /// `None`: it is set up.
    pub(super) setup: Option<Asked>,
    pub(super) taken: BTreeMap<usize, Taken>,
    pub(super) subscribing: Option<usize>,
    pub(super) unsubscribing: Option<usize>,
    pub(super) publishes: VecDeque<usize>,
    pub(super) said_goodbye: bool,
    /// Another setup may take its session at any time.
    pub(super) is_contested: bool,
    pub(super) closed: Option<u16>,
}

impl Connection {
    /// Inside the simulation's runtime.
    pub(super) fn open(gateway: &Arc<Gateway>, node: usize) -> Self {
        Self {
            node,
            pipe: pipe::Client::connect(gateway, 1 << 20, None),
            decoder: Decoder::default(),
            setup: Some(Asked::default()),
            taken: BTreeMap::new(),
            subscribing: None,
            unsubscribing: None,
            publishes: VecDeque::new(),
            said_goodbye: false,
            is_contested: false,
            closed: None,
        }
    }

    pub(super) fn send(&self, json: &Value) {
        self.pipe.send(&wire::text(json));
    }

    pub(super) fn say_goodbye(&mut self) {
        self.said_goodbye = true;
        self.pipe.send(&wire::close(4000));
    }

    /// Whether it can ask for something: it is set up, and waits for nothing of this kind.
    pub(super) fn is_free(&self) -> bool {
        self.setup.is_none()
            && self.subscribing.is_none()
            && self.unsubscribing.is_none()
            && !self.said_goodbye
    }

    pub(super) fn subscribe(&mut self, topic: usize) {
        self.subscribing = Some(topic);
        self.send(&json!({"type": "subscribe", "topic": topic_name(topic)}));
    }

    pub(super) fn unsubscribe(&mut self, topic: usize) {
        self.unsubscribing = Some(topic);
        self.send(&json!({"type": "unsubscribe", "topic": topic_name(topic)}));
    }

    pub(super) fn publish(&mut self, attempt: usize, truth: &Truth) {
        let publish = &truth.attempts[attempt];
        self.publishes.push_back(attempt);
        self.send(&json!({
            "type": "publish",
            "topic": topic_name(publish.topic),
            "messageId": message_id(publish.message_id),
            "payload": payload(attempt),
        }));
    }

    pub(super) fn confirm(&self, topic: usize, seq_no: u64, epoch: &str) {
        self.send(&json!({
            "type": "ack",
            "topic": topic_name(topic),
            "seqNo": seq_no,
            "epoch": epoch,
        }));
    }

    /// The frames that came; a close frame only sets `closed`.
    pub(super) fn take(&mut self, reader: usize, truth: &mut Truth) -> Vec<Value> {
        let mut came = Vec::new();
        while let Some((written, bytes)) = self.pipe.take(usize::MAX) {
            for (_, frame) in self.decoder.take(written, &bytes) {
                assert_eq!(self.closed, None, "something behind the close frame: {frame:?}");
                match frame {
                    Frame::Ping => {}
                    Frame::Close(code) => {
                        truth.report.note(|| format!("reader {reader} is closed with {code}"));
                        self.closed = Some(code);
                    }
                    Frame::Text(json) => {
                        truth.report.note(|| format!("reader {reader} is told {json}"));
                        came.push(json);
                    }
                }
            }
        }
        if self.pipe.is_at_end() && self.closed.is_none() {
            panic!("the connection of reader {reader} ended without a word: {self:?}");
        }
        came
    }
}
