//! Opening a session that several gateways share. What a client is told of a session is proved by a
//! compare-and-set: that it is resumed by taking its record over; that it is none, or has expired,
//! by writing its end. So an answer is right also if a read was out of date.

use super::{
    Entry, Shared, calls,
    entry::{Phase, Unsaved},
    lease::{self, Notice},
    record::{self, Holder, Kept, Opening, PositionMap, SessionRecord},
    write::Outcome,
};
use crate::session::{
    Id, Opened, Session, TakeoverListener, Unavailable,
    records::{GatewayId, PutError, Record, RecordName, Revision},
};
use protocol::UserId;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// What a try to resume has come to.
enum Resumed {
    Opened(Opened),
    /// There is no such session.
    None,
    /// The record has changed meanwhile, or the read was out of date.
    Again,
}

impl Shared {
    /// As [`Store::open`](crate::session::Store::open).
    pub(super) async fn open_in_time(
        self: Arc<Self>,
        user: UserId<'static>,
        wanted: Option<Id>,
        listener: Arc<dyn TakeoverListener>,
    ) -> Result<Opened, Unavailable> {
        let limit = self.timing.open;
        timeout(limit, self.resume_or_begin(user, wanted, listener))
            .await
            .unwrap_or(Err(Unavailable))
    }

    async fn resume_or_begin(
        self: Arc<Self>,
        user: UserId<'static>,
        wanted: Option<Id>,
        listener: Arc<dyn TakeoverListener>,
    ) -> Result<Opened, Unavailable> {
        self.lease.ensure(&self.calls, |notice| self.heed(notice)).await?;
        let Some(id) = wanted else { return self.begin(user, listener).await };
        if self.is_ending(id, &user).await? {
            return self.begin(user, listener).await;
        }
        for attempt in 0..calls::TRIES {
            calls::wait_before(attempt).await;
            match self.resume(id, &user, &listener).await? {
                Resumed::Opened(opened) => return Ok(opened),
                Resumed::None => return self.begin(user, listener).await,
                Resumed::Again => {}
            }
        }
        Err(Unavailable)
    }

    /// Whether this gateway knows that the session ends. If this gateway has changes that are not
    /// written, they are written first, so that they are resumed too.
    async fn is_ending(&self, id: Id, user: &UserId<'_>) -> Result<bool, Unavailable> {
        loop {
            let written = self.written.notified();
            if let Some(is_ending) = self.is_ending_now(id, user) {
                return Ok(is_ending);
            }
            match self.save(id).await {
                Some(Outcome::Saved(_)) => return Ok(false),
                Some(Outcome::Overtaken) => {}
                Some(Outcome::Failed) => return Err(Unavailable),
                // Another task writes it.
                None => written.await,
            }
        }
    }

    /// `None`: there are changes that are not written.
    fn is_ending_now(&self, id: Id, user: &UserId<'_>) -> Option<bool> {
        let Some(entry) = self.known.get(&id).filter(|entry| entry.kept.user == *user) else {
            return Some(false);
        };
        match (&entry.phase, entry.unsaved) {
            (Phase::Ending, _) => Some(true),
            (_, Unsaved::Nothing) if !entry.is_writing => Some(false),
            _ => None,
        }
    }

    async fn begin(
        self: Arc<Self>,
        user: UserId<'static>,
        listener: Arc<dyn TakeoverListener>,
    ) -> Result<Opened, Unavailable> {
        let kept = Kept { user, positions: PositionMap::default() };
        let claim = Claim::new(self, Id::random(), Opening::first(), kept);
        match claim.write(None).await {
            Ok(revision) => Ok(Opened { session: claim.attach(listener, revision), resumed: None }),
            Err(PutError::Conflict) => {
                claim.cancel();
                Err(Unavailable)
            }
            Err(PutError::Unavailable(why)) => Err(why),
        }
    }

