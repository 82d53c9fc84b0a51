//! The stream of a shard: created if it does not exist, else compared with what the configuration
//! asks for. A stream is never changed in silence.

use super::{
    api::{self, ApiError},
    connection::Connection,
    error::StartError,
    settings::Settings,
    subject::Names,
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A fresh cluster refuses for a while.
const TRIES: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

/// The number of shards of the fleet, in the stream's metadata.
const SHARDS: &str = "micro-socket.shards";
/// The life of the numbering, in the stream's metadata.
const LIFE: &str = "micro-socket.life";

/// A stream as it was found or created.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    /// When it was created: another one under the same name was created at another time.
    pub(super) created: String,
    /// The life that its metadata names.
    pub(super) life: String,
    config: Value,
}

/// Creates the stream, or checks the one that exists.
///
/// # Errors
/// [`StartError`]
pub(super) async fn ensure(
    connection: &Connection,
    settings: &Settings,
    names: &Names,
) -> Result<Stream, StartError> {
    let found = create_or_find(connection, &names.stream, &wanted(settings, names)).await?;
    let config = &found["config"];
    check(settings, names, config)?;
    Ok(Stream {
        created: found["created"].as_str().unwrap_or_default().to_owned(),
        life: config["metadata"][LIFE].as_str().unwrap_or_default().to_owned(),
        config: config.clone(),
    })
}

/// What the server says of a stream, which is created with these settings if there is none.
///
/// # Errors
/// [`StartError::Api`]
pub(super) async fn create_or_find(
    connection: &Connection,
    stream: &str,
    wanted: &Value,
) -> Result<Value, StartError> {
    let deadline = Instant::now() + TRIES;
    loop {
        match try_to_find(connection, stream, wanted).await {
            Err(_) if Instant::now() < deadline && !connection.is_over() => sleep(PAUSE).await,
            Err(error) => {
                let (stream, reason) = (stream.to_owned(), error.to_string());
                return Err(StartError::Api { stream, reason });
            }
            Ok(found) => return Ok(found),
        }
    }
}

async fn try_to_find(
    connection: &Connection,
    stream: &str,
    wanted: &Value,
) -> Result<Value, ApiError> {
    match api::info(connection, stream).await {
        Err(ApiError::Refused { code: api::NO_STREAM, .. }) => {}
        found => return found,
    }
    match api::call(connection, "STREAM.CREATE", stream, wanted).await {
        // Another gateway was faster.
        Err(ApiError::Refused { code: api::OTHER_SETTINGS, .. }) => {
            api::info(connection, stream).await
        }
        created => created,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The settings that a new stream is given.
fn wanted(settings: &Settings, names: &Names) -> Value {
    let [from, to] = names.republished();
    json!({
        "name": names.stream,
        "subjects": names.stored(),
        "retention": "limits",
        "discard": "old",
        "storage": "file",
        "num_replicas": settings.replicas,
        "max_age": nanos(settings.max_age),
        "max_bytes": settings.max_bytes,
        // A limit for each subject would forget keys of topics with many messages.
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "duplicate_window": nanos(settings.window),
        "allow_direct": true,
        "republish": { "src": from, "dest": to },
        "metadata": { SHARDS: settings.shards.to_string(), LIFE: "0" },
    })
}

/// The settings without which a promise would not hold. Others, such as the compression, are free.
const COMPARED: [&str; 11] = [
    "subjects",
    "retention",
    "discard",
    "num_replicas",
    "max_age",
    "max_bytes",
    "max_msgs",
    "max_msgs_per_subject",
    "duplicate_window",
    "allow_direct",
    "republish",
];

fn check(settings: &Settings, names: &Names, found: &Value) -> Result<(), StartError> {
    let shards = found["metadata"][SHARDS].as_str();
    if let Some(shards) = shards.filter(|shards| **shards != settings.shards.to_string()) {
        return Err(StartError::Shards {
            stream: names.stream.clone(),
            found: settings.shards,
            shards: shards.to_owned(),
        });
    }
    compare(&names.stream, &COMPARED, &wanted(settings, names), found)
}

/// Compares these settings of a stream with what is wanted.
///
/// # Errors
/// [`StartError::Stream`]: which ones differ.
pub(super) fn compare(
    stream: &str,
    keys: &[&str],
    wanted: &Value,
    found: &Value,
) -> Result<(), StartError> {
    let differences: Vec<_> = keys
        .iter()
        .filter(|key| found[**key] != wanted[**key])
        .map(|key| format!("{key} is {}, wanted {}", found[*key], wanted[*key]))
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    let differences = differences.join("; ");
    Err(StartError::Stream { stream: stream.to_owned(), differences })
}

/// Writes a life into the stream's metadata, which outlives every message.
pub(super) async fn write_life(
    connection: &Connection,
    names: &Names,
    stream: &Stream,
    life: &str,
) -> Result<(), ApiError> {
    let mut config = stream.config.clone();
    config["metadata"][LIFE] = life.into();
    api::call(connection, "STREAM.UPDATE", &names.stream, &config).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_differs_is_named_with_both_values() {
        let (settings, names) = (Settings::new(&Config::default()), Names::new("fleet", 0));
        let mut found = wanted(&settings, &names);
        found["compression"] = "s2".into();
        check(&settings, &names, &found).unwrap();
        found["num_replicas"] = 3.into();
        found["max_msgs_per_subject"] = 10.into();
        let error = check(&settings, &names, &found).unwrap_err().to_string();
        assert_eq!(
            error,
            "the stream fleet-0 has other settings than the configuration asks for: num_replicas is 3, wanted 1; \
             max_msgs_per_subject is 10, wanted -1; change the configuration, or the stream with `nats stream edit fleet-0`"
        );
        found["metadata"][SHARDS] = "4".into();
        let error = check(&settings, &names, &found).unwrap_err().to_string();
        assert!(error.starts_with("backbone.shards: found 1; the stream fleet-0 was made for 4"));
    }
}
