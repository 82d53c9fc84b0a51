//! The way to publish, subscribe and close while a stream is read elsewhere.

use crate::{Acked, PublishError, Start, Stop, SubscribeError, core::NewPublish, native_frame};
use protocol::{MessageId, Payload, Topic};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A request to the driver.
pub(super) enum Command {
    Publish(NewPublish, oneshot::Sender<Result<Acked, PublishError>>),
    Subscribe(Topic<'static>, Start),
    Unsubscribe(Topic<'static>),
    Close(oneshot::Sender<()>),
}

/// How a message is published.
#[derive(Debug, Clone)]
pub struct PublishOptions {
    /// Its name; made by chance if it is left out.
    pub message_id: Option<String>,
    /// How long it is tried. Keep it below the gateway's `dedup.window` (2 minutes), within which
    /// repeats are recognised.
    pub within: Duration,
}

impl Default for PublishOptions {
    fn default() -> Self {
        Self { message_id: None, within: Duration::from_secs(30) }
    }
}

/// Speaks to one connection. Clones speak to the same one; it ends when all of them and its
/// stream are dropped.
#[derive(Clone)]
pub struct Handle {
    pub(super) commands: mpsc::Sender<Command>,
}

impl Handle {
    /// Publishes, and waits for the gateway's answer, through reconnections. Publishes of one topic
    /// keep their order, one at a time. If the future is dropped, the publish goes on.
    ///
    /// # Errors
    /// [`PublishError`] says whether a repeat makes sense. At most 1,024 publishes and 8 MiB wait;
    /// above it the new one is refused.
    pub async fn publish(
        &self,
        topic: &str,
        payload: &(impl Serialize + ?Sized),
        options: PublishOptions,
    ) -> Result<Acked, PublishError> {
        let topic = Topic::new(topic.to_owned()).map_err(PublishError::Topic)?;
        let id = options.message_id.unwrap_or_else(fresh_id);
        let message_id = MessageId::new(id).map_err(PublishError::MessageId)?;
        let payload = Payload::from_value(&payload)
            .map_err(|error| PublishError::Payload(error.to_string()))?;
        let frame = native_frame(&topic, &message_id, payload);
        let new = NewPublish { key: 0, topic, message_id, frame, within: options.within };
        let (sender, answer) = oneshot::channel();
        let stopped = || PublishError::Stopped(Stop::Closed);
        self.commands.send(Command::Publish(new, sender)).await.map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Subscribes to a topic; without effect if there is a subscription already. A refusal is told
    /// by the stream.
    ///
    /// # Errors
    /// If `topic` is none, or the connection has ended.
    pub async fn subscribe(&self, topic: &str, start: Start) -> Result<(), SubscribeError> {
        let topic = Topic::new(topic.to_owned()).map_err(SubscribeError::Topic)?;
        self.send(Command::Subscribe(topic, start)).await
    }

    /// Ends a subscription. Messages that wait in the stream are still told.
    ///
    /// # Errors
    /// If `topic` is none, or the connection has ended.
    pub async fn unsubscribe(&self, topic: &str) -> Result<(), SubscribeError> {
        let topic = Topic::new(topic.to_owned()).map_err(SubscribeError::Topic)?;
        self.send(Command::Unsubscribe(topic)).await
    }

    /// Ends the session and the connection. Publishes without an answer fail.
    pub async fn close(&self) {
        let (sender, done) = oneshot::channel();
        if self.send(Command::Close(sender)).await.is_ok() {
            let _closed = done.await;
        }
    }

    async fn send(&self, command: Command) -> Result<(), SubscribeError> {
        self.commands.send(command).await.map_err(|_| SubscribeError::Stopped)
    }
}

/// 128 bits by chance.
fn fresh_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
