//! The records of sessions: a hash for each, with its revision, its value, and the time at which it was
//! written, by the server's clock. The server forgets it when its time is over.
//!
//! A revision is a random number, so that it never comes back for a key: a counter would begin anew
//! after the server has lost its data, and a gateway that still has an old revision could overwrite a
//! record that it has never seen.

use super::{
    line::{Line, Lost},
    script::Script,
};
use crate::{
    chance,
    session::{
        Unavailable,
        records::{PutError, Record, RecordName, Records, Revision},
    },
};
use ::redis::Value;
use futures_util::{FutureExt, future::BoxFuture};
use std::{sync::Arc, time::Duration};

/// The records of the fleet's sessions.
#[derive(Debug, Clone)]
pub struct SessionRecords {
    pub(super) line: Line,
    pub(super) prefix: Arc<str>,
}

impl SessionRecords {
    fn key(&self, name: RecordName) -> Vec<u8> {
        format!("{}:s:{}", self.prefix, name.to_text()).into_bytes()
    }
}

impl From<Lost> for Unavailable {
    fn from(_: Lost) -> Self {
        Self
    }
}

impl Records for SessionRecords {
    fn get(&self, name: RecordName) -> BoxFuture<'static, Result<Option<Record>, Unavailable>> {
        let (line, key) = (self.line.clone(), self.key(name));
        async move {
            match line.ask(Script::Get, key, Vec::new()).await? {
                Value::Nil => Ok(None),
                found => read(found).map(Some).ok_or(Unavailable),
            }
        }
        .boxed()
    }

    fn put(
        &self,
        name: RecordName,
        expected: Option<Revision>,
        value: Vec<u8>,
        ttl: Duration,
    ) -> BoxFuture<'static, Result<Revision, PutError>> {
        let (line, key) = (self.line.clone(), self.key(name));
        async move {
            let revision = chance::draw::<u64>();
            let expected = expected.map(|Revision(number)| number.to_string()).unwrap_or_default();
            let ttl = ttl.as_millis().max(1).to_string();
            let arguments = vec![expected.into(), revision.to_string().into(), value, ttl.into()];
            match line.ask(Script::Put, key, arguments).await.map_err(Unavailable::from)? {
                Value::Int(1) => Ok(Revision(revision)),
                Value::Int(0) => Err(PutError::Conflict),
                _ => Err(Unavailable.into()),
            }
        }
        .boxed()
    }
}

fn read(found: Value) -> Option<Record> {
    let Value::Array(parts) = found else { return None };
    let [Value::BulkString(revision), Value::BulkString(value), Value::Int(age)] =
        <[Value; 3]>::try_from(parts).ok()?
    else {
        return None;
    };
    let revision = std::str::from_utf8(&revision).ok()?.parse().ok()?;
    let age = Duration::from_millis(age.try_into().ok()?);
    Some(Record { revision: Revision(revision), value, age })
}
