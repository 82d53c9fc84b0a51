//! A client of the fleet: it reads topics, loses its connection, and resumes its session on one
//! gateway or another. It holds each frame against what it has, and against the truth.

use super::connection::{Asked, Connection, Taken};
use crate::simulation::{
    topic_name, topic_number,
    truth::{Truth, Verdict},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// After this time without a fault, what a gateway was told of a session is on record.
const WRITTEN: Duration = Duration::from_secs(4);

/// After this time without a fault, a connection whose session was taken over is closed. Within it,
/// a setup whose client has gone has come to its end.
const OVERTAKEN: Duration = Duration::from_secs(12);

/// The lease of a gateway ends so long after its last sign of life, and some calls later.
const LEASE: Duration = Duration::from_secs(25);

/// How far the client has read a topic of its session.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    epoch: String,
    /// The last number that it has.
    position: u64,
    /// Where the subscription began: the session's position is this one at least.
    low: u64,
    since: Instant,
    /// What it has confirmed last.
    confirmed: Option<(u64, Instant)>,
    /// It was told of a loss: what is on record may be from before it.
    is_vague: bool,
}

/// A session, as far as its client can know.
#[derive(Debug, Clone)]
pub(super) struct Session {
    id: String,
    /// The gateway that had it last.
    node: usize,
    /// When its last connection ended; `None`: it has one.
    left: Option<Instant>,
    is_over: bool,
    /// Another setup may have taken it.
    is_contested: bool,
}

#[derive(Debug)]
pub(super) struct Reader {
    pub(super) number: usize,
    pub(super) user: usize,
    pub(super) session: Option<Session>,
    topics: BTreeMap<usize, Progress>,
    /// Topics that it has left.
    gone: BTreeMap<usize, Instant>,
    /// Topics of which an answer is missing: the session may have them or not.
    unanswered: BTreeSet<usize>,
    pub(super) connection: Option<Connection>,
    /// Connections whose session it wants on another one; since when that one has it, and at which
    /// gateway.
    overtaken: Vec<(Connection, Option<(Instant, usize)>)>,
    /// A setup whose client has gone may still take the session until then.
    contested_until: Option<Instant>,
}

/// What the reader knows of the gateways.
pub(super) struct Now<'a> {
    pub(super) time: Instant,
    /// Whether nothing cut a gateway off for all of this time.
    pub(super) was_whole: &'a dyn Fn(usize, Instant, Instant) -> bool,
    /// The last moment until this one at which a gateway is known to have renewed its lease.
    pub(super) last_whole: &'a dyn Fn(usize, Instant) -> Instant,
}

impl Now<'_> {
    /// What was told to a gateway at this moment is on record.
    fn is_written(&self, node: usize, told: Instant) -> bool {
        told + WRITTEN <= self.time && (self.was_whole)(node, told, told + WRITTEN)
    }
}

impl Reader {
    pub(super) fn new(number: usize, user: usize) -> Self {
        Self {
            number,
            user,
            session: None,
            topics: BTreeMap::new(),
            gone: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            connection: None,
            overtaken: Vec::new(),
            contested_until: None,
        }
    }

    /// Asks for its session, or for a new one.
    pub(super) fn set_up(
        &mut self,
        mut connection: Connection,
        topics: Vec<usize>,
        gives_positions: bool,
        token: &str,
    ) {
        if let Some(old) = self.connection.take() {
            self.unanswered.extend(old.subscribing.into_iter().chain(old.unsubscribing));
            self.overtaken.push((old, None));
        }
        let mut json = json!({
            "type": "setup",
            "token": token,
            "topics": topics.iter().copied().map(topic_name).collect::<Vec<_>>(),
        });
        let mut asked = Asked { topics, ..Asked::default() };
        if let Some(session) = &self.session {
            json["sessionId"] = session.id.as_str().into();
            asked.session = Some(session.id.clone());
        }
        if gives_positions {
            for (topic, progress) in &self.topics {
                let name = topic_name(*topic);
                json["lastSeq"][&name] = progress.position.into();
                json["epoch"][&name] = progress.epoch.as_str().into();
                asked.given.insert(*topic);
            }
        }
        connection.send(&json);
        connection.setup = Some(asked);
        self.connection = Some(connection);
    }

    /// A topic that it reads, and its position, if it has messages to confirm.
    pub(super) fn confirm(&mut self, topic: usize, seq_no: u64, now: Instant) {
        if let Some(progress) = self.topics.get_mut(&topic) {
            progress.confirmed = Some((seq_no, now));
        }
    }

