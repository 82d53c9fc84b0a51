//! Allocations for each publish, delivery, subscription and replay.

use crate::work;

const TIMES: u64 = 1000;

/// Allocations of one run, after as many runs as warm-up.
fn of(name: &str, size: usize) -> f64 {
    let mut run = work::of(name, size);
    (0..TIMES).for_each(|_| run());
    let counted = allocation_counter::measure(|| (0..TIMES).for_each(|_| run()));
    counted.count_total as f64 / TIMES as f64
}

#[test]
fn nothing_is_allocated_to_understand_a_publish_or_to_write_a_message() {
    assert_eq!((of("parse", 1), of("encode", 1)), (0.0, 0.0));
}

#[test]
fn a_publish() {
    let (one, many) = (of("publish", 1), of("publish", 1000));
    // One allocation is the claim's message id; the rest are structures that grow: history, claims.
    assert!((1.0..1.5).contains(&one), "{one}");
    assert!((1.0..3.0).contains(&many), "{many}");
}

#[test]
fn a_pass_needs_the_same_for_few_and_for_many() {
    let (few, many) = (of("deliver", 10), of("deliver", 1000));
    assert!(few <= 4.0, "{few}");
    assert_eq!(few, many);
}

#[test]
fn a_subscription_is_one() {
    assert_eq!((of("churn", 10), of("churn", 100)), (1.0, 1.0));
}

#[test]
fn a_replay_needs_none_for_its_messages() {
    assert!(of("replay", 1) <= 2.0, "{}", of("replay", 1));
}
