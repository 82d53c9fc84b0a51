use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

fn place(seq_no: u64) -> Place {
    Place { topic: Arc::new(Name::new("t").unwrap()), seq_no }
}

/// Publishes, at this place. Gives the first one's place if it is a repeat.
fn once(dedup: &Dedup, user: &str, id: &str, seq_no: u64) -> Option<Place> {
    counted(dedup, user, Counted::ForUser, id, seq_no)
}

fn counted(dedup: &Dedup, user: &str, counted: Counted, id: &str, seq_no: u64) -> Option<Place> {
    let id = MessageId::new(id.to_owned()).unwrap();
    let publish = || Ok::<_, ()>(((), Some(place(seq_no))));
    match dedup.claim(user, counted, &id, dedup.now(), publish).unwrap() {
        Claim::First(()) => None,
        Claim::Duplicate(place) => Some(place),
        Claim::UnderWay(_) => panic!("it is under way"),
    }
}

fn expire(dedup: &Dedup) {
    while dedup.expire_some() {}
}

const LIMITS: Limits =
    Limits { window: Duration::from_secs(120), max_keys: 1000, max_keys_per_user: 1000 };

#[tokio::test(start_paused = true)]
async fn the_window_is_exact() {
    let dedup = Dedup::new(LIMITS, Clock::start());
    assert_eq!(once(&dedup, "u", "m", 1), None);
    tokio::time::advance(LIMITS.window).await;
    assert_eq!(once(&dedup, "u", "m", 2), Some(place(1)));
    tokio::time::advance(Duration::from_micros(1)).await;
    assert_eq!(once(&dedup, "u", "m", 3), None);
    tokio::time::advance(LIMITS.window * 2).await;
    expire(&dedup);
    assert!(dedup.is_empty());
}

#[test]
fn a_publish_that_failed_leaves_no_claim() {
    let dedup = Dedup::new(LIMITS, Clock::start());
    let (user, id) = ("u", MessageId::new("m").unwrap());
    let refuse = || Err::<((), _), _>("refused");
    let claim = dedup.claim(user, Counted::ForUser, &id, dedup.now(), refuse);
    assert_eq!(claim.unwrap_err(), "refused");
    assert_eq!(once(&dedup, "u", "m", 1), None);
}

/// Begins a publish whose fate is known later.
fn lease(dedup: &Arc<Dedup>, id: &str) -> Claim<Lease> {
    let id = MessageId::new(id.to_owned()).unwrap();
    let publish = || Ok::<_, ()>((dedup.lease("u", &id), None));
    dedup.claim("u", Counted::ForUser, &id, dedup.now(), publish).unwrap()
}

fn first(dedup: &Arc<Dedup>, id: &str) -> Lease {
    match lease(dedup, id) {
        Claim::First(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_repeat_waits_for_the_fate_of_the_first() {
    let dedup = Arc::new(Dedup::new(LIMITS, Clock::start()));
    let held = first(&dedup, "m");
    let Claim::UnderWay(completion) = lease(&dedup, "m") else { panic!("it is under way") };
    let mut known = std::pin::pin!(completion.wait());
    assert!(futures_util::poll!(&mut known).is_pending());
    held.stored(place(7));
    known.await;
    assert!(matches!(lease(&dedup, "m"), Claim::Duplicate(found) if found == place(7)));
    assert_eq!(once(&dedup, "u", "m", 8), Some(place(7)));
}

#[test]
fn what_was_refused_is_free_and_what_is_unknown_is_asked_for_again() {
    let dedup = Arc::new(Dedup::new(LIMITS, Clock::start()));
    first(&dedup, "refused").refused();
    assert!(dedup.is_empty());
    drop(first(&dedup, "unknown"));
    assert_eq!(dedup.len(), 1, "a lease stays");
    first(&dedup, "unknown").stored(place(3));
    assert!(matches!(lease(&dedup, "unknown"), Claim::Duplicate(found) if found == place(3)));
}

#[tokio::test(start_paused = true)]
async fn a_fate_that_comes_after_the_window_claims_nothing() {
    let dedup = Arc::new(Dedup::new(LIMITS, Clock::start()));
    let late = first(&dedup, "m");
    tokio::time::advance(LIMITS.window * 2).await;
    expire(&dedup);
    assert!(dedup.is_empty());
    late.stored(place(1));
    assert!(dedup.is_empty());
}

#[tokio::test]
async fn whoever_waits_for_a_claim_that_was_pushed_out_goes_on() {
    let dedup = Arc::new(Dedup::new(Limits { max_keys_per_user: 1, ..LIMITS }, Clock::start()));
    let _held = first(&dedup, "m");
    let Claim::UnderWay(completion) = lease(&dedup, "m") else { panic!("it is under way") };
    let _other = first(&dedup, "other");
    completion.wait().await;
    assert_eq!(dedup.len(), 1);
}

#[test]
fn two_at_once_get_exactly_one_ok() {
    let dedup = Dedup::new(LIMITS, Clock::start());
    let firsts: usize = std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..4)
            .map(|p| {
                let dedup = &dedup;
                scope.spawn(move || {
                    (0..200).filter(|i| once(dedup, "u", &i.to_string(), p).is_none()).count()
                })
            })
            .collect();
        publishers.into_iter().map(|p| p.join().unwrap()).sum()
    });
    assert_eq!(firsts, 200);
}

