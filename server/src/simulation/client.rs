//! A client that believes nothing: it knows what it asked, and holds each frame against that and
//! against the truth.

use super::{
    Backbone, OBSERVED, TOPICS,
    authority::Grant,
    limits, topic_number,
    truth::{Newest, Session, Stand, Truth, Verdict},
    wire::Frame,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};
use tokio::time::Instant;

/// Where a client says that it stands.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) last_seq: u64,
    pub(super) epoch: Option<String>,
}

/// The highest position of somebody whose position is not known.
const ANYWHERE: u64 = u64::MAX - 1;

/// Where a client asks a subscription to begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Start {
    pub(super) position: Option<Given>,
    /// How many of the newest messages it wants.
    pub(super) last: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Setup {
    pub(super) grant: Option<Grant>,
    pub(super) topics: Vec<usize>,
    pub(super) session: Option<String>,
    pub(super) starts: BTreeMap<usize, Start>,
}

impl Setup {
    fn start(&self, topic: usize) -> Start {
        self.starts.get(&topic).cloned().unwrap_or_default()
    }
}

/// What was asked and not answered yet.
#[derive(Debug)]
pub(super) enum Request {
    Setup(Setup),
    Subscribe(usize, Start),
    Unsubscribe(usize),
    Publish(usize),
    Ping,
    Garbage,
}

/// What the next message of a subscription may be numbered.
#[derive(Debug, Clone, Copy)]
struct Next {
    low: u64,
    high: u64,
}

#[derive(Debug)]
pub(super) struct Subscribed {
    pub(super) epoch: String,
    next: Next,
    /// Messages in this life: their numbers and attempts.
    taken: Vec<(u64, usize)>,
}

/// Whom a connection belongs to.
#[derive(Debug)]
struct Admitted {
    grant: Grant,
    session: String,
}

/// What is true of the connection at the moment at which a frame is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) begin: Instant,
    /// When the frame was written.
    pub(super) time: Instant,
    /// The server never had to wait for this client: what was written at a moment was true at that
    /// moment.
    pub(super) is_prompt: bool,
    pub(super) draining: bool,
}

impl Now {
    fn is_over(&self, grant: Grant) -> bool {
        grant.expires.is_some_and(|end| self.begin + Duration::from_millis(end) <= self.time)
    }
}

/// One connection, as its client sees it.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) number: usize,
    backbone: Backbone,
    connected: Instant,
    /// The topic of the URL.
    pub(super) of_url: Option<usize>,
    pub(super) requests: VecDeque<Request>,
    admitted: Option<Admitted>,
    /// Tokens in a row that were refused.
    failures: usize,
    pub(super) subscriptions: BTreeMap<usize, Subscribed>,
    /// Answers to the topics of a setup, until `ready` tells what they were.
    answers: Vec<(usize, Result<Value, String>)>,
    /// Topics of a renewal that were answered, until `ready`.
    renewed: Vec<usize>,
    pub(super) said_goodbye: bool,
    pub(super) closed: Option<u16>,
    /// Receipts were sent that the server may not have read yet.
    pub(super) has_receipts_on_the_way: bool,
    said_expired: bool,
}

impl Client {
    pub(super) fn new(
        number: usize,
        backbone: Backbone,
        connected: Instant,
        of_url: Option<usize>,
    ) -> Self {
        Self {
            number,
            backbone,
            connected,
            of_url,
            requests: VecDeque::new(),
            admitted: None,
            failures: 0,
            subscriptions: BTreeMap::new(),
            answers: Vec::new(),
            renewed: Vec::new(),
            said_goodbye: false,
            closed: None,
            has_receipts_on_the_way: false,
            said_expired: false,
        }
    }

    pub(super) fn is_set_up(&self) -> bool {
        self.admitted.is_some()
    }

    pub(super) fn grant(&self) -> Option<Grant> {
        self.admitted.as_ref().map(|admitted| admitted.grant)
    }

