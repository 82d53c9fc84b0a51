//! The parser of a client's frames and of messages that a backend posts: it refuses or accepts any
//! text without a panic, and a limit on nesting only ever refuses more.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{ClientFrame, Posted};

/// A limit that inputs reach.
const DEPTH: usize = 4;

/// Any number of levels.
const NO_LIMIT: usize = 0;

fuzz_target!(|text: &str| {
    let limited = ClientFrame::parse_within(text, DEPTH);
    let unlimited = ClientFrame::parse_within(text, NO_LIMIT);
    if limited.is_ok() {
        assert_eq!(limited, unlimited, "a frame within the limit is read as without one");
    }
    if let Err(rejected) = unlimited {
        assert!(!rejected.message.is_empty(), "a refusal has a reason");
    }
    let limited = Posted::parse_within(text, DEPTH).map(|posted| format!("{posted:?}"));
    let unlimited = Posted::parse_within(text, NO_LIMIT).map(|posted| format!("{posted:?}"));
    if limited.is_ok() {
        assert_eq!(limited, unlimited, "a message within the limit is read as without one");
    }
});
