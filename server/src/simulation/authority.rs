//! Who may do what in a simulation: a token says it itself.

use crate::{
    access::{Rights, Rule},
    auth::{Authenticator, Expiry, Identity, Refused},
};
use futures_util::{FutureExt, future::BoxFuture};
use protocol::UserId;
use std::{net::IpAddr, time::Duration};
use tokio::time::Instant;

/// What a token gives its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) user: usize,
    /// A bit for each topic.
    pub(super) subscribe: u8,
    pub(super) publish: u8,
    /// Milliseconds after the beginning.
    pub(super) expires: Option<u64>,
}

impl Grant {
    pub(super) fn everything(user: usize) -> Self {
        Self { user, subscribe: u8::MAX, publish: u8::MAX, expires: None }
    }

    pub(super) fn token(&self) -> String {
        let Self { user, subscribe, publish, expires } = self;
        format!("{user}/{subscribe}/{publish}/{}", expires.unwrap_or(u64::MAX))
    }

    fn parse(token: &str) -> Option<Self> {
        let mut parts = token.split('/');
        let user = parts.next()?.parse().ok()?;
        let (subscribe, publish) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let expires = parts.next()?.parse().ok()?;
        Some(Self {
            user,
            subscribe,
            publish,
            expires: Some(expires).filter(|millis| *millis != u64::MAX),
        })
    }
}

/// Takes tokens at their word.
#[derive(Debug)]
pub(super) struct Authority {
    pub(super) begin: Instant,
    /// A bug on purpose: everybody may do everything.
    pub(super) grants_everything: bool,
    /// A bug on purpose: no token ends.
    pub(super) forgets_the_end: bool,
}

impl Authority {
    fn identity(&self, token: &str) -> Result<Identity, Refused> {
        let Grant { user, subscribe, publish, expires } =
            Grant::parse(token).ok_or(Refused::Invalid("it is none".into()))?;
        let user = UserId::new(super::user_name(user)).unwrap();
        let expires = expires
            .map(|millis| self.begin + Duration::from_millis(millis))
            .filter(|_| !self.forgets_the_end);
        if expires.is_some_and(|end| end <= Instant::now()) {
            return Err(Refused::Expired);
        }
        let rules = |mask: u8| -> Vec<Rule> {
            let covered = |topic: &usize| self.grants_everything || mask >> topic & 1 == 1;
            (0..super::TOPICS)
                .filter(covered)
                .map(|topic| Rule::parse(&super::topic_name(topic)).unwrap())
                .collect()
        };
        let rights = Rights::by(&user, &rules(subscribe), &rules(publish));
        Ok(Identity {
            user,
            rights,
            expires: expires.and_then(|end| Expiry::after(end - Instant::now())),
        })
    }
}

impl Authenticator for Authority {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        _from: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Identity, Refused>> {
        async move { self.identity(token) }.boxed()
    }

    fn renews(&self) -> bool {
        true
    }
}