    /// Who a request will be from. `None`: that depends on which of several setups is the first
    /// good one.
    pub(super) fn user(&self) -> Option<usize> {
        let mut setups = self.requests.iter().filter_map(|request| match request {
            Request::Setup(setup) => Some(setup.grant.map_or(0, |grant| grant.user)),
            _ => None,
        });
        match (self.grant(), setups.next(), setups.next()) {
            (Some(grant), _, _) => Some(grant.user),
            (None, first, None) => Some(first.unwrap_or(0)),
            (None, _, Some(_)) => None,
        }
    }

    pub(super) fn session(&self) -> Option<&str> {
        self.admitted.as_ref().map(|admitted| &*admitted.session)
    }

    /// The number of the last message that it has, where it has one.
    pub(super) fn handled(&self, topic: usize) -> Option<(u64, &str)> {
        let Subscribed { epoch, next, .. } = self.subscriptions.get(&topic)?;
        (next.low == next.high).then(|| (next.low - 1, &**epoch))
    }

    /// The client confirms everything up to `seq_no`.
    pub(super) fn confirm(&mut self, topic: usize, seq_no: u64, truth: &mut Truth) {
        self.has_receipts_on_the_way = true;
        if let Some(stand) =
            self.session_of(truth).and_then(|session| session.topics.get_mut(&topic))
        {
            stand.lost &= seq_no < stand.high;
            stand.high = stand.high.max(seq_no);
            stand.confirmed = stand.confirmed.max(seq_no);
        }
    }

    /// The server has read everything that was sent.
    pub(super) fn is_read(&mut self, truth: &mut Truth) {
        self.has_receipts_on_the_way = false;
        if let Some(session) = self.session_of(truth) {
            session
                .topics
                .values_mut()
                .for_each(|stand| stand.low = stand.low.max(stand.confirmed));
        }
    }