#[tokio::test(start_paused = true)]
async fn what_expires_all_at_once_goes_in_pieces() {
    let dedup = Dedup::new(
        Limits { max_keys: 10_000, max_keys_per_user: 10_000, ..LIMITS },
        Clock::start(),
    );
    (0..2000).for_each(|id| drop(once(&dedup, "u", &id.to_string(), id)));
    tokio::time::advance(LIMITS.window + Duration::from_micros(1)).await;
    assert_eq!(
        once(&dedup, "u", "1000", 1),
        None,
        "what has expired is not found, though it is there"
    );
    let mut left = dedup.len();
    assert_eq!(left, 2001 - ON_THE_WAY);
    while dedup.expire_some() {
        assert_eq!(left - dedup.len(), SLICE, "a piece: one user's claims are in one shard");
        left = dedup.len();
    }
    assert_eq!((dedup.len(), dedup.dropped()), (1, 0));
}

/// A claim as a plain list knows it.
struct Known {
    user: u8,
    id: u8,
    counted: Counted,
    seq_no: u64,
    time: u64,
}

/// The same as a plain list, oldest first.
#[derive(Default)]
struct Model {
    known: VecDeque<Known>,
    dropped: u64,
}

impl Model {
    fn once(&mut self, claim: Known, limits: Limits) -> Option<u64> {
        let (user, id, counted, now) = (claim.user, claim.id, claim.counted, claim.time);
        self.known.retain(|known| known.time + limits.window.as_millis() as u64 >= now);
        if let Some(found) = self.known.iter().find(|known| (known.user, known.id) == (user, id)) {
            return Some(found.seq_no);
        }
        let of_share = |known: &Known| known.user == user && known.counted == Counted::ForUser;
        if counted == Counted::ForUser
            && self.known.iter().filter(|known| of_share(known)).count() == limits.max_keys_per_user
        {
            let first = self.known.iter().position(of_share).unwrap();
            self.known.remove(first);
            self.dropped += 1;
        }
        self.known.push_back(claim);
        if self.known.len() > limits.max_keys {
            self.known.pop_front();
            self.dropped += 1;
        }
        None
    }
}

proptest! {
    /// Time moves with each step, so that "the oldest" is one claim.
    #[test]
    fn the_same_as_a_plain_list(
        steps in prop::collection::vec((0u8..4, 0u8..12, any::<bool>(), 1u64..30), 1..300),
        max_keys in 1usize..20, max_keys_per_user in 1usize..8, window in 1u64..400,
    ) {
        let limits = Limits { window: Duration::from_millis(window), max_keys, max_keys_per_user };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (dedup, mut model, mut time) = (Dedup::new(limits, Clock::start()), Model::default(), 0);
            for (seq_no, (user, id, of_backend, pause)) in (1..).zip(steps) {
                tokio::time::advance(Duration::from_millis(pause)).await;
                time += pause;
                let whose = if of_backend { Counted::ForAll } else { Counted::ForUser };
                let known = Known { user, id, counted: whose, seq_no, time };
                let expected = model.once(known, limits).map(place);
                prop_assert_eq!(counted(&dedup, &user.to_string(), whose, &id.to_string(), seq_no), expected);
                expire(&dedup);
                prop_assert_eq!((dedup.len(), dedup.dropped()), (model.known.len(), model.dropped));
                let oldest = model.known.front().map_or(0, |known| time - known.time);
                prop_assert_eq!(dedup.oldest(), Duration::from_millis(oldest));
            }
            Ok(())
        })?;
    }
}
