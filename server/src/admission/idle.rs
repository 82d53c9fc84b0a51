//! HTTP connections, and which of them is closed for a new one: the one that has sent nothing for
//! longest, of the address with most of them.
//!
//! Addresses stand in one of two orders: *ripe* ones, whose longest idle connection may be closed,
//! by how many connections they have, and the others by when they get ripe. What a connection sends
//! only moves a number in its [`Visitor`]; the orders are put right when it comes to the front. So
//! each operation costs the logarithm of the connections, with what was sent before.

use hub::clock::Micros;
use slab::Slab;
use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// A connection is idle if it has sent nothing for this long.
pub(super) const LEAST: Duration = Duration::from_secs(1);

/// The network of an address; `None`: a Unix socket.
pub(super) type Origin = Option<IpAddr>;

/// An HTTP connection, as its task and the one that may close it see it.
#[derive(Debug)]
pub(crate) struct Visitor {
    heard: AtomicU64,
    closing: Notify,
}

impl Visitor {
    /// It has sent something.
    pub(crate) fn hear(&self, now: Micros) {
        self.heard.store(now.0, Relaxed);
    }

    fn heard(&self) -> Micros {
        Micros(self.heard.load(Relaxed))
    }

    pub(super) fn close(&self) {
        self.closing.notify_one();
    }

    /// Waits until it has to close for others. For one task at a time. Cancel-safe.
    pub(crate) async fn closing(&self) {
        self.closing.notified().await;
    }
}

/// All HTTP connections.
#[derive(Debug, Default)]
pub(super) struct Idle {
    entries: Slab<Entry>,
    origins: HashMap<Origin, OfOrigin>,
    ripe: BTreeSet<Rank>,
    unripe: BTreeSet<(Micros, Origin)>,
}

#[derive(Debug)]
struct Entry {
    origin: Origin,
    visitor: Arc<Visitor>,
    /// When it was heard, as its place in the order knows; `None`: it was told to close, and
    /// stands in no order.
    heard: Option<Micros>,
}

/// Which ripe address comes first, at the end of the order: the one with most connections; of those
/// with as many, the one whose connection has been idle for longest.
type Rank = (usize, Reverse<Micros>, Origin);

#[derive(Debug, Default)]
struct OfOrigin {
    by_heard: BTreeSet<(Micros, usize)>,
    standing: Standing,
}

#[derive(Debug, Default, Clone, Copy)]
enum Standing {
    #[default]
    Nowhere,
    Ripe(Rank),
    Unripe(Micros),
}

impl Idle {
    /// How many there are, with those that were told to close.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// One more, heard just now.
    pub(super) fn add(&mut self, origin: Origin, now: Micros) -> (usize, Arc<Visitor>) {
        let visitor = Arc::new(Visitor { heard: AtomicU64::new(now.0), closing: Notify::new() });
        let key = self.entries.insert(Entry { origin, visitor: visitor.clone(), heard: Some(now) });
        self.origins.entry(origin).or_default().by_heard.insert((now, key));
        self.rank(origin, now);
        (key, visitor)
    }

    /// It has ended.
    pub(super) fn remove(&mut self, key: usize, now: Micros) {
        let Entry { origin, heard, .. } = self.entries.remove(key);
        if let Some(heard) = heard {
            self.forget(origin, (heard, key), now);
        }
    }

    /// The one to be closed; it still counts until it is removed.
    ///
    /// # Errors
    /// All have sent something within [`LEAST`]. When the first of them gets idle if it sends
    /// nothing; `None`: there is none.
    pub(super) fn take_longest_idle(
        &mut self,
        now: Micros,
    ) -> Result<Arc<Visitor>, Option<Micros>> {
        loop {
            self.ripen(now);
            let Some((_, _, origin)) = self.ripe.last().copied() else {
                return Err(self.unripe.first().map(|(ripe, _)| *ripe));
            };
            let Some((known, key)) =
                self.origins.get(&origin).and_then(|of| of.by_heard.first()).copied()
            else {
                unreachable!("an address without connections is in no order")
            };
            let entry = &mut self.entries[key];
            let heard = entry.visitor.heard();
            if heard == known {
                entry.heard = None;
                let visitor = entry.visitor.clone();
                self.forget(origin, (known, key), now);
                return Ok(visitor);
            }
            entry.heard = Some(heard);
            if let Some(of) = self.origins.get_mut(&origin) {
                of.by_heard.remove(&(known, key));
                of.by_heard.insert((heard, key));
            }
            self.rank(origin, now);
        }
    }

    fn forget(&mut self, origin: Origin, connection: (Micros, usize), now: Micros) {
        if let Some(of) = self.origins.get_mut(&origin) {
            of.by_heard.remove(&connection);
        }
        self.rank(origin, now);
    }

    fn ripen(&mut self, now: Micros) {
        while let Some((ripe, origin)) = self.unripe.first().copied()
            && ripe <= now
        {
            self.rank(origin, now);
        }
    }

