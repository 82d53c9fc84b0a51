//! Runs `clients/scenarios` against the core. The format is explained there.

use super::{Core, Effect, Input, NewPublish, Start, TokenSource};
use crate::{Event, Notice, Stop, native_frame};
use protocol::{Epoch, MessageId, Newest, Payload, SeqNo, Topic};
use serde_json::{Value, json};
use std::{collections::VecDeque, fs, path::Path, time::Duration};

struct World {
    core: Core,
    now: Duration,
    client: VecDeque<Value>,
    user: VecDeque<Value>,
    ids: Vec<String>,
    place: String,
}

fn topic(value: &Value) -> Topic<'static> {
    Topic::new(value.as_str().unwrap().to_owned()).unwrap()
}

fn start(value: &Value) -> Start {
    match (value["last"].as_u64(), value["after"].as_u64()) {
        (Some(last), _) => Start::Last(Newest::new(last).unwrap()),
        (_, Some(after)) => Start::After(SeqNo::new(after).unwrap()),
        _ => Start::Now,
    }
}

impl World {
    fn new(scenario: &Value) -> Self {
        let source = match scenario["token"].as_str() {
            Some(token) => TokenSource::Static(token.to_owned()),
            None => TokenSource::Provider,
        };
        let topics = scenario["topics"].as_object().unwrap();
        let topics: Vec<_> =
            topics.iter().map(|(name, from)| (topic(&json!(name)), start(from))).collect();
        let core = Core::new(source, topics, Duration::ZERO, || 1.0);
        let place = scenario["name"].as_str().unwrap().to_owned();
        let (client, user) = Default::default();
        let mut world = Self { core, now: Duration::ZERO, client, user, ids: Vec::new(), place };
        world.collect();
        world
    }