    pub(super) fn position(&self, topic: usize) -> Option<(u64, String)> {
        let taken = self.connection.as_ref()?.taken.get(&topic)?;
        Some((taken.last, taken.epoch.clone()))
    }

    /// A topic of the session without a subscription on its connection.
    pub(super) fn unavailable(&self) -> Option<usize> {
        let taken = &self.connection.as_ref()?.taken;
        self.topics.keys().copied().find(|topic| !taken.contains_key(topic))
    }

    /// Takes the frames that came. False: none did.
    pub(super) fn look(&mut self, now: &Now<'_>, truth: &mut Truth) -> bool {
        let mut came = false;
        for (connection, _) in &mut self.overtaken {
            // What it tells, the other connection tells too: that it ends is what counts.
            came |= !connection.take(self.number, truth).is_empty();
        }
        self.overtaken.retain(|(connection, _)| connection.closed.is_none());
        for (connection, since) in &self.overtaken {
            // A gateway that is cut off tells the other one nothing.
            let is_late = since.is_some_and(|(since, by)| {
                let end = since + OVERTAKEN;
                end <= now.time
                    && (now.was_whole)(connection.node, since, end)
                    && (now.was_whole)(by, since, end)
            });
            assert!(!is_late, "overtaken, and not closed: {connection:?}, {since:?}");
        }
        let Some(connection) = &mut self.connection else { return came };
        connection.is_contested |= self.contested_until.is_some_and(|end| now.time <= end);
        let frames = connection.take(self.number, truth);
        came |= !frames.is_empty();
        for frame in frames {
            self.frame(&frame, now, truth);
        }
        if let Some(code) = self.connection.as_ref().and_then(|own| own.closed) {
            let own = self.connection.as_ref();
            let is_right = match code {
                4000 => own.is_some_and(|own| own.said_goodbye),
                4409 => own.is_some_and(|own| own.is_contested),
                _ => false,
            };
            assert!(is_right, "closed with {code} for no reason: {self:?}");
            self.leave(now.time);
        }
        came
    }

    /// Its connection ends, as far as it knows.
    pub(super) fn leave(&mut self, time: Instant) {
        let Some(connection) = self.connection.take() else { return };
        self.unanswered.extend(connection.subscribing.into_iter().chain(connection.unsubscribing));
        if connection.setup.is_some() {
            self.contested_until = Some(time + OVERTAKEN);
            self.overtaken.retain(|(_, since)| since.is_some());
        }
        if let Some(session) = &mut self.session {
            session.left = Some(session.left.unwrap_or(time));
            session.is_over |= connection.said_goodbye;
            session.is_contested |= connection.is_contested || connection.setup.is_some();
        }
    }

    /// The gateway of its connections was killed.
    pub(super) fn lose(&mut self, node: usize, time: Instant) {
        self.overtaken.retain(|(connection, _)| connection.node != node);
        if self.connection.as_ref().is_some_and(|connection| connection.node == node) {
            self.leave(time);
        }
    }

    fn frame(&mut self, json: &Value, now: &Now<'_>, truth: &mut Truth) {
        let Some(connection) = &mut self.connection else { return };
        let topic = json["topic"].as_str().map(topic_number);
        match (json["type"].as_str().unwrap(), &mut connection.setup) {
            ("message", _) => self.message(topic.unwrap(), json, now, truth),
            ("subscribed", Some(asked)) => asked.answers.push((topic.unwrap(), Ok(json.clone()))),
            ("subscribed", None) => self.subscribed(topic.unwrap(), json, now, truth),
            ("unsubscribed", None) => {
                let topic = topic.unwrap();
                assert_eq!(connection.unsubscribing.take(), Some(topic));
                connection.taken.remove(&topic);
                if self.topics.remove(&topic).is_some() {
                    self.gone.insert(topic, now.time);
                }
            }
            ("ready", Some(_)) => self.ready(json, now, truth),
            ("ack", None) => {
                let attempt = connection.publishes.pop_front().expect("an ack of nothing");
                let is_duplicate = json["status"] == "duplicate";
                truth.ack(attempt, is_duplicate, topic.unwrap(), json["seqNo"].as_u64().unwrap());
            }
            ("error", setup) => {
                assert_eq!(json["code"], "BACKBONE_UNAVAILABLE", "{json}");
                match (topic, setup) {
                    (_, None) if json["messageId"].is_string() => {
                        connection.publishes.pop_front().expect("an error of nothing");
                    }
                    (Some(topic), Some(asked)) => asked.answers.push((topic, Err(()))),
                    (Some(topic), None) => assert_eq!(connection.subscribing.take(), Some(topic)),
                    // The setup has failed: the client tries again, perhaps elsewhere.
                    (None, _) => self.leave(now.time),
                }
            }
            (other, _) => panic!("an unexpected {other}: {json}"),
        }
    }

