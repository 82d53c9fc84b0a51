//! The numbers of passed and failed tests, read from the last lines of the test programs.

use std::{fmt, ops::Add, process::ExitStatus};

/// The numbers of passed and failed tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Tally {
    /// A check that is no test, such as the formatting, has passed.
    pub(super) const SUCCESS: Self = Self { passed: 1, failed: 0 };
    /// A check that is no test has failed, or could not be run.
    pub(super) const FAILURE: Self = Self { passed: 0, failed: 1 };

    /// The counts of a program that runs tests. No test counts as a failure.
    pub(super) fn of(status: ExitStatus, lines: &[String]) -> Self {
        let counted = Self::of_any(status, lines);
        if counted == Self::default() { Self::FAILURE } else { counted }
    }

    /// The counts of a program that may have no test to run. A failed exit status counts as a
    /// failure, whatever was printed.
    pub(super) fn of_any(status: ExitStatus, lines: &[String]) -> Self {
        let counted = lines.iter().map(|line| Self::in_line(line)).fold(Self::default(), Add::add);
        if counted.failed == 0 && !status.success() { counted + Self::FAILURE } else { counted }
    }

    /// The counts in one line, if it is a summary: cargo's and wasm-bindgen's `test result: …`,
    /// nextest's `Summary [ 1.2s] 3 tests run: …`, and Playwright's, which consist of the counts
    /// alone.
    fn in_line(line: &str) -> Self {
        let line = line.trim();
        let Some(counts) = line
            .strip_prefix("test result:")
            .or_else(|| {
                line.strip_prefix("Summary [").and_then(|rest| Some(rest.split_once("run:")?.1))
            })
            .or_else(|| is_playwright(line).then_some(line))
        else {
            return Self::default();
        };
        Self {
            passed: count(counts, &["passed"]),
            failed: count(counts, &["failed", "timed", "flaky", "interrupted", "did"]),
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// `3 passed (2.1s)`, `1 failed`, `1 flaky`, `2 interrupted`, `4 did not run`.
fn is_playwright(line: &str) -> bool {
    let mut words = line.split(' ');
    words.next().is_some_and(|word| word.parse::<u64>().is_ok())
        && match words.next() {
            Some("passed") => words.next().is_none_or(|time| time.starts_with('(')),
            Some("failed" | "flaky" | "interrupted") => words.next().is_none(),
            Some("did") => words.eq(["not", "run"]),
            _ => false,
        }
}

/// The sum of the numbers that precede any of the words.
fn count(line: &str, words: &[&str]) -> u64 {
    let line: Vec<_> = line
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    line.windows(2)
        .filter(|pair| words.contains(&pair[1]))
        .filter_map(|pair| pair[0].parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(line: &str) -> (u64, u64) {
        let tally = Tally::in_line(line);
        (tally.passed, tally.failed)
    }

    #[test]
    fn reads_cargo_and_wasm_bindgen() {
        assert_eq!(
            counts(
                "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s"
            ),
            (12, 2)
        );
    }

    #[test]
    fn reads_nextest() {
        assert_eq!(
            counts("     Summary [   0.512s] 3 tests run: 3 passed (1 slow), 2 skipped"),
            (3, 0)
        );
        assert_eq!(
            counts(
                "     Summary [  65.512s] 9/12 tests run: 6 passed, 1 failed, 2 timed out, 0 skipped"
            ),
            (6, 3)
        );
    }

    #[test]
    fn reads_playwright() {
        assert_eq!(counts("  3 passed (2.1s)"), (3, 0));
        assert_eq!(counts("  1 failed"), (0, 1));
        assert_eq!(counts("  2 flaky"), (0, 2));
        assert_eq!(counts("  4 did not run"), (0, 4));
    }

    #[test]
    fn counts_nothing_in_other_lines() {
        assert_eq!(counts("7 passed the post"), (0, 0));
        assert_eq!(counts("test tally::tests::reads_nextest ... ok"), (0, 0));
        assert_eq!(counts("1 failed attempt to connect"), (0, 0));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_failed_or_ran_nothing_has_a_failure() {
        use std::os::unix::process::ExitStatusExt;

        let (good, bad) = (ExitStatus::from_raw(0), ExitStatus::from_raw(256));
        let passed = ["3 passed (1s)".to_owned()];
        let failed = ["1 failed".to_owned()];
        assert_eq!(Tally::of(good, &passed), Tally { passed: 3, failed: 0 });
        assert_eq!(Tally::of(bad, &passed), Tally { passed: 3, failed: 1 });
        assert_eq!(Tally::of(bad, &failed), Tally { passed: 0, failed: 1 });
        assert_eq!(Tally::of(good, &[]), Tally { passed: 0, failed: 1 });
        assert_eq!(Tally::of_any(good, &[]), Tally::default());
        assert_eq!(Tally::of_any(bad, &[]), Tally { passed: 0, failed: 1 });
    }
}
