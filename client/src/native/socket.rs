//! The stream of what a client is told.

use super::{Handle, address::AddressError, builder::Builder};
use crate::{Event, Message};
use futures_util::Stream;
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};
use tokio::sync::{Notify, mpsc};

/// The numbers that the user has handled, for the driver to take.
#[derive(Default)]
pub(super) struct Handled {
    /// Topic to number and epoch.
    numbers: Mutex<BTreeMap<String, (u64, String)>>,
    pub(super) changed: Notify,
}

impl Handled {
    fn add(&self, message: Message) {
        if let Ok(mut numbers) = self.numbers.lock() {
            numbers.insert(message.topic, (message.seq_no, message.epoch));
        }
        self.changed.notify_one();
    }

    pub(super) fn take(&self) -> BTreeMap<String, (u64, String)> {
        self.numbers.lock().map(|mut numbers| std::mem::take(&mut *numbers)).unwrap_or_default()
    }
}

/// A connection to a gateway: a stream of [`Event`]s, which ends after [`crate::Notice::Stopped`].
///
/// At most 1,024 events wait to be taken. Above it the client reads no more from its socket; if
/// that lasts, the gateway closes it as a slow consumer, and it resumes from where it was.
pub struct SubSocket {
    pub(super) handle: Handle,
    pub(super) events: mpsc::Receiver<Event>,
    /// Given if the gateway is told what was handled; and the message that was last taken.
    pub(super) handled: Option<Arc<Handled>>,
    pub(super) taken: Option<Message>,
}

impl SubSocket {
    /// A client of any endpoint: `/ws`, or `/ws/sub/{topic}` with its topic.
    ///
    /// # Errors
    /// If `url` is no address, or its topic none.
    pub fn by_url(url: &str) -> Result<Builder, AddressError> {
        Builder::by_url(url)
    }

    /// A client of these topics. `base` is the gateway's address, such as `ws://127.0.0.1:3000`.
    ///
    /// # Errors
    /// If `base` is no address, or a topic none.
    pub fn by_topics<T: AsRef<str>>(
        base: &str,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Builder, AddressError> {
        Builder::by_topics(base, topics)
    }

    /// The way to publish, subscribe and close.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Stream for SubSocket {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        // If the application asks for the next message, it has handled the one before.
        if let (Some(message), Some(handled)) = (self.taken.take(), &self.handled) {
            handled.add(message);
        }
        let event = self.events.poll_recv(context);
        if let (Poll::Ready(Some(Event::Message(message))), true) = (&event, self.handled.is_some())
        {
            self.taken = Some(message.clone());
        }
        event
    }
}
