//! What really happened, put together from what all clients saw: each topic's one log, who
//! published which message id when, and the sessions. Everything that a client is told is held
//! against it.

use super::{Backbone, OBSERVED, broker::Broker, report::Report};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// What the gateway is configured to keep, as the truth reckons with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) messages: u64,
    pub(super) age: Duration,
    pub(super) window: Duration,
    pub(super) session: Duration,
}

/// One try to publish; what it carries names it.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) user: usize,
    pub(super) message_id: usize,
    pub(super) topic: usize,
    /// The connection through which it was tried; `None`: over HTTP.
    pub(super) connection: Option<usize>,
}

/// A message in its topic's log.
#[derive(Debug, Clone, Copy)]
struct Entry {
    attempt: usize,
    time: Instant,
}

/// How long a broker may take to say what was true when it was asked.
const LENIENCE: Duration = Duration::from_millis(100);

/// A life of a topic's numbering.
type Life = (usize, String);

/// Where a session's subscription stands, as far as the client can know.
#[derive(Debug, Clone)]
pub(super) struct Stand {
    pub(super) epoch: String,
    /// The position is one of these.
    pub(super) low: u64,
    pub(super) high: u64,
    /// The highest number that was confirmed.
    pub(super) confirmed: u64,
    pub(super) lost: bool,
}

#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) user: usize,
    pub(super) topics: BTreeMap<usize, Stand>,
    /// The connection that has it.
    pub(super) owner: Option<usize>,
    pub(super) last_owner: Option<usize>,
    pub(super) detached: Option<Instant>,
    pub(super) ended: bool,
    /// Something was under way when its connection ended: what it has is not known exactly.
    pub(super) is_vague: bool,
    /// Several have asked for it at once: who had it when is not known, from then on.
    pub(super) is_contested: bool,
}

impl Session {
    pub(super) fn is_known(&self) -> bool {
        !self.is_vague && !self.is_contested
    }
}

/// Something that was said of a position, to be judged when everything that happened by then is
/// known.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) topic: usize,
    pub(super) epoch: String,
    /// The position; all of these where it is not known exactly.
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) head: u64,
    pub(super) time: Instant,
    pub(super) recovered: bool,
}

/// Where a subscription began that asked for the newest messages, to be judged as [`Verdict`].
#[derive(Debug)]
pub(super) struct Newest {
    pub(super) topic: usize,
    pub(super) epoch: String,
    pub(super) head: u64,
    /// How many were asked for.
    pub(super) last: u64,
    pub(super) after: u64,
    pub(super) time: Instant,
}

pub(super) struct Truth {
    backbone: Backbone,
    /// Knows what it has stored.
    pub(super) broker: Arc<Broker>,
    kept: Kept,
    pub(super) attempts: Vec<Attempt>,
    logs: HashMap<Life, BTreeMap<u64, Entry>>,
    /// Where each attempt that is in a log stands.
    places: HashMap<usize, (usize, u64)>,
    /// By user and message id: the attempts that were stored in observed topics, with their times.
    stored: HashMap<(usize, usize), Vec<(usize, Instant)>>,
    /// What acks said: attempt, the attempt that was stored, and its place.
    acked: Vec<(usize, bool, usize, u64)>,
    pub(super) sessions: HashMap<String, Session>,
    /// Connections whose session somebody else has resumed.
    pub(super) overtaken: HashSet<usize>,
    /// Connections whose session somebody has asked for who went away before an answer came.
    pub(super) maybe_overtaken: HashSet<usize>,
    /// Connections that were told so.
    pub(super) closed_as_overtaken: Vec<usize>,
    verdicts: Vec<Verdict>,
    newest: Vec<Newest>,
    pub(super) report: Report,
    /// A number for everything that was seen: two runs of one seed have the same.
    pub(super) fingerprint: u64,
}

impl Truth {
    pub(super) fn new(backbone: Backbone, broker: Arc<Broker>, kept: Kept, report: Report) -> Self {
        Self {
            backbone,
            broker,
            kept,
            attempts: Vec::new(),
            logs: HashMap::new(),
            places: HashMap::new(),
            stored: HashMap::new(),
            acked: Vec::new(),
            sessions: HashMap::new(),
            overtaken: HashSet::new(),
            maybe_overtaken: HashSet::new(),
            closed_as_overtaken: Vec::new(),
            verdicts: Vec::new(),
            newest: Vec::new(),
            report,
            fingerprint: 0,
        }
    }

