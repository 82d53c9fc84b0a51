//! What is said before a client connects.

use super::{
    SubSocket,
    address::{Address, AddressError, checked},
    driver,
};
use crate::core::{Start, TokenSource};
use protocol::{Newest, SeqNo, Topic};
use std::{future::Future, pin::Pin};

/// Why there is no token, as the user is told.
pub type TokenError = Box<dyn std::error::Error + Send + Sync>;

pub(super) type Fetch = Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send>>;
pub(super) type Provider = Box<dyn FnMut() -> Fetch + Send>;

/// A client that does not connect yet; see [`SubSocket::by_topics`] and [`SubSocket::by_url`].
pub struct Builder {
    pub(super) address: Address,
    pub(super) topics: Vec<(Topic<'static>, Start)>,
    pub(super) source: TokenSource,
    pub(super) provider: Option<Provider>,
    pub(super) acks: bool,
}

impl Builder {
    pub(super) fn by_url(url: &str) -> Result<Self, AddressError> {
        let address = Address::parse(url)?;
        let topics = address.topic()?.map(|topic| (topic, Start::Now)).into_iter().collect();
        Ok(Self::new(address, topics))
    }

    pub(super) fn by_topics<T: AsRef<str>>(
        base: &str,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Self, AddressError> {
        let address = Address::parse(base)?.for_topics();
        let topics = topics.into_iter().map(|topic| Ok((checked(topic.as_ref())?, Start::Now)));
        Ok(Self::new(address, topics.collect::<Result<_, _>>()?))
    }

    fn new(address: Address, topics: Vec<(Topic<'static>, Start)>) -> Self {
        // In demo mode any token is a user.
        let source = TokenSource::Static("anonymous".to_owned());
        Self { address, topics, source, provider: None, acks: false }
    }

    /// The token, always the same. The client stops if the gateway refuses it.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        (self.source, self.provider) = (TokenSource::Static(token.into()), None);
        self
    }

    /// A provider of tokens: called for each setup and before a token expires, and given 30 s.
    #[must_use]
    pub fn token_from<F, R>(mut self, mut provider: F) -> Self
    where
        F: FnMut() -> R + Send + 'static,
        R: Future<Output = Result<String, TokenError>> + Send + 'static,
    {
        self.source = TokenSource::Provider;
        self.provider = Some(Box::new(move || Box::pin(provider())));
        self
    }

    /// All topics begin with this many of the newest messages that the gateway keeps, and so do
    /// those whose missed messages are gone.
    #[must_use]
    pub fn last(self, count: Newest) -> Self {
        self.from(Start::Last(count))
    }

    /// All topics begin with the message after this number.
    #[must_use]
    pub fn after(self, seq_no: SeqNo) -> Self {
        self.from(Start::After(seq_no))
    }

    fn from(mut self, start: Start) -> Self {
        self.topics.iter_mut().for_each(|(_, place)| *place = start);
        self
    }

    /// The gateway is told which messages the user has handled: those before the one that was
    /// last taken from the stream.
    #[must_use]
    pub fn acks(mut self) -> Self {
        self.acks = true;
        self
    }

    /// Connects, in a task of its own.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn connect(self) -> SubSocket {
        driver::start(self)
    }
}
