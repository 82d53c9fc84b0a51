//! Patterns of topics: a pattern is printed as it was written, and matches what a comparison by
//! recursion matches.
//!
//! The input's first line is the pattern; the rest is the topic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use micro_socket::access::Pattern;

/// Whether the segments of a topic match those of a pattern, by definition.
fn matches(pattern: &[&str], topic: &[&str]) -> bool {
    match (pattern, topic) {
        ([">"], rest) => !rest.is_empty(),
        ([], []) => true,
        ([wanted, pattern @ ..], [segment, topic @ ..]) => {
            (*wanted == "*" || wanted == segment) && matches(pattern, topic)
        }
        _ => false,
    }
}

fuzz_target!(|input: &str| {
    let (text, topic) = input.split_once('\n').unwrap_or((input, ""));
    let Some(pattern) = Pattern::parse(text) else { return };
    assert_eq!(pattern.to_string(), text);
    let (wanted, found): (Vec<_>, Vec<_>) = (text.split('.').collect(), topic.split('.').collect());
    assert_eq!(pattern.matches(topic), matches(&wanted, &found), "{text:?} {topic:?}");
});