    /// A message was seen.
    pub(super) fn message(
        &mut self,
        topic: usize,
        epoch: &str,
        seq_no: u64,
        attempt: usize,
        time: Instant,
    ) {
        let log = self.logs.entry((topic, epoch.to_owned())).or_default();
        let is_broken = self.broker.is_broken(topic, epoch);
        if let Some(known) = log.get(&seq_no).filter(|_| !is_broken) {
            assert_eq!(
                known.attempt, attempt,
                "topic {topic}, {seq_no}: two subscribers got two messages under one number"
            );
            return;
        }
        log.insert(seq_no, Entry { attempt, time });
        assert_eq!(self.attempts[attempt].topic, topic, "a message in another topic");
        let before = self.places.insert(attempt, (topic, seq_no));
        // A new life may have the same messages under the same numbers.
        assert!(before.is_none_or(|place| place == (topic, seq_no)), "one publish is stored twice");
        if self.backbone == Backbone::Broker {
            let stored = self.broker.attempt_at(topic, epoch, seq_no);
            assert!(stored == Some(attempt) || is_broken, "another message than was stored");
        }
        if before.is_some() {
            return;
        }
        let Attempt { user, message_id, .. } = self.attempts[attempt];
        let stored = self.stored.entry((user, message_id)).or_default();
        if topic >= OBSERVED {
            // Who sees it first may see it long after it was stored.
            return;
        }
        if let Some((first, then)) = stored.last() {
            let after = time.duration_since(*then);
            assert!(
                after >= self.kept.window,
                "user {user}, message id {message_id}: {first} and {attempt} are both there, {after:?} apart"
            );
        }
        stored.push((attempt, time));
    }

    /// A publish was answered.
    pub(super) fn ack(&mut self, attempt: usize, is_duplicate: bool, topic: usize, seq_no: u64) {
        self.acked.push((attempt, is_duplicate, topic, seq_no));
    }

    /// Connection `number` has asked for a session and was gone before the answer came: it may have
    /// had it.
    pub(super) fn may_be_overtaken(&mut self, id: &str, number: usize) {
        self.maybe_overtaken.insert(number);
        if let Some(session) = self.sessions.get_mut(id) {
            session.is_contested = true;
            self.maybe_overtaken.extend(session.last_owner);
        }
    }

    pub(super) fn judge_later(&mut self, verdict: Verdict) {
        self.verdicts.push(verdict);
    }

    pub(super) fn judge_newest_later(&mut self, newest: Newest) {
        self.newest.push(newest);
    }

    /// The number of a topic's last message in this life, as far as anybody saw it.
    pub(super) fn head(&self, topic: usize, epoch: &str) -> u64 {
        let log = self.logs.get(&(topic, epoch.to_owned()));
        log.and_then(|log| log.last_key_value()).map_or(0, |(seq_no, _)| *seq_no)
    }

    /// Everything that happened by now in the observed topics is known: what was said of them has
    /// to be true.
    pub(super) fn judge(&mut self) {
        for (attempt, is_duplicate, topic, seq_no) in std::mem::take(&mut self.acked) {
            if topic >= OBSERVED {
                continue;
            }
            let Attempt { user, message_id, .. } = self.attempts[attempt];
            if self.backbone == Backbone::Broker {
                self.check_ack(attempt, is_duplicate, topic, seq_no);
                continue;
            }
            let stored = self.stored.get(&(user, message_id)).map_or(&[][..], Vec::as_slice);
            let named = stored.iter().find(|(first, _)| self.places[first] == (topic, seq_no));
            let Some((first, _)) = named else {
                panic!(
                    "attempt {attempt} was acked at {topic}, {seq_no}, where there is nothing of user {user} with id {message_id}"
                );
            };
            assert_eq!(*first != attempt, is_duplicate, "attempt {attempt}: the wrong status");
        }
        self.closed_as_overtaken.retain(|number| {
            !self.overtaken.contains(number) && !self.maybe_overtaken.contains(number)
        });
        if self.backbone == Backbone::Memory {
            self.nobody_was_closed_for_nothing();
        }
        for verdict in std::mem::take(&mut self.verdicts) {
            match self.backbone {
                Backbone::Memory if verdict.topic < OBSERVED => self.check(&verdict),
                Backbone::Broker if !verdict.recovered => self.check_loss(&verdict),
                // That nothing is missing behind it, each message proves.
                _ => {}
            }
        }
        for newest in std::mem::take(&mut self.newest) {
            // Of a backbone's log the gateway may have less.
            if newest.topic < OBSERVED && self.backbone == Backbone::Memory {
                self.check_newest(&newest);
            }
        }
    }