    /// Puts an address where it belongs.
    fn rank(&mut self, origin: Origin, now: Micros) {
        let Some(of) = self.origins.get_mut(&origin) else { return };
        match of.standing {
            Standing::Nowhere => {}
            Standing::Ripe(rank) => drop(self.ripe.remove(&rank)),
            Standing::Unripe(ripe) => drop(self.unripe.remove(&(ripe, origin))),
        }
        let Some((heard, _)) = of.by_heard.first().copied() else {
            self.origins.remove(&origin);
            return;
        };
        let ripe = heard.after(LEAST);
        if ripe <= now {
            let rank = (of.by_heard.len(), Reverse(heard), origin);
            of.standing = Standing::Ripe(rank);
            self.ripe.insert(rank);
        } else {
            of.standing = Standing::Unripe(ripe);
            self.unripe.insert((ripe, origin));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000;

    fn origin(n: u8) -> Origin {
        Some(IpAddr::from([192, 0, 2, n]))
    }

    #[test]
    fn the_longest_idle_of_the_address_with_most() {
        let mut idle = Idle::default();
        let at = |seconds| Micros(seconds * SECOND);
        let (_, first_of_few) = idle.add(origin(1), at(0));
        let (_, first) = idle.add(origin(2), at(1));
        let (_, second) = idle.add(origin(2), at(2));
        let (_, busy) = idle.add(origin(2), at(0));
        busy.hear(at(9));
        let mut take =
            |now| idle.take_longest_idle(now).map_err(|ripe| ripe.map(|ripe| ripe.0 / SECOND));
        assert!(Arc::ptr_eq(&take(at(9)).unwrap(), &first));
        assert!(Arc::ptr_eq(&take(at(9)).unwrap(), &second), "two against one");
        assert!(
            Arc::ptr_eq(&take(at(9)).unwrap(), &first_of_few),
            "its address has no idle one left"
        );
        assert_eq!(take(at(9)).unwrap_err(), Some(10));
        assert!(Arc::ptr_eq(&take(at(10)).unwrap(), &busy));
        assert_eq!(take(at(99)).unwrap_err(), None);
    }

    #[test]
    fn what_was_told_to_close_counts_until_it_has_ended() {
        let mut idle = Idle::default();
        let (key, _) = idle.add(None, Micros(0));
        idle.take_longest_idle(Micros(SECOND)).unwrap();
        assert_eq!(idle.len(), 1);
        idle.remove(key, Micros(SECOND));
        assert!(
            idle.len() == 0
                && idle.origins.is_empty()
                && idle.ripe.is_empty()
                && idle.unripe.is_empty()
        );
    }

    #[derive(Debug, Clone)]
    enum Step {
        Add(u8),
        Hear(prop::sample::Index),
        Remove(prop::sample::Index),
        Take,
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0u8..5).prop_map(Step::Add),
            any::<prop::sample::Index>().prop_map(Step::Hear),
            any::<prop::sample::Index>().prop_map(Step::Remove),
            Just(Step::Take),
            (1..SECOND).prop_map(Step::Wait),
        ];
        prop::collection::vec(step, 0..100)
    }

    /// One connection of the model.
    struct Known {
        key: usize,
        origin: Origin,
        visitor: Arc<Visitor>,
        is_closing: bool,
    }

    proptest! {
        /// Whatever happens before: the same as if all of them were looked at.
        #[test]
        fn as_if_all_were_looked_at(steps in steps()) {
            let mut idle = Idle::default();
            let mut known: Vec<Known> = Vec::new();
            let mut now = Micros(0);
            for step in steps {
                match step {
                    Step::Add(n) => {
                        let (key, visitor) = idle.add(origin(n), now);
                        known.push(Known { key, origin: origin(n), visitor, is_closing: false });
                    }
                    Step::Hear(index) if !known.is_empty() => index.get(&known).visitor.hear(now),
                    Step::Remove(index) if !known.is_empty() => {
                        let gone = known.swap_remove(index.index(known.len()));
                        idle.remove(gone.key, now);
                    }
                    Step::Hear(_) | Step::Remove(_) => {}
                    Step::Wait(micros) => now.0 += micros,
                    Step::Take => {
                        let open: Vec<&Known> = known.iter().filter(|one| !one.is_closing).collect();
                        let of = |origin| open.iter().filter(|one| one.origin == origin).count();
                        let is_idle = |one: &&&Known| one.visitor.heard().after(LEAST) <= now;
                        let best = open.iter().filter(is_idle).map(|one| (of(one.origin), Reverse(one.visitor.heard()))).max();
                        match idle.take_longest_idle(now) {
                            Ok(taken) => {
                                let taken = known.iter_mut().find(|one| Arc::ptr_eq(&one.visitor, &taken)).unwrap();
                                prop_assert!(!taken.is_closing);
                                taken.is_closing = true;
                                let (origin, heard) = (taken.origin, taken.visitor.heard());
                                let count = known.iter().filter(|one| one.origin == origin && !one.is_closing).count() + 1;
                                prop_assert_eq!(best, Some((count, Reverse(heard))));
                            }
                            Err(ripe) => {
                                prop_assert_eq!(best, None);
                                prop_assert_eq!(ripe.is_none(), open.is_empty());
                                prop_assert!(ripe.is_none_or(|ripe| ripe > now && open.iter().all(|one| ripe <= one.visitor.heard().after(LEAST))));
                            }
                        }
                    }
                }
                prop_assert_eq!(idle.len(), known.len());
            }
        }
    }
}
