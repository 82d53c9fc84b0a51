use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

fn place(seq_no: u64) -> Place {
    Place { topic: Arc::new(Name::new("t").unwrap()), seq_no }
}

fn once(dedup: &Dedup, user: &str, id: &str, seq_no: u64) -> Result<Claim<()>, &'static str> {
    dedup.once(user, &MessageId::new(id.to_owned()).unwrap(), dedup.clock.now(), || Ok(((), place(seq_no))))
}

const LIMITS: Limits = Limits { window: Duration::from_secs(120), max_keys: 1000, max_keys_per_user: 1000 };

#[tokio::test(start_paused = true)]
async fn the_window_is_exact() {
    let dedup = Dedup::new(LIMITS, Clock::start());
    assert_eq!(once(&dedup, "u", "m", 1), Ok(Claim::First(())));
    tokio::time::advance(LIMITS.window).await;
    assert_eq!(once(&dedup, "u", "m", 2), Ok(Claim::Duplicate(place(1))));
    tokio::time::advance(Duration::from_micros(1)).await;
    assert_eq!(once(&dedup, "u", "m", 3), Ok(Claim::First(())));
    tokio::time::advance(LIMITS.window * 2).await;
    dedup.expire();
    assert!(dedup.is_empty());
}

#[test]
fn a_publish_that_failed_leaves_no_claim() {
    let dedup = Dedup::new(LIMITS, Clock::start());
    let (user, id) = ("u", MessageId::new("m").unwrap());
    assert_eq!(dedup.once(user, &id, dedup.clock.now(), || Err::<((), Place), _>("refused")), Err("refused"));
    assert_eq!(once(&dedup, "u", "m", 1), Ok(Claim::First(())));
}

fn lease(dedup: &Arc<Dedup>, id: &str) -> Leased {
    dedup.lease("u", &MessageId::new(id.to_owned()).unwrap())
}

fn first(dedup: &Arc<Dedup>, id: &str) -> Lease {
    match lease(dedup, id) {
        Leased::First(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_repeat_waits_for_the_fate_of_the_first() {
    let dedup = Arc::new(Dedup::new(LIMITS, Clock::start()));
    let held = first(&dedup, "m");
    let Leased::UnderWay(fate) = lease(&dedup, "m") else { panic!("it is under way") };
    let mut known = std::pin::pin!(fate.come());
    assert!(futures_util::poll!(&mut known).is_pending());
    held.stored(place(7));
    known.await;
    assert!(matches!(lease(&dedup, "m"), Leased::Duplicate(found) if found == place(7)));
    assert_eq!(once(&dedup, "u", "m", 8), Ok(Claim::Duplicate(place(7))));
}

#[test]
fn what_was_refused_is_free_and_what_is_unknown_is_asked_for_again() {
    let dedup = Arc::new(Dedup::new(LIMITS, Clock::start()));
    first(&dedup, "refused").refused();
    assert!(dedup.is_empty());
    drop(first(&dedup, "unknown"));
    assert_eq!(dedup.len(), 1, "a lease stays");
    first(&dedup, "unknown").stored(place(3));
    assert!(matches!(lease(&dedup, "unknown"), Leased::Duplicate(found) if found == place(3)));
}

#[tokio::test(start_paused = true)]
async fn a_fate_that_comes_after_the_window_claims_nothing() {
    let dedup = Arc::new(Dedup::new(LIMITS, Clock::start()));
    let late = first(&dedup, "m");
    tokio::time::advance(LIMITS.window * 2).await;
    dedup.expire();
    assert!(dedup.is_empty());
    late.stored(place(1));
    assert!(dedup.is_empty());
}

#[tokio::test]
async fn whoever_waits_for_a_claim_that_was_pushed_out_goes_on() {
    let dedup = Arc::new(Dedup::new(Limits { max_keys_per_user: 1, ..LIMITS }, Clock::start()));
    let _held = first(&dedup, "m");
    let Leased::UnderWay(fate) = lease(&dedup, "m") else { panic!("it is under way") };
    let _other = first(&dedup, "other");
    fate.come().await;
    assert_eq!(dedup.len(), 1);
}

#[test]
fn two_at_once_get_exactly_one_ok() {
    let dedup = Dedup::new(LIMITS, Clock::start());
    let firsts: usize = std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..4)
            .map(|p| {
                let dedup = &dedup;
                scope.spawn(move || (0..200).filter(|i| once(dedup, "u", &i.to_string(), p) == Ok(Claim::First(()))).count())
            })
            .collect();
        publishers.into_iter().map(|p| p.join().unwrap()).sum()
    });
    assert_eq!(firsts, 200);
}

/// The same as a plain list of (user, id, place, time), oldest first.
#[derive(Default)]
struct Model(VecDeque<(u8, u8, u64, u64)>);

impl Model {
    fn once(&mut self, (user, id): (u8, u8), seq_no: u64, now: u64, limits: Limits) -> Option<u64> {
        self.0.retain(|claim| claim.3 + limits.window.as_millis() as u64 >= now);
        if let Some(found) = self.0.iter().find(|claim| (claim.0, claim.1) == (user, id)) {
            return Some(found.2);
        }
        if self.0.iter().filter(|claim| claim.0 == user).count() == limits.max_keys_per_user {
            let first = self.0.iter().position(|claim| claim.0 == user).unwrap();
            self.0.remove(first);
        }
        self.0.push_back((user, id, seq_no, now));
        if self.0.len() > limits.max_keys {
            self.0.pop_front();
        }
        None
    }
}

proptest! {
    /// Time moves with each step, so that "the oldest" is one claim.
    #[test]
    fn the_same_as_a_plain_list(
        steps in prop::collection::vec((0u8..4, 0u8..12, 1u64..30), 1..300),
        max_keys in 1usize..20, max_keys_per_user in 1usize..8, window in 1u64..400,
    ) {
        let limits = Limits { window: Duration::from_millis(window), max_keys, max_keys_per_user };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (dedup, mut model, mut now) = (Dedup::new(limits, Clock::start()), Model::default(), 0);
            for (seq_no, (user, id, pause)) in (1..).zip(steps) {
                tokio::time::advance(Duration::from_millis(pause)).await;
                now += pause;
                let expected = model.once((user, id), seq_no, now, limits).map_or(Claim::First(()), |seq| Claim::Duplicate(place(seq)));
                prop_assert_eq!(once(&dedup, &user.to_string(), &id.to_string(), seq_no), Ok(expected));
                dedup.expire();
                prop_assert_eq!(dedup.len(), model.0.len());
            }
            Ok(())
        })?;
    }
}
