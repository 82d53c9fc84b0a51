//! The last things that happened in a schedule, printed where it fails, with the seed that runs it
//! again.

use std::{collections::VecDeque, thread};

const LINES: usize = 2000;

/// Writing everything down takes a fifth of a schedule's time: only who looks for a reason wants
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Off,
    On,
}

pub(super) struct Report {
    detail: Detail,
    seed: u64,
    lines: VecDeque<String>,
}

impl Report {
    pub(super) fn new(detail: Detail, seed: u64) -> Self {
        Self { detail, seed, lines: VecDeque::new() }
    }

    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.detail == Detail::Off {
            return;
        }
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line());
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.detail == Detail::On && thread::panicking() {
            let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
            eprintln!("{}\nSIMULATION_SEED={} runs this again", lines.join("\n"), self.seed);
        }
    }
}