    /// What the broker has stored is what was acked, although it may be lost by now.
    fn check_ack(&self, attempt: usize, is_duplicate: bool, topic: usize, seq_no: u64) {
        let ever = self.broker.attempts_at(topic, seq_no);
        let of = |attempt: usize| (self.attempts[attempt].user, self.attempts[attempt].message_id);
        let named = ever.iter().find(|stored| of(**stored) == of(attempt));
        let named =
            named.unwrap_or_else(|| panic!("attempt {attempt} is not at {topic}, {seq_no}"));
        assert_eq!(*named != attempt, is_duplicate, "attempt {attempt}: the wrong status");
    }

    /// Nothing is called lost that the log has and the gateway may keep.
    fn check_loss(&self, verdict: &Verdict) {
        let Verdict { topic, epoch, low, head, time, .. } = verdict;
        let kept = self.broker.kept_behind(*topic, epoch, *low);
        let is_kept = kept.is_some_and(|kept| {
            let is_young = |stored: &(u64, Instant)| stored.1 + self.kept.age > *time + LENIENCE;
            low <= head && kept.len() as u64 <= self.kept.messages && kept.iter().all(is_young)
        });
        assert!(!is_kept, "called lost, and the log has it: {verdict:?}");
    }

    /// With a backbone that takes its time, whoever resumes a session is told so later than its
    /// owner.
    fn nobody_was_closed_for_nothing(&self) {
        assert!(
            self.closed_as_overtaken.is_empty(),
            "nobody has resumed the session of {:?}",
            self.closed_as_overtaken
        );
    }

    fn check(&self, verdict: &Verdict) {
        let Verdict { topic, epoch, head, time, .. } = verdict;
        let is_kept = |position| self.is_kept_behind((*topic, epoch), *head, *time, position);
        let (low, high) = (is_kept(verdict.low), is_kept(verdict.high));
        assert!(
            low == verdict.recovered || high == verdict.recovered,
            "not true (kept: {low} to {high}): {verdict:?}"
        );
    }

    /// As many were replayed as were asked for and kept.
    fn check_newest(&self, newest: &Newest) {
        let Newest { topic, epoch, head, last, after, time } = newest;
        let is_kept = |position| self.is_kept_behind((*topic, epoch), *head, *time, position);
        let is_more_kept = head - after < *last && *after > 0 && is_kept(after - 1);
        assert!(is_kept(*after) && !is_more_kept, "not the newest that were kept: {newest:?}");
    }

    /// Whether every message behind `position` was in the history.
    fn is_kept_behind(
        &self,
        (topic, epoch): (usize, &str),
        head: u64,
        time: Instant,
        position: u64,
    ) -> bool {
        let Some(log) = self.logs.get(&(topic, epoch.to_owned())) else { return position == head };
        position == head
            || position < head
                && head - position <= self.kept.messages
                && log.get(&(position + 1)).is_some_and(|next| next.time + self.kept.age > time)
    }

    /// Whether the session can be resumed by `user` now. `None`: the client cannot know.
    pub(super) fn is_alive(&self, id: &str, user: usize, now: Instant) -> Option<bool> {
        let Some(session) = self.sessions.get(id).filter(|session| session.user == user) else {
            return Some(false);
        };
        match session.detached {
            _ if session.is_contested => None,
            _ if session.ended => Some(false),
            _ if session.is_vague => None,
            None => Some(true),
            // It is told when its topics are attached, a while after it was asked.
            Some(_) if self.backbone == Backbone::Broker => None,
            Some(since) => Some(since + self.kept.session > now),
        }
    }

    /// What can only be seen at the end: on a backbone that loses nothing each log has every
    /// number, and the publishes of a connection that were tried once stand in each log in
    /// their order.
    pub(super) fn judge_the_whole(&self) {
        self.nobody_was_closed_for_nothing();
        // One that was tried again elsewhere may have met that one under way, and have waited for
        // its fate.
        let mut tries = HashMap::new();
        self.attempts
            .iter()
            .for_each(|attempt| *tries.entry((attempt.user, attempt.message_id)).or_insert(0) += 1);
        for ((topic, _), log) in self.logs.iter().filter(|((topic, _), _)| *topic < OBSERVED) {
            let is_whole = log.keys().copied().eq(1..=log.len() as u64);
            assert!(
                is_whole || self.backbone == Backbone::Broker,
                "topic {topic}: a hole in the log"
            );
            let mut last = HashMap::new();
            for entry in log.values() {
                let Attempt { user, message_id, connection: Some(connection), .. } =
                    self.attempts[entry.attempt]
                else {
                    continue;
                };
                if tries[&(user, message_id)] == 1 {
                    let before = last.insert(connection, entry.attempt);
                    assert!(
                        before < Some(entry.attempt),
                        "connection {connection}: {before:?} stands in front of {}",
                        entry.attempt
                    );
                }
            }
        }
    }
}