    /// The own session, while nobody else has it.
    fn session_of<'t>(&self, truth: &'t mut Truth) -> Option<&'t mut Session> {
        let id = &self.admitted.as_ref()?.session;
        truth.sessions.get_mut(id).filter(|session| session.owner == Some(self.number))
    }

    /// What the server has made of everything that was sent is not known.
    pub(super) fn has_something_on_the_way(&self) -> bool {
        !self.requests.is_empty()
            || self.has_receipts_on_the_way
            || self.said_goodbye && self.closed.is_none()
    }

    /// Sessions that it has asked for without an answer yet.
    pub(super) fn wanted_sessions(&self) -> impl Iterator<Item = &str> {
        self.requests.iter().filter_map(|request| match request {
            Request::Setup(setup) => setup.session.as_deref(),
            _ => None,
        })
    }

    /// A subscription is about to move: whether a receipt counts depends on when it is read.
    pub(super) fn is_moving(&self, topic: usize) -> bool {
        let moves = |request: &Request| matches!(request, Request::Subscribe(of, start) if *of == topic && start.position.is_some());
        self.requests.iter().any(moves)
    }

    /// The connection has ended. `knows_all`: nothing was under way.
    pub(super) fn leave_session(&mut self, truth: &mut Truth, time: Instant, knows_all: bool) {
        let is_vague = !knows_all || self.has_something_on_the_way();
        let ended = self.said_goodbye && self.closed == Some(4000);
        if let Some(session) = self.session_of(truth) {
            (session.owner, session.detached) = (None, Some(time));
            session.is_vague |= is_vague;
            session.ended |= ended;
        }
        for id in self.wanted_sessions() {
            truth.may_be_overtaken(id, self.number);
        }
    }

    /// A frame from the gateway.
    pub(super) fn take(&mut self, frame: &Frame, now: Now, truth: &mut Truth) {
        assert_eq!(self.closed, None, "something behind the close frame: {frame:?}");
        match frame {
            Frame::Ping => {}
            Frame::Close(code) => {
                truth.report.note(|| format!("connection {} is closed with {code}", self.number));
                self.close(*code, now, truth);
            }
            Frame::Text(json) => {
                truth.report.note(|| format!("connection {} is told {json}", self.number));
                truth.fingerprint = truth.fingerprint.wrapping_add(fingerprint(self.number, json));
                self.text(json, now, truth);
            }
        }
    }

    fn close(&mut self, code: u16, now: Now, truth: &mut Truth) {
        self.closed = Some(code);
        let age = now.time.duration_since(self.connected);
        let is_right = match code {
            1001 => now.draining,
            4000 => self.said_goodbye,
            4290 => !now.is_prompt,
            4401 => self.failures == 3 || self.said_expired,
            4408 => !self.is_set_up() && age >= limits::SETUP,
            4409 => {
                truth.closed_as_overtaken.push(self.number);
                true
            }
            _ => false,
        };
        assert!(is_right, "closed with {code} for no reason: {self:?}");
        self.leave_session(truth, now.time, now.is_prompt);
    }

    fn text(&mut self, json: &Value, now: Now, truth: &mut Truth) {
        let topic = json["topic"].as_str().map(topic_number);
        match json["type"].as_str().unwrap() {
            "message" => self.message(topic.unwrap(), json, now, truth),
            "subscribed" => self.subscribed(topic.unwrap(), json, now, truth),
            "ready" => self.ready(json, now, truth),
            "unsubscribed" => self.unsubscribed(topic.unwrap(), json, truth),
            "ack" => {
                let request = self.answered(true);
                let Some(Request::Publish(attempt)) = request else {
                    panic!("{json} answers {request:?}")
                };
                assert!(self.may_publish(attempt, truth), "a publish that is not allowed");
                truth.ack(
                    attempt,
                    json["status"] == "duplicate",
                    topic.unwrap(),
                    json["seqNo"].as_u64().unwrap(),
                );
            }
            "pong" => {
                assert!(matches!(self.answered(false), Some(Request::Ping)) && self.is_set_up())
            }
            "error" => self.error(json, topic, now, truth),
            other => panic!("{other}"),
        }
    }

    /// The request that the next answer of its kind is for. Where the backbone answers later,
    /// publishes have an order of their own.
    fn next_request(&self, is_publish: bool) -> Option<usize> {
        match self.backbone {
            Backbone::Memory => (!self.requests.is_empty()).then_some(0),
            Backbone::Broker => self
                .requests
                .iter()
                .position(|request| matches!(request, Request::Publish(_)) == is_publish),
        }
    }

    /// The request, other than a publish, that has to be answered next.
    fn asked(&self) -> Option<&Request> {
        self.next_request(false).and_then(|index| self.requests.get(index))
    }

    fn answered(&mut self, is_publish: bool) -> Option<Request> {
        self.next_request(is_publish).and_then(|index| self.requests.remove(index))
    }

    fn may_publish(&self, attempt: usize, truth: &Truth) -> bool {
        self.grant().is_some_and(|grant| grant.publish >> truth.attempts[attempt].topic & 1 == 1)
    }

    fn message(&mut self, topic: usize, json: &Value, now: Now, truth: &mut Truth) {
        let grant = self.grant().expect("a message before ready");
        assert_eq!(
            grant.subscribe >> topic & 1,
            1,
            "a message of a topic that is not allowed: {grant:?}"
        );
        assert!(!(now.is_prompt && now.is_over(grant)), "a message after the token has lapsed");
        let subscribed =
            self.subscriptions.get_mut(&topic).expect("a message without a subscription");
        let seq_no = json["seqNo"].as_u64().unwrap();
        let Next { low, high } = subscribed.next;
        let prev = json["prevSeqNo"].as_u64().unwrap_or(seq_no - 1);
        if self.backbone == Backbone::Broker {
            assert!(prev < high && seq_no >= low, "topic {topic}: {json} behind {low} to {high}");
            let missed = truth.broker.between(topic, &subscribed.epoch, prev, seq_no);
            let is_broken = truth.broker.is_broken(topic, &subscribed.epoch);
            assert!(missed.is_none() || is_broken, "topic {topic}: {missed:?} before {json}");
        }
        assert!(
            self.backbone == Backbone::Broker
                || (low..=high).contains(&seq_no) && prev + 1 == seq_no,
            "topic {topic}: {seq_no} instead of {low} to {high}: a gap or a repeat"
        );
        subscribed.next = Next { low: seq_no + 1, high: seq_no + 1 };
        let attempt = json["data"]["attempt"].as_u64().unwrap() as usize;
        subscribed.taken.push((seq_no, attempt));
        assert_eq!(json["messageId"], super::message_id(truth.attempts[attempt].message_id));
        truth.message(topic, &subscribed.epoch, seq_no, attempt, now.time);
    }

    fn subscribed(&mut self, topic: usize, json: &Value, now: Now, truth: &mut Truth) {
        let is_asked = json["after"].is_u64();
        if self.subscriptions.contains_key(&topic) && json["recovered"] == false && !is_asked {
            return self.lost(topic, json, now, truth);
        }
        match self.asked() {
            Some(Request::Setup(setup)) if self.is_set_up() => {
                let start = setup.start(topic);
                self.renew_with(topic);
                self.begin_or_stay(topic, json, start, false, now, truth);
            }
            Some(Request::Setup(_)) => self.answers.push((topic, Ok(json.clone()))),
            Some(Request::Subscribe(asked, _)) if *asked == topic => {
                let Some(Request::Subscribe(_, start)) = self.answered(false) else {
                    unreachable!()
                };
                self.begin_or_stay(topic, json, start, true, now, truth);
            }
            other => panic!("{json} answers {other:?}"),
        }
    }

    /// A subscription that runs already stays, unless it `moves` to a position.
    fn begin_or_stay(
        &mut self,
        topic: usize,
        json: &Value,
        start: Start,
        moves: bool,
        now: Now,
        truth: &mut Truth,
    ) {
        let stays = self.subscriptions.contains_key(&topic) && !(moves && start.position.is_some());
        if stays {
            return assert!(
                json["recovered"].is_null() && json["after"].is_null(),
                "the subscription runs already"
            );
        }
        assert!(self.may_subscribe(topic).is_ok(), "it must not be subscribed");
        self.begin(topic, json, start.position.as_ref().map(Stand::given), start.last, now, truth);
    }

    /// The first answer to a renewal: the fresh token counts, and this is what was said of this
    /// topic.
    fn renew_with(&mut self, topic: usize) {
        let Some(Request::Setup(Setup { grant: Some(fresh), .. })) = self.asked() else {
            panic!("a renewal without a token")
        };
        let fresh = *fresh;
        if let Some(admitted) = &mut self.admitted {
            assert_eq!(admitted.grant.user, fresh.user, "a renewal by another user");
            admitted.grant = fresh;
        }
        self.failures = 0;
        self.renewed.push(topic);
    }

    /// As the protocol says; else the error's code.
    fn may_subscribe(&self, topic: usize) -> Result<(), &'static str> {
        let grant = self.grant().ok_or("SETUP_REQUIRED")?;
        if self.subscriptions.contains_key(&topic) {
            Ok(())
        } else if grant.subscribe >> topic & 1 == 0 {
            Err("FORBIDDEN")
        } else if self.subscriptions.len() >= limits::SUBSCRIPTIONS {
            Err("TOO_MANY_SUBSCRIPTIONS")
        } else {
            Ok(())
        }
    }

    fn begin(
        &mut self,
        topic: usize,
        json: &Value,
        from: Option<Stand>,
        last: Option<u64>,
        now: Now,
        truth: &mut Truth,
    ) {
        let (head, epoch) =
            (json["seqNo"].as_u64().unwrap(), json["epoch"].as_str().unwrap().to_owned());
        let recovered = json["recovered"].as_bool();
        assert_eq!(recovered.is_some(), from.is_some(), "topic {topic}: {json}, from {from:?}");
        assert_eq!(
            json["after"].is_u64(),
            from.is_some() || last.is_some(),
            "topic {topic}: {json}, from {from:?}, the last {last:?}"
        );
        let after = json["after"].as_u64().unwrap_or(head);
        if let Some(from) = &from {
            let is_possible = !from.lost && (from.epoch.is_empty() || from.epoch == epoch);
            assert!(is_possible || recovered == Some(false), "recovered from {from:?} in {epoch}");
            // Without its epoch, a position may be one of a life that ends at this moment.
            let is_certain = self.backbone == Backbone::Memory || !from.epoch.is_empty();
            if is_possible && is_certain && now.is_prompt && from.high != ANYWHERE {
                let (low, high) = (from.low, from.high);
                let recovered = recovered == Some(true);
                truth.judge_later(Verdict {
                    topic,
                    epoch: epoch.clone(),
                    low,
                    high,
                    head,
                    time: now.time,
                    recovered,
                });
            }
        }
        match &from {
            Some(from) if recovered == Some(true) => assert!(
                (from.low..=from.high.min(head)).contains(&after),
                "{after} is not {from:?}"
            ),
            _ => {
                let last = last.unwrap_or(0);
                // Of sparse numbers it cannot be said where the last of them begin.
                assert!(
                    self.backbone == Backbone::Broker && after <= head
                        || (head.saturating_sub(last)..=head).contains(&after),
                    "the last {last} before {head}, and not behind {after}"
                );
                if now.is_prompt {
                    truth.judge_newest_later(Newest {
                        topic,
                        epoch: epoch.clone(),
                        head,
                        last,
                        after,
                        time: now.time,
                    });
                }
            }
        }
        let stand = Stand {
            epoch: epoch.clone(),
            low: after,
            high: after,
            confirmed: 0,
            lost: recovered == Some(false),
        };
        let next = Next { low: after + 1, high: after + 1 };
        self.subscriptions.insert(topic, Subscribed { epoch, next, taken: Vec::new() });
        if let Some(session) = self.session_of(truth) {
            session.topics.insert(topic, stand);
        }
    }

    /// Unasked: what comes next is not kept any more.
    fn lost(&mut self, topic: usize, json: &Value, now: Now, truth: &mut Truth) {
        let (head, epoch) =
            (json["seqNo"].as_u64().unwrap(), json["epoch"].as_str().unwrap().to_owned());
        let Some(subscribed) = self.subscriptions.get_mut(&topic) else { return };
        let Next { low, high } = subscribed.next;
        let is_same_life = subscribed.epoch == epoch;
        assert!(
            is_same_life || self.backbone == Backbone::Broker,
            "memory does not lose the life of a topic that has a subscriber"
        );
        let before = std::mem::replace(&mut subscribed.epoch, epoch.clone());
        subscribed.next = Next { low: head + 1, high: head + 1 };
        subscribed.taken.clear();
        if self.backbone == Backbone::Broker {
            if now.is_prompt {
                let (low, high) = (low - 1, high - 1);
                let (time, recovered) = (now.time, false);
                truth.judge_later(Verdict {
                    topic,
                    epoch: before,
                    low,
                    high,
                    head,
                    time,
                    recovered,
                });
            }
            // The session stays where it was, unless its client was catching up.
            return self.session_of(truth).into_iter().for_each(|session| session.is_vague = true);
        }
        assert!(low <= head, "a loss of nothing");
        if now.is_prompt {
            truth.judge_later(Verdict {
                topic,
                epoch: epoch.clone(),
                low: low - 1,
                high: high - 1,
                head,
                time: now.time,
                recovered: false,
            });
        }
        if let Some(session) = self.session_of(truth) {
            session
                .topics
                .insert(topic, Stand { epoch, low: head, high: head, confirmed: 0, lost: true });
        }
    }

    fn unsubscribed(&mut self, topic: usize, json: &Value, truth: &mut Truth) {
        let was_there = self.subscriptions.remove(&topic).is_some();
        match (self.asked(), json["code"].as_str()) {
            (Some(Request::Unsubscribe(asked)), None) if *asked == topic => {
                drop(self.answered(false))
            }
            (Some(Request::Setup(Setup { grant: Some(fresh), .. })), Some("FORBIDDEN"))
                if was_there && fresh.subscribe >> topic & 1 == 0 && self.renewed.is_empty() => {}
            (other, _) => panic!("{json} answers {other:?}"),
        }
        if let Some(session) = self.session_of(truth) {
            session.topics.remove(&topic);
        }
    }

    fn error(&mut self, json: &Value, topic: Option<usize>, now: Now, truth: &mut Truth) {
        let code = json["code"].as_str().unwrap();
        let is_over = self.grant().is_some_and(|grant| now.is_over(grant));
        if code == "TOKEN_EXPIRED" && is_over && !matches!(self.asked(), Some(Request::Setup(_))) {
            self.said_expired = true;
            return;
        }
        let is_publish = json["messageId"].is_string();
        if let (Some(Request::Setup(setup)), Some(topic), false) = (self.asked(), topic, is_publish)
        {
            if !self.is_set_up() {
                return self.answers.push((topic, Err(code.to_owned())));
            }
            let is_excess = distinct(setup.topics.iter().copied())
                .iter()
                .skip(limits::SUBSCRIPTIONS)
                .any(|excess| *excess == topic);
            self.renew_with(topic);
            let is_away = code == "BACKBONE_UNAVAILABLE" && self.backbone == Backbone::Broker;
            let is_right = is_away
                || self.may_subscribe(topic) == Err(code)
                || is_excess && code == "TOO_MANY_SUBSCRIPTIONS";
            return assert!(is_right, "{code} for topic {topic} of a renewal");
        }
        let request = self.answered(is_publish).unwrap_or_else(|| panic!("{code} answers nothing"));
        let is_away = code == "BACKBONE_UNAVAILABLE" && self.backbone == Backbone::Broker;
        if is_away
            && self.is_set_up()
            && matches!(request, Request::Publish(_) | Request::Subscribe(..))
        {
            return;
        }
        let expected = match &request {
            Request::Setup(_) if self.is_set_up() && is_over => {
                self.said_expired = true;
                return;
            }
            Request::Setup(Setup { grant: None, .. }) => "AUTH_FAILED",
            Request::Setup(Setup { grant: Some(grant), .. }) if now.is_over(*grant) => {
                "TOKEN_EXPIRED"
            }
            Request::Setup(Setup { grant: Some(grant), .. })
                if self.grant().is_some_and(|own| own.user != grant.user) =>
            {
                "AUTH_FAILED"
            }
            Request::Setup(_) => "TOKEN_EXPIRED",
            Request::Garbage => "INVALID_MESSAGE",
            _ if !self.is_set_up() => "SETUP_REQUIRED",
            Request::Publish(attempt) if now.draining && self.may_publish(*attempt, truth) => {
                "SHUTTING_DOWN"
            }
            Request::Publish(attempt) if !self.may_publish(*attempt, truth) => "FORBIDDEN",
            Request::Subscribe(asked, _) => self.may_subscribe(*asked).expect_err("it is allowed"),
            other => panic!("{code} answers {other:?}"),
        };
        assert_eq!(code, expected, "{request:?}");
        if let Request::Setup(Setup { session, .. }) = &request {
            self.failures += 1;
            if self.is_set_up() {
                // The fresh token was taken, and lapsed while topics were prepared.
                self.said_expired |= self.backbone == Backbone::Broker && code == "TOKEN_EXPIRED";
                return;
            }
            // The token may also have lapsed while the topics of a good setup were handled: the
            // session has some of them.
            // With a broker, also while they were prepared.
            self.said_expired = !self.answers.is_empty()
                || self.backbone == Backbone::Broker && code == "TOKEN_EXPIRED";
            if let (true, Some(id)) = (self.said_expired, session) {
                truth.may_be_overtaken(id, self.number);
            }
        }
    }

    fn ready(&mut self, json: &Value, now: Now, truth: &mut Truth) {
        let request = self.answered(false);
        let Some(Request::Setup(setup)) = request else { panic!("ready answers {request:?}") };
        self.failures = 0;
        let (Some(grant), wanted) = (setup.grant, &setup.session) else {
            panic!("ready for a wrong token")
        };
        let id = json["sessionId"].as_str().unwrap().to_owned();
        if let Some(admitted) = &mut self.admitted {
            assert_eq!((admitted.grant.user, &admitted.session), (grant.user, &id), "a renewal");
            admitted.grant = grant;
            let left: Vec<_> = self
                .subscriptions
                .keys()
                .filter(|topic| grant.subscribe >> *topic & 1 == 0)
                .collect();
            assert!(left.is_empty(), "the token does not cover {left:?}");
            // Each topic gets an answer, but those above the limit one together.
            let mut expected = distinct(setup.topics);
            expected.truncate(limits::SUBSCRIPTIONS + 1);
            return assert_eq!(
                std::mem::take(&mut self.renewed),
                expected,
                "the topics of a renewal"
            );
        }
        let resumed = json["resumed"].as_bool();
        assert_eq!(resumed.is_some(), wanted.is_some());
        let session =
            self.open(&id, wanted.as_deref(), resumed == Some(true), grant.user, now, truth);
        self.admitted = Some(Admitted { grant, session: id });
        self.settle_answers(setup, &session, now, truth);
    }

    /// Checks `resumed`, and takes the session over. Returns what it had.
    fn open(
        &self,
        id: &str,
        wanted: Option<&str>,
        resumed: bool,
        user: usize,
        now: Now,
        truth: &mut Truth,
    ) -> Session {
        if let Some(wanted) = wanted {
            if let Some(alive) = truth.is_alive(wanted, user, now.time).filter(|_| now.is_prompt) {
                assert_eq!(resumed, alive, "resumed");
            }
            assert_eq!(resumed, wanted == id);
        }
        if !resumed {
            let fresh = Session {
                user,
                owner: Some(self.number),
                last_owner: Some(self.number),
                ..Session::default()
            };
            assert!(
                truth.sessions.insert(id.to_owned(), fresh).is_none(),
                "a new session has a new name"
            );
            return Session::default();
        }
        let session = truth.sessions.get_mut(id).unwrap();
        let (owner, last_owner, is_contested) =
            (Some(self.number), Some(self.number), session.is_contested);
        let before = std::mem::replace(
            session,
            Session { user, owner, last_owner, is_contested, ..Session::default() },
        );
        assert_eq!(before.user, user, "somebody else's session");
        let overtaken =
            if is_contested { &mut truth.maybe_overtaken } else { &mut truth.overtaken };
        overtaken.extend(before.last_owner.into_iter().chain(is_contested.then_some(self.number)));
        before
    }

    /// Holds the answers in front of `ready` against what was asked and what the session had.
    fn settle_answers(&mut self, setup: Setup, had: &Session, now: Now, truth: &mut Truth) {
        let asked = distinct(self.of_url.into_iter().chain(setup.topics.iter().copied()));
        let mut answers = std::mem::take(&mut self.answers);
        let answered: Vec<usize> = answers.iter().map(|(topic, _)| *topic).collect();
        // Those above the limit get one answer together, which names the first of them.
        let named = asked.len().min(limits::SUBSCRIPTIONS + 1);
        assert_eq!(
            answered.get(..named),
            Some(&asked[..named]),
            "the URL's topic, then those of the setup"
        );
        if had.is_known() {
            let of_session: Vec<usize> =
                had.topics.keys().copied().filter(|topic| !asked.contains(topic)).collect();
            let expected = (asked.len() + of_session.len()).min(limits::SUBSCRIPTIONS + 1);
            assert_eq!(answered.len(), expected, "the session's topics");
            assert!(
                answered[named..].iter().all(|topic| of_session.contains(topic)),
                "the session's topics"
            );
        }
        if answers.len() > limits::SUBSCRIPTIONS {
            assert_eq!(
                answers.pop().map(|(_, answer)| answer),
                Some(Err("TOO_MANY_SUBSCRIPTIONS".to_owned()))
            );
        }
        assert!(answers.len() <= limits::SUBSCRIPTIONS, "more than the limit allows");
        for (topic, answer) in answers {
            match (self.may_subscribe(topic), answer) {
                (Ok(()), Ok(json)) => {
                    let stored = had.topics.get(&topic).cloned();
                    let is_of_session = json["recovered"].is_boolean();
                    let start = setup.start(topic);
                    let from = match &start.position {
                        Some(given) => Some(Stand::given(given)),
                        None if !had.is_known() && is_of_session => Some(Stand::anywhere()),
                        None if !had.is_known() => None,
                        None => stored,
                    };
                    self.begin(topic, &json, from, start.last, now, truth);
                }
                (Err(expected), Err(code)) => assert_eq!(code, expected),
                (Ok(()), Err(code))
                    if code == "BACKBONE_UNAVAILABLE" && self.backbone == Backbone::Broker =>
                {
                    if let (Some(session), Some(stand)) =
                        (self.session_of(truth), had.topics.get(&topic))
                    {
                        session.topics.insert(topic, stand.clone());
                    }
                }
                (expected, answer) => panic!("topic {topic}: {answer:?} instead of {expected:?}"),
            }
        }
    }

    /// At the end, when everything was delivered: nobody lacks anything.
    pub(super) fn has_everything(&self, truth: &Truth) {
        for (topic, Subscribed { epoch, next, taken }) in
            self.subscriptions.iter().filter(|(topic, _)| **topic < OBSERVED)
        {
            if self.backbone == Backbone::Broker {
                let (life, head) = truth.broker.head_of(*topic).unwrap();
                for (seq_no, attempt) in taken {
                    let stored = truth.broker.attempt_at(*topic, epoch, *seq_no);
                    assert_eq!(stored, Some(*attempt), "{topic}: {seq_no} is another one, untold");
                }
                assert_eq!(*epoch, life, "topic {topic}: another life");
                assert!(next.high > head, "topic {topic}: waits for {next:?}, the head is {head}");
                continue;
            }
            let head = truth.head(*topic, epoch);
            let lacks_nothing = (next.low..=next.high).contains(&(head + 1));
            assert!(lacks_nothing, "topic {topic}: waits for {next:?}, the head is {head}");
        }
    }
}

fn distinct(topics: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut seen = Vec::new();
    for topic in topics {
        if !seen.contains(&topic) {
            seen.push(topic);
        }
    }
    seen
}

impl Stand {
    fn given(given: &Given) -> Self {
        let epoch = given.epoch.clone().unwrap_or_default();
        Self { epoch, low: given.last_seq, high: given.last_seq, confirmed: 0, lost: false }
    }

    fn anywhere() -> Self {
        Self { epoch: String::new(), low: 0, high: ANYWHERE, confirmed: 0, lost: false }
    }
}

/// Of what does not depend on random names.
fn fingerprint(number: usize, json: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    number.hash(&mut hasher);
    for field in ["type", "topic", "messageId", "status", "code"] {
        json[field].as_str().hash(&mut hasher);
    }
    (json["seqNo"].as_u64(), json["recovered"].as_bool(), json["after"].as_u64()).hash(&mut hasher);
    hasher.finish()
}

const _: () = assert!(OBSERVED < TOPICS);
