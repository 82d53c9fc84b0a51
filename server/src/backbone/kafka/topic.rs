//! The Kafka topic: created if it does not exist, else compared with what the configuration asks
//! for. A topic is never changed.

use super::{client, error::StartError, settings::Settings};
use rdkafka::{
    admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    types::RDKafkaErrorCode,
};
use std::{sync::Arc, time::Duration};

/// For one request.
const LIMIT: Duration = Duration::from_secs(2);

/// The settings that a new topic is given.
fn wanted(settings: &Settings) -> Vec<(&'static str, String)> {
    vec![
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", settings.retention.as_millis().to_string()),
        ("retention.bytes", settings.retention_bytes.to_string()),
        ("segment.ms", settings.segment.as_millis().to_string()),
        ("max.message.bytes", settings.max_message.to_string()),
        ("min.insync.replicas", (settings.replicas / 2 + 1).to_string()),
        // One clock decides on windows, that of the partition's leader.
        ("message.timestamp.type", "LogAppendTime".to_owned()),
    ]
}

/// Creates the topic, or checks the one that exists. `is_first`: what differs is logged.
///
/// # Errors
/// [`StartError`]
pub(super) async fn ensure(settings: &Arc<Settings>, is_first: bool) -> Result<(), StartError> {
    let admin = client::admin(settings)?;
    let wanted = wanted(settings);
    let copies = TopicReplication::Fixed(i32::try_from(settings.replicas).unwrap_or(i32::MAX));
    let partitions = i32::try_from(settings.shards).unwrap_or(i32::MAX);
    let topic = wanted
        .iter()
        .fold(NewTopic::new(&settings.name, partitions, copies), |topic, (key, value)| {
            topic.set(key, value)
        });
    let options = AdminOptions::new().request_timeout(Some(LIMIT)).operation_timeout(Some(LIMIT));
    let created = admin.create_topics([&topic], &options).await;
    let created = created.map_err(|error| StartError::Unreachable {
        brokers: settings.brokers.clone(),
        reason: error.rdkafka_error_code().map_or_else(String::new, |code| code.to_string()),
    })?;
    for result in created {
        match result {
            Ok(_) => {
                tracing::info!(topic = settings.name, partitions, "the Kafka topic was created");
            }
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            // Who may not create topics may still use one that exists.
            Err((_, RDKafkaErrorCode::TopicAuthorizationFailed)) => {}
            Err((topic, code)) => {
                return Err(StartError::Create { topic, reason: code.to_string() });
            }
        }
    }
    let (admin, of) = (Arc::new(admin), settings.clone());
    let asked = admin.clone();
    let found = tokio::task::spawn_blocking(move || partitions_of(&asked, &of)).await;
    let found =
        found.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))?;
    if found != settings.shards {
        let (topic, partitions) = (settings.name.clone(), found);
        return Err(StartError::Partitions { topic, found: settings.shards, partitions });
    }
    if is_first {
        compare(&admin, settings, &wanted, &options).await;
    }
    Ok(())
}

fn partitions_of(admin: &client::Admin, settings: &Settings) -> Result<usize, StartError> {
    let failed = |reason: String| StartError::Log { topic: settings.name.clone(), reason };
    let metadata = admin.inner().fetch_metadata(Some(&settings.name), LIMIT);
    let metadata = metadata.map_err(|error| failed(error.to_string()))?;
    let topic = metadata.topics().iter().find(|topic| topic.name() == settings.name);
    let topic = topic.ok_or_else(|| failed("the broker does not know it".to_owned()))?;
    match topic.error() {
        Some(error) => Err(failed(RDKafkaErrorCode::from(error).to_string())),
        None => Ok(topic.partitions().len()),
    }
}

/// Says what differs: the gateway works, but may keep less, or take less, than it was told to.
async fn compare(
    admin: &client::Admin,
    settings: &Settings,
    wanted: &[(&str, String)],
    options: &AdminOptions,
) {
    let described =
        admin.describe_configs([&ResourceSpecifier::Topic(&settings.name)], options).await;
    let found = described.ok().and_then(|found| found.into_iter().next()).and_then(Result::ok);
    let found = found.filter(|found| !found.entries.is_empty());
    let Some(found) = found else {
        return tracing::warn!(
            topic = settings.name,
            "the broker does not tell the settings of the Kafka topic: only its number of partitions was checked"
        );
    };
    let value = |key: &str| found.get(key).and_then(|entry| entry.value.clone());
    for (key, wanted) in wanted {
        match value(key) {
            Some(found) if found == *wanted => {}
            Some(found) => tracing::warn!(
                topic = settings.name,
                setting = key,
                found,
                wanted,
                "the Kafka topic has another setting than the configuration asks for"
            ),
            None => tracing::warn!(
                topic = settings.name,
                setting = key,
                wanted,
                "the broker does not tell this setting of the Kafka topic: it was not checked"
            ),
        }
    }
}