    /// Sorts the effects by who sees them.
    fn collect(&mut self) {
        while let Some(effect) = self.core.effect() {
            match effect {
                Effect::Connect => self.client.push_back(json!("connects")),
                Effect::Disconnect(code) => self.client.push_back(json!({ "closes": code })),
                Effect::Send(text) => self.client.push_back(serde_json::from_str(&text).unwrap()),
                Effect::FetchToken { .. } => self.client.push_back(json!("asks for a token")),
                Effect::Tell(Event::Message(message)) => self.user.push_back(json!({ "message": {
                    "topic": message.topic, "seqNo": message.seq_no,
                    "messageId": message.message_id, "data": message.data::<Value>().unwrap(),
                }})),
                Effect::Tell(Event::Notice(notice)) => self.user.push_back(told(&notice)),
                Effect::Settle(key, outcome) => {
                    let outcome = match outcome {
                        Ok(ack) => {
                            json!({ "status": ack.status, "topic": ack.topic, "seqNo": ack.seq_no })
                        }
                        Err(error) => json!({ "error": kind(&error) }),
                    };
                    let id = &self.ids[usize::try_from(key).unwrap()];
                    self.user.push_back(json!({ "published": id, "outcome": outcome }));
                }
            }
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.core.handle(self.now, input);
    }

    fn step(&mut self, step: &Value) {
        let (who, what) = step.as_object().unwrap().iter().next().unwrap();
        let expected = match who.as_str() {
            "client" => self.client.pop_front(),
            "user" => self.user.pop_front(),
            _ => {
                self.nothing_else();
                self.happens(who, what);
                return self.collect();
            }
        };
        assert_eq!(expected.as_ref(), Some(what), "{}", self.place);
    }

    fn nothing_else(&self) {
        assert!(
            self.client.is_empty() && self.user.is_empty(),
            "{}: {:?} {:?}",
            self.place,
            self.client,
            self.user
        );
    }

    fn happens(&mut self, who: &str, what: &Value) {
        match (who, what) {
            ("server", Value::String(accepts)) if accepts == "accepts" => self.input(Input::Opened),
            ("server", frame) if frame.get("type").is_some() => {
                self.input(Input::Frame(&frame.to_string()));
            }
            ("server", refusal) if refusal.get("refuses").is_some() => {
                self.input(Input::HandshakeRefused(number(&refusal["refuses"])));
            }
            ("server", close) => self.input(Input::Closed(number(&close["closes"]))),
            ("network", Value::String(cut)) if cut == "cuts" => self.input(Input::Closed(1006)),
            ("network", Value::String(_)) => self.input(Input::Failed("no answer".to_owned())),
            ("provider", token) => {
                let token = token["token"].as_str().map(str::to_owned).ok_or("down".to_owned());
                let request = self.core.request.0;
                self.input(Input::Token { request, token });
            }
            ("after", ms) => {
                let end = self.now + Duration::from_millis(ms.as_u64().unwrap());
                while let Some(at) = self.core.wake_at().filter(|at| *at <= end) {
                    self.now = self.now.max(at);
                    self.input(Input::Time);
                }
                self.now = end;
            }
            ("does", action) => self.does(action),
            _ => panic!("{}: {who} {what}", self.place),
        }
    }

    fn does(&mut self, action: &Value) {
        let (verb, what) = action.as_object().unwrap().iter().next().unwrap();
        match verb.as_str() {
            "subscribe" => self.core.subscribe(topic(&what["topic"]), start(what)),
            "unsubscribe" => self.core.unsubscribe(topic(&what["topic"])),
            "close" => self.core.close(),
            "handles" => self.core.handled(
                self.now,
                topic(&what["topic"]),
                SeqNo::new(what["seqNo"].as_u64().unwrap()).unwrap(),
                Epoch::new(what["epoch"].as_str().unwrap().to_owned()).unwrap(),
            ),
            "publish" => {
                let id = what["messageId"].as_str().unwrap();
                let message_id = MessageId::new(id.to_owned()).unwrap();
                let payload = Payload::from_value(&what["payload"]).unwrap();
                let frame = native_frame(&topic(&what["topic"]), &message_id, payload);
                let within = Duration::from_millis(what["withinMs"].as_u64().unwrap_or(30_000));
                let key = self.ids.len() as u64;
                self.ids.push(id.to_owned());
                let topic = topic(&what["topic"]);
                self.core.publish(self.now, NewPublish { key, topic, message_id, frame, within });
            }
            _ => panic!("{}: {action}", self.place),
        }
    }
}

fn number(value: &Value) -> u16 {
    u16::try_from(value.as_u64().unwrap()).unwrap()
}

/// The name of a publish's or connection's error, as scenarios write it.
fn kind(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()
}

fn told(notice: &Notice) -> Value {
    match notice {
        Notice::Connected { resumed } => json!({ "connected": { "resumed": resumed } }),
        Notice::Waiting { delay, .. } => {
            json!({ "waiting": u64::try_from(delay.as_millis()).unwrap() })
        }
        Notice::Lost { topic, position, after } => {
            json!({ "lost": { "topic": topic, "position": position, "after": after } })
        }
        Notice::Gap { topic, position, next } => {
            json!({ "gap": { "topic": topic, "position": position, "next": next } })
        }
        Notice::Refused { topic, code, .. } => {
            json!({ "refused": { "topic": topic, "code": code } })
        }
        Notice::Warning { .. } => json!("warning"),
        Notice::Stopped(Stop::ByGateway { code, .. }) => json!({ "stopped": code }),
        Notice::Stopped(stop) => json!({ "stopped": kind(stop) }),
    }
}

#[test]
fn every_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/scenarios");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for scenario in file.as_array().unwrap() {
            let mut world = World::new(scenario);
            let name = world.place.clone();
            for (at, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
                world.place = format!("{}, {name:?}, step {}", path.display(), at + 1);
                world.step(step);
            }
            world.nothing_else();
            count += 1;
        }
    }
    assert!(count >= 30, "{count} scenarios");
}
