//! The client library's clients. librdkafka keeps threads and connections of its own and connects
//! again by itself; what a gateway claims does not rest on them, but on records that it reads back.
//!
//! Ending a client waits for its threads, so that is done on a thread.

use super::{
    error::StartError,
    partition::Partition,
    settings::Settings,
    waiting::{Answer, Waiting},
};
use rdkafka::{
    ClientConfig, ClientContext, Message,
    admin::AdminClient,
    client::DefaultClientContext,
    config::RDKafkaLogLevel,
    consumer::{ConsumerContext, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{DeliveryResult, NoCustomPartitioner, ProducerContext, ThreadedProducer},
};
use std::{ops::Deref, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

pub(super) type Producer = OffThread<ThreadedProducer<Context>>;
pub(super) type Consumer = OffThread<StreamConsumer<Context>>;
pub(super) type Admin = OffThread<AdminClient<DefaultClientContext>>;

/// A client that is ended on a thread.
pub(super) struct OffThread<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> OffThread<T> {
    fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> Deref for OffThread<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().unwrap_or_else(|| unreachable!("it is taken by the drop only"))
    }
}

impl<T: Send + 'static> Drop for OffThread<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        // Not one of the runtime's threads: its end would wait for it. If there is no thread, the
        // closure is dropped here, and with it the client.
        let _ =
            std::thread::Builder::new().name("kafka-end".to_owned()).spawn(move || drop(client));
    }
}

/// Hears what clients tell beside their answers.
pub(super) struct Context {
    pub(super) waiting: Arc<Waiting>,
    pub(super) partitions: Vec<Arc<Partition>>,
    /// Cancelled if the session is over.
    pub(super) over: CancellationToken,
}

impl ClientContext for Context {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, text: &str) {
        tracing::debug!(target: "librdkafka", facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason);
        // Which records were stored is not known any more, nor whether the brokers that come back
        // have the same log.
        let is_over = error.rdkafka_error_code().is_some_and(|code| {
            matches!(code, RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::Fatal)
        });
        if is_over {
            self.over.cancel();
        }
    }
}

impl ConsumerContext for Context {}

impl ProducerContext<NoCustomPartitioner> for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let ticket = ticket as u64;
        match result {
            // The answer comes with the record itself.
            Ok(message) => {
                let offset = u64::try_from(message.offset()).unwrap_or(u64::MAX);
                if let Some(partition) = self.waiting.went_back(ticket, offset) {
                    self.partitions[partition].end_life();
                    self.over.cancel();
                }
            }
            Err((error, _)) => {
                let is_known = error.rdkafka_error_code().is_some_and(|code| {
                    matches!(
                        code,
                        RDKafkaErrorCode::MessageSizeTooLarge
                            | RDKafkaErrorCode::InvalidMessage
                            | RDKafkaErrorCode::InvalidMessageSize
                    )
                });
                tracing::debug!(%error, "a record was not stored, or perhaps not");
                let answer = if is_known { Answer::Refused } else { Answer::Unknown };
                self.waiting.answer(ticket, || answer);
                let is_lost = error.rdkafka_error_code().is_some_and(|code| {
                    matches!(
                        code,
                        RDKafkaErrorCode::UnknownTopic
                            | RDKafkaErrorCode::UnknownPartition
                            | RDKafkaErrorCode::UnknownTopicOrPartition
                    )
                });
                if is_lost {
                    self.over.cancel();
                }
            }
        }
    }
}

/// What all clients have in common.
fn common(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &settings.brokers)
        .set("client.id", "micro-socket")
        // A broker that hangs is noticed by a record that does not come back; this is for what the
        // library asks by itself.
        .set("socket.timeout.ms", "6000")
        .set("socket.connection.setup.timeout.ms", "2000")
        .set("socket.keepalive.enable", "true")
        .set("socket.nagle.disable", "true")
        // `/readyz` answers 200 within two seconds of a broker's return. The library varies it.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "800")
        // Soon enough for a topic that was deleted.
        .set("topic.metadata.propagation.max.ms", "1000")
        .set("topic.metadata.refresh.fast.interval.ms", "100")
        .set("allow.auto.create.topics", "false");
    config
}

fn refused(error: KafkaError) -> StartError {
    StartError::Client(error.to_string())
}

/// How long a record that was handed over may wait to be stored. Longer than a session lasts without
/// a proof: a record that the library gives up makes it begin its sequence of records anew, which
/// takes longer than a broker's pause. The publish has got its answer before, `backbone.publish_timeout`.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes, each record once and in order.
///
/// # Errors
/// [`StartError::Client`]
pub(super) fn producer(settings: &Settings, context: Context) -> Result<Producer, StartError> {
    let mut config = common(settings);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", MESSAGE_TIMEOUT.as_millis().to_string())
        .set("retry.backoff.ms", "50")
        .set("retry.backoff.max.ms", "500")
        // While a request is under way records gather for the next one anyway.
        .set("linger.ms", "0")
        .set("message.max.bytes", settings.max_message.to_string())
        .set("queue.buffering.max.messages", "20000")
        .set("queue.buffering.max.kbytes", "131072");
    config.create_with_context(context).map(OffThread::new).map_err(refused)
}

/// Reads what it is assigned. `reset`: where it goes on if the offset is gone.
///
/// # Errors
/// [`StartError::Client`]
pub(super) fn consumer(
    settings: &Settings,
    context: Context,
    reset: &'static str,
) -> Result<Consumer, StartError> {
    let mut config = common(settings);
    config
        // No group is joined, but the library wants a name for one.
        .set("group.id", &settings.name)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", reset)
        .set("isolation.level", "read_uncommitted")
        // Kafka answers as soon as there is a record; other brokers of its protocol only after this.
        .set("fetch.wait.max.ms", "20")
        .set("fetch.error.backoff.ms", "50")
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.message.max.bytes", settings.max_message.to_string())
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", "16384");
    config.create_with_context(context).map(OffThread::new).map_err(refused)
}

/// Creates and describes topics.
///
/// # Errors
/// [`StartError::Client`]
pub(super) fn admin(settings: &Settings) -> Result<Admin, StartError> {
    common(settings).create().map(OffThread::new).map_err(refused)
}
