//! The records of sessions, in a stream of their own: a subject for each record, of which only the
//! last message is kept. A write is compared with the number of the last message, and a record goes
//! with the time to live of its message.
//!
//! When a record has gone by its time, the server leaves a marker in its place for a second. It is
//! no record, but a write has to name its number.

use super::{
    Fleet,
    ack::{self, EXPECTED, NotStored},
    api,
    clock::ServerClock,
    connection::Connection,
    error::StartError,
    settings::Settings,
    stored::Stored,
    stream,
};
use crate::session::{
    Unavailable,
    records::{PutError, Record, RecordName, Records, Revision},
};
use async_nats::HeaderMap;
use futures_util::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::sleep;

/// A server that hangs does not answer.
const LIMIT: Duration = Duration::from_secs(2);

/// How long a marker stays.
const MARKER: Duration = Duration::from_secs(1);

const TTL: &str = "Nats-TTL";
const MARKER_REASON: &str = "Nats-Marker-Reason";

/// The records of the fleet's sessions.
#[derive(Clone)]
pub struct SessionRecords(pub(super) Arc<Fleet>);

impl fmt::Debug for SessionRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecords")
            .field("name", &self.0.settings.name)
            .finish_non_exhaustive()
    }
}

/// Creates the stream, or checks the one that exists, and reads the server's clock.
///
/// # Errors
/// [`StartError`]
pub(super) async fn ensure(
    connection: &Connection,
    settings: &Settings,
    clock: &ServerClock,
) -> Result<(), StartError> {
    let wanted = wanted(settings);
    let info = stream::create_or_find(connection, &stream_of(settings), &wanted).await?;
    clock.read(&info);
    stream::compare(&stream_of(settings), &COMPARED, &wanted, &info["config"])
}

/// The settings without which a promise would not hold.
const COMPARED: [&str; 9] = [
    "subjects",
    "retention",
    "discard",
    "num_replicas",
    "max_age",
    "max_bytes",
    "max_msgs_per_subject",
    "allow_direct",
    "allow_msg_ttl",
];

fn stream_of(settings: &Settings) -> String {
    format!("{}-sessions", settings.name)
}

fn wanted(settings: &Settings) -> Value {
    json!({
        "name": stream_of(settings),
        "subjects": [format!("{}.s.*", settings.name)],
        "retention": "limits",
        "discard": "old",
        "storage": "file",
        "num_replicas": settings.replicas,
        "max_age": 0,
        "max_bytes": settings.session_bytes,
        "max_msgs": -1,
        "max_msgs_per_subject": 1,
        "allow_direct": true,
        "allow_msg_ttl": true,
        "subject_delete_marker_ttl": u64::try_from(MARKER.as_nanos()).unwrap_or(u64::MAX),
    })
}

/// Reads the server's clock again from time to time, for as long as the connection lasts.
pub(super) async fn follow_the_clock(connection: Arc<Connection>, fleet: Arc<Fleet>) {
    /// Two good clocks differ by less than a millisecond more after this time.
    const INTERVAL: Duration = Duration::from_secs(30);
    loop {
        sleep(INTERVAL).await;
        if let Ok(info) = api::info(&connection, &stream_of(&fleet.settings)).await {
            fleet.clock.read(&info);
        }
    }
}

/// The last message of a subject, and whether it is a marker.
struct Last {
    message: Stored,
    is_marker: bool,
}

impl SessionRecords {
    fn subject(&self, name: RecordName) -> String {
        format!("{}.s.{}", self.0.settings.name, name.to_text())
    }

    async fn connection(&self) -> Arc<Connection> {
        self.0.session().await.connection.clone()
    }

    async fn last(
        &self,
        connection: &Connection,
        subject: &str,
    ) -> Result<Option<Last>, Unavailable> {
        let request = format!("$JS.API.DIRECT.GET.{}.{subject}", stream_of(&self.0.settings));
        let answer = connection.ask(request, "".into(), None, LIMIT).await.ok_or(Unavailable)?;
        if connection.is_over() {
            return Err(Unavailable);
        }
        match answer.status.map(|status| status.as_u16()) {
            None | Some(200) => {
                let headers = answer.headers.as_ref();
                let is_marker = headers.is_some_and(|found| found.get(MARKER_REASON).is_some());
                let message = Stored::read(answer).ok_or(Unavailable)?;
                Ok(Some(Last { message, is_marker }))
            }
            Some(404) => Ok(None),
            Some(_) => Err(Unavailable),
        }
    }

    /// Writes if the subject's last message has this number.
    async fn write(
        &self,
        connection: &Connection,
        subject: &str,
        expected: u64,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<Revision, PutError> {
        let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let mut headers = HeaderMap::new();
        headers.insert(EXPECTED, expected.to_string());
        headers.insert(TTL, format!("{}s", seconds.max(1)));
        let asked = connection.ask(subject.to_owned(), value.into(), Some(headers), LIMIT);
        let answer = asked.await.ok_or(Unavailable)?;
        match ack::read(&answer.payload) {
            Ok(ack) => Ok(Revision(ack.seq_no)),
            Err(NotStored::OtherNumber) => Err(PutError::Conflict),
            Err(NotStored::Other) => {
                tracing::warn!(answer = ?answer.payload, "a session could not be written");
                Err(PutError::Unavailable(Unavailable))
            }
        }
    }
}

impl Records for SessionRecords {
    fn get(&self, name: RecordName) -> BoxFuture<'static, Result<Option<Record>, Unavailable>> {
        let (own, subject) = (self.clone(), self.subject(name));
        async move {
            let connection = own.connection().await;
            let last = own.last(&connection, &subject).await?;
            Ok(last.filter(|last| !last.is_marker).map(|Last { message, .. }| Record {
                revision: Revision(message.seq_no),
                value: message.payload().to_vec(),
                age: message.age(own.0.clock.now()),
            }))
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
        let (own, subject) = (self.clone(), self.subject(name));
        async move {
            let connection = own.connection().await;
            if let Some(Revision(expected)) = expected {
                return own.write(&connection, &subject, expected, value, ttl).await;
            }
            match own.write(&connection, &subject, 0, value.clone(), ttl).await {
                Err(PutError::Conflict) => {}
                written => return written,
            }
            match own.last(&connection, &subject).await? {
                Some(Last { message, is_marker: true }) => {
                    own.write(&connection, &subject, message.seq_no, value, ttl).await
                }
                _ => Err(PutError::Conflict),
            }
        }
        .boxed()
    }
}
