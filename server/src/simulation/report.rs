//! The last things that happened in a schedule, printed where it fails, with the seed that runs it again.

use std::{collections::VecDeque, thread};

const LINES: usize = 60;

pub(super) struct Report {
    seed: u64,
    lines: VecDeque<String>,
}

impl Report {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, lines: VecDeque::new() }
    }

    pub(super) fn note(&mut self, line: String) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if thread::panicking() {
            let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
            eprintln!("{}\nSIMULATION_SEED={} runs this again", lines.join("\n"), self.seed);
        }
    }
}