    async fn resume(
        self: &Arc<Self>,
        id: Id,
        user: &UserId<'static>,
        listener: &Arc<dyn TakeoverListener>,
    ) -> Result<Resumed, Unavailable> {
        let Some(found) = self.calls.get(RecordName::Session(id)).await? else {
            return self.put_end(id, None, Opening::first()).await;
        };
        let (opening, holder, kept) = match record::decode(&found.value) {
            Ok(SessionRecord::Kept(opening, holder, kept)) if kept.user == *user => {
                (opening, holder, kept)
            }
            Ok(SessionRecord::Kept(..) | SessionRecord::Ended(_)) => return Ok(Resumed::None),
            Err(why) => {
                tracing::warn!("the record of a session cannot be read, so it is none: {why}");
                return Ok(Resumed::None);
            }
        };
        if self.idle_for(id, opening, holder, &found).await? >= self.limits.ttl {
            return self.put_end(id, Some(found.revision), opening.next()).await;
        }
        let positions = kept.positions.iter();
        let positions = positions.map(|(topic, position)| (topic.clone(), position.clone()));
        let resumed = Some(positions.collect());
        let mut claim = Claim::new(self.clone(), id, opening.next(), kept);
        claim.loser = match holder {
            Holder::Gateway(other) if other != self.lease.me => Some(other),
            Holder::Gateway(_) | Holder::NoneFor(_) => None,
        };
        match claim.write(Some(found.revision)).await {
            Ok(revision) => {
                let session = claim.attach(listener.clone(), revision);
                Ok(Resumed::Opened(Opened { session, resumed }))
            }
            Err(PutError::Conflict) => {
                claim.cancel();
                Ok(Resumed::Again)
            }
            Err(PutError::Unavailable(why)) => Err(why),
        }
    }

    /// How long a session has had no connection.
    async fn idle_for(
        &self,
        id: Id,
        opening: Opening,
        holder: Holder,
        found: &Record,
    ) -> Result<Duration, Unavailable> {
        match holder {
            Holder::NoneFor(idle) => Ok(idle.saturating_add(found.age)),
            Holder::Gateway(me) if me == self.lease.me => {
                let is_known = self.known.get(&id).is_some_and(|entry| entry.opening == opening);
                // If it is not, then its opening was given up, and nothing has refreshed it.
                Ok(if is_known { Duration::ZERO } else { found.age })
            }
            Holder::Gateway(other) => lease::ended_since(other, self.terms, &self.calls).await,
        }
    }

    /// Writes that there is no such session.
    async fn put_end(
        &self,
        id: Id,
        expected: Option<Revision>,
        opening: Opening,
    ) -> Result<Resumed, Unavailable> {
        let (name, end) = (RecordName::Session(id), record::encode_end(opening));
        match self.calls.put(name, expected, end, self.end_ttl(opening)).await {
            Ok(_) => Ok(Resumed::None),
            Err(PutError::Conflict) => Ok(Resumed::Again),
            Err(PutError::Unavailable(why)) => Err(why),
        }
    }
}

/// An opening that is on its way to the record. Dropped, it may have been written or not: this
/// gateway finds out later, and then the session continues as if its connection had ended.
struct Claim {
    store: Arc<Shared>,
    id: Id,
    opening: Opening,
    kept: Option<Kept>,
    /// The gateway that had it.
    loser: Option<GatewayId>,
}

impl Claim {
    fn new(store: Arc<Shared>, id: Id, opening: Opening, kept: Kept) -> Self {
        Self { store, id, opening, kept: Some(kept), loser: None }
    }

    async fn write(&self, expected: Option<Revision>) -> Result<Revision, PutError> {
        let Some(kept) = &self.kept else { return Err(PutError::Conflict) };
        let holder = Holder::Gateway(self.store.lease.me);
        let (name, value) =
            (RecordName::Session(self.id), record::encode(self.opening, holder, kept));
        self.store.calls.put(name, expected, value, self.store.attached_ttl()).await
    }

    /// It is written, at this revision.
    fn attach(mut self, listener: Arc<dyn TakeoverListener>, revision: Revision) -> Session {
        let (store, fence) = (self.store.clone(), self.opening.fence(self.id));
        if let Some(kept) = self.kept.take() {
            let mut entry = Entry::new(self.opening, kept, Phase::Attached(listener));
            entry.revision = Some(revision);
            store.know(self.id, entry);
        }
        Session::new(store, fence)
    }

    /// It is certainly not written.
    fn cancel(mut self) {
        (self.kept, self.loser) = (None, None);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(loser) = self.loser {
            let notice = Notice { id: self.id, generation: self.opening.generation };
            self.store.notices.add(loser, &[notice]);
        }
        if let Some(kept) = self.kept.take() {
            self.store.know_abandoned(self.id, self.opening, kept);
        }
    }
}