    fn message(&mut self, topic: usize, json: &Value, now: &Now<'_>, truth: &mut Truth) {
        let taken = self.connection.as_mut().and_then(|own| own.taken.get_mut(&topic));
        let Taken { epoch, last } = taken.expect("a message without a subscription");
        let seq_no = json["seqNo"].as_u64().unwrap();
        let prev = json["prevSeqNo"].as_u64().unwrap_or(seq_no - 1);
        assert!(prev <= *last && seq_no > *last, "topic {topic}: {json} behind {last}");
        let missed = truth.broker.between(topic, epoch, prev, seq_no);
        let is_broken = truth.broker.is_broken(topic, epoch);
        assert!(missed.is_none() || is_broken, "topic {topic}: {missed:?} before {json}");
        *last = seq_no;
        let attempt = json["data"]["attempt"].as_u64().unwrap() as usize;
        truth.message(topic, epoch, seq_no, attempt, now.time);
        let progress = self.topics.get_mut(&topic).expect("a topic of the session");
        progress.position = progress.position.max(seq_no);
    }

    /// The answer to a `subscribe`, or a loss that is told unasked.
    fn subscribed(&mut self, topic: usize, json: &Value, now: &Now<'_>, truth: &mut Truth) {
        let Some(connection) = &mut self.connection else { return };
        let (head, epoch) = place(json);
        if json["recovered"].is_null() {
            assert_eq!(connection.subscribing.take(), Some(topic), "{json}");
            if !connection.taken.contains_key(&topic) {
                self.begin(topic, epoch, head, now);
            }
            return;
        }
        assert_eq!(json["recovered"], false, "{json} was not asked for");
        let taken = connection.taken.get_mut(&topic).expect("a subscription");
        let before = std::mem::replace(taken, Taken { epoch: epoch.clone(), last: head });
        let (epoch_before, low) = (before.epoch, before.last);
        truth.judge_later(loss(topic, epoch_before, low, head, now));
        let progress = self.topics.get_mut(&topic).expect("a topic of the session");
        (progress.epoch, progress.position, progress.is_vague) = (epoch, head, true);
    }

    fn begin(&mut self, topic: usize, epoch: String, at: u64, now: &Now<'_>) -> &mut Progress {
        if let Some(connection) = &mut self.connection {
            connection.taken.insert(topic, Taken { epoch: epoch.clone(), last: at });
        }
        let begun = Progress {
            epoch,
            position: at,
            low: at,
            since: now.time,
            confirmed: None,
            is_vague: false,
        };
        self.topics.insert(topic, begun);
        self.topics.get_mut(&topic).expect("it was inserted")
    }

    fn ready(&mut self, json: &Value, now: &Now<'_>, truth: &mut Truth) {
        let Some(connection) = &mut self.connection else { return };
        let Some(asked) = connection.setup.take() else { return };
        let node = connection.node;
        let id = json["sessionId"].as_str().unwrap().to_owned();
        let is_resumed = json["resumed"] == true;
        let fresh = Session {
            id: id.clone(),
            node,
            left: None,
            is_over: false,
            // A goodbye on a gateway that was cut off may still arrive.
            is_contested: connection.is_contested
                || is_resumed && self.session.as_ref().is_some_and(|before| before.is_over),
        };
        let before = self.session.replace(fresh);
        assert_eq!(is_resumed, asked.session.as_ref() == Some(&id), "resumed: {json}");
        if let Some(before) = &before {
            before.check(is_resumed, now);
        }
        for (_, since) in &mut self.overtaken {
            *since = since.or(is_resumed.then_some((now.time, node)));
        }
        self.overtaken.retain(|(_, since)| since.is_some());
        self.answers(asked, before.filter(|_| is_resumed), now, truth);
    }

