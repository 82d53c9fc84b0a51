//! Which message ids are taken, by which publish, and where their messages are.
//!
//! | value of a key | what it means | until |
//! |---|---|---|
//! | none | the message id is free | |
//! | `L{token}:{topic}` | a publish to this topic may be under way, through any gateway, or its fate is unknown: a *lease* | the lease ends |
//! | `L:{topic}` | several publishes to this topic | the lease ends |
//! | `S{number}:{topic}` | the message is stored there | the window ends |
//!
//! A publish to the topic of a lease goes on, since the backbone's log recognises a repeat of the same
//! topic itself; one to another topic has to wait. So a gateway that dies between claim and publish
//! leaves nothing that is mistaken for a message.
//!
//! Who may change a lease: only a publish to its topic commits, and only the holder of its token
//! releases. A lease that several publishes have used has no token any more: one of them does not know
//! what becomes of the others.

use super::{
    line::{Call, Line, Lost, NoReply, Reply},
    script::Script,
};
use crate::{chance, dedup::Place};
use ::redis::Value;
use hub::topic::Name;
use std::{sync::Arc, time::Duration};

/// The message ids of a fleet.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    pub(super) line: Line,
    pub(super) prefix: Arc<str>,
    pub(super) window: Duration,
    pub(super) lease: Duration,
}

/// One publish of a message id.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    key: Vec<u8>,
    topic: Name,
    token: String,
}

impl Attempt {
    /// Where it publishes.
    pub(crate) fn topic(&self) -> &Name {
        &self.topic
    }
}

/// What a claim has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may be published.
    Go,
    /// It is stored already, there.
    Duplicate(Place),
    /// A publish to another topic has it for this long at most.
    Leased(Duration),
}

impl Claims {
    /// A publish to `topic` of the message id that has this key.
    pub(crate) fn attempt(&self, key: &str, topic: Name) -> Attempt {
        let token = format!("{:032x}", chance::draw::<u128>());
        Attempt { key: format!("{}:c:{key}", self.prefix).into_bytes(), topic, token }
    }

    /// Claims it. The claim is in the line when this returns, and `reply` is called in the line's
    /// order: a claim that has succeeded is answered within a second after the server was asked.
    pub(crate) fn claim(&self, attempt: &Attempt, reply: Box<dyn Reply<Verdict>>) {
        let Attempt { key, topic, token } = attempt;
        let lease = millis(self.lease);
        self.line.call(Call {
            script: Script::Claim,
            key: key.clone(),
            arguments: vec![token.clone().into(), topic.as_str().into(), lease],
            reply: Box::new(ReadVerdict(reply)),
        });
    }

    /// Notes where the message is; gives the place that is noted, which may be another one if the
    /// lease has ended meanwhile.
    ///
    /// # Errors
    /// [`Lost`]: it is not known to be noted.
    pub(crate) async fn commit(&self, attempt: Attempt, place: Place) -> Result<Place, Lost> {
        let Attempt { key, topic, .. } = attempt;
        let (number, window) = (place.seq_no.to_string().into(), millis(self.window));
        let arguments = vec![topic.as_str().into(), place.topic.as_str().into(), number, window];
        let answer = self.line.ask(Script::Commit, key, arguments).await?;
        match read(answer)? {
            Verdict::Duplicate(noted) => Ok(noted),
            Verdict::Go | Verdict::Leased(_) => {
                tracing::warn!(
                    "a message was stored after its lease had ended: its message id may be used by another one"
                );
                Err(Lost)
            }
        }
    }

    /// Frees it, since nothing was stored. No call waits for that: if it fails, the lease ends by its
    /// time.
    pub(crate) fn release(&self, attempt: Attempt) {
        let Attempt { key, token, .. } = attempt;
        let (script, arguments) = (Script::Release, vec![token.into_bytes()]);
        self.line.call(Call { script, key, arguments, reply: Box::new(NoReply) });
    }
}

fn millis(duration: Duration) -> Vec<u8> {
    // The server does not take 0.
    duration.as_millis().max(1).to_string().into_bytes()
}

/// Reads what a script says.
struct ReadVerdict(Box<dyn Reply<Verdict>>);

impl Reply<Value> for ReadVerdict {
    fn is_wanted(&self) -> bool {
        self.0.is_wanted()
    }

    fn take(self: Box<Self>, answer: Result<Value, Lost>) {
        self.0.take(answer.and_then(read));
    }
}

fn read(answer: Value) -> Result<Verdict, Lost> {
    let Value::Array(parts) = answer else { return Err(Lost) };
    let text = |at: usize| match parts.get(at) {
        Some(Value::BulkString(bytes)) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    match (text(0), parts.get(1)) {
        (Some("first"), _) => Ok(Verdict::Go),
        (Some("leased"), Some(Value::Int(left))) => {
            Ok(Verdict::Leased(Duration::from_millis(u64::try_from(*left).unwrap_or(0))))
        }
        (Some("leased"), None) => Ok(Verdict::Leased(Duration::ZERO)),
        (Some("stored"), _) => {
            let seq_no = text(1).and_then(|number| number.parse().ok()).ok_or(Lost)?;
            let topic = text(2).and_then(|topic| Name::new(topic.to_owned()).ok()).ok_or(Lost)?;
            Ok(Verdict::Duplicate(Place { topic: Arc::new(topic), seq_no }))
        }
        _ => Err(Lost),
    }
}