    /// The answers to the topics of a setup. `before`: the session that was resumed.
    fn answers(&mut self, asked: Asked, before: Option<Session>, now: &Now<'_>, truth: &mut Truth) {
        let answered: BTreeSet<usize> = asked.answers.iter().map(|(topic, _)| *topic).collect();
        assert!(asked.topics.iter().all(|topic| answered.contains(topic)), "{asked:?}");
        let (had, gone, unanswered) = (
            std::mem::take(&mut self.topics),
            std::mem::take(&mut self.gone),
            std::mem::take(&mut self.unanswered),
        );
        // What it did on the gateway that had the session is on record.
        let is_written = |told: Instant| {
            before.as_ref().is_some_and(|before| {
                !before.is_contested
                    && told + WRITTEN <= before.left.unwrap_or(now.time)
                    && now.is_written(before.node, told)
            })
        };
        let is_forgotten = |(topic, progress): &(&usize, &Progress)| {
            !answered.contains(topic) && !unanswered.contains(topic) && is_written(progress.since)
        };
        let forgotten: Vec<_> = had.iter().filter(is_forgotten).collect();
        assert!(forgotten.is_empty(), "not in the session any more: {forgotten:?}");
        for (topic, answer) in asked.answers {
            let known = had.get(&topic).filter(|_| !unanswered.contains(&topic));
            if known.is_none() && !asked.topics.contains(&topic) {
                let is_back = gone.get(&topic).is_some_and(|gone| is_written(*gone));
                let is_back = is_back && !unanswered.contains(&topic);
                assert!(before.is_some() && !is_back, "topic {topic} was left");
            }
            let Ok(json) = answer else {
                // If the session has it, it keeps it.
                if known.is_some_and(|known| !is_written(known.since)) {
                    self.unanswered.insert(topic);
                }
                if let Some(known) = known.filter(|_| before.is_some()) {
                    let kept = Progress { since: now.time, confirmed: None, ..known.clone() };
                    self.topics.insert(topic, kept);
                }
                continue;
            };
            let (head, epoch) = place(&json);
            let after = json["after"].as_u64().unwrap_or(head);
            let recovered = json["recovered"].as_bool();
            if let Some(known) = known {
                let is_given = asked.given.contains(&topic);
                let from = if is_given {
                    Some((known.position, known.position))
                } else {
                    let confirmed = known.confirmed.filter(|(_, at)| is_written(*at));
                    let low = confirmed.map_or(known.low, |(seq_no, _)| seq_no);
                    is_written(known.since).then_some((low.min(known.position), known.position))
                };
                assert!(recovered.is_some() || from.is_none(), "{json} for {known:?}");
                match (recovered, from) {
                    (Some(true), Some((low, high))) if is_given || !known.is_vague => assert!(
                        epoch == known.epoch && (low..=high).contains(&after),
                        "{json} for {known:?}"
                    ),
                    (Some(true), None) if !known.is_vague && before.is_some() => assert!(
                        epoch != known.epoch || after <= known.position,
                        "{json} for {known:?}"
                    ),
                    (Some(false), Some((low, _))) if is_given || !known.is_vague => {
                        truth.judge_later(loss(topic, known.epoch.clone(), low, head, now));
                    }
                    _ => {}
                }
            }
            let position = known.map(|known| (known.epoch.clone(), known.position));
            let is_lost = recovered == Some(false);
            let begun = self.begin(topic, epoch, after, now);
            begun.is_vague = is_lost;
            if let Some((epoch, position)) = position
                && epoch == begun.epoch
                && !is_lost
                && recovered.is_some()
            {
                begun.position = position.max(after);
            }
        }
    }

    /// At the end, when everything was delivered: it lacks nothing.
    pub(super) fn has_everything(&self, truth: &Truth) {
        let Some(connection) = self.connection.as_ref().filter(|own| own.setup.is_none()) else {
            return;
        };
        for (topic, Taken { epoch, last }) in &connection.taken {
            let (life, head) = truth.broker.head_of(*topic).unwrap();
            assert_eq!(*epoch, life, "topic {topic}: another life");
            assert!(*last >= head, "topic {topic}: {last}, and the head is {head}");
        }
    }
}

impl Session {
    fn check(&self, is_resumed: bool, now: &Now<'_>) {
        if self.is_contested {
            return;
        }
        let left = self.left.unwrap_or(now.time);
        // If its gateway was cut off, nothing keeps it from then on.
        let kept = (now.last_whole)(self.node, left);
        let is_there = !self.is_over && now.time + Duration::from_secs(1) < kept + super::SESSION;
        let is_gone = left + super::SESSION + LEASE < now.time;
        assert!(is_resumed || !is_there, "the session is gone: {self:?}");
        let has_ended =
            self.is_over && self.left.is_some_and(|left| now.is_written(self.node, left));
        assert!(!is_resumed || !is_gone && !has_ended, "the session should be gone: {self:?}");
    }
}

fn place(json: &Value) -> (u64, String) {
    (json["seqNo"].as_u64().unwrap(), json["epoch"].as_str().unwrap().to_owned())
}

fn loss(topic: usize, epoch: String, low: u64, head: u64, now: &Now<'_>) -> Verdict {
    Verdict { topic, epoch, low, high: low, head, time: now.time, recovered: false }
}
