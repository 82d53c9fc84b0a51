//! Durations and sizes as people write them: `500ms`, `10s`, `2m`, `1h`; `64KiB`, `1MiB`, `512`
//! (bytes).

use std::time::Duration;

pub(super) const KIB: usize = 1 << 10;
pub(super) const MIB: usize = 1 << 20;
pub(super) const GIB: usize = 1 << 30;

/// Largest first, so that writing takes the largest unit that divides evenly.
const SIZES: [(&str, usize); 4] = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB), ("B", 1)];
const PERIODS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Bytes of `64KiB`, `512B` or `512`; `None` for anything else, fractions included.
pub(super) fn parse_size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let factor = match unit {
        "" => 1,
        unit => SIZES.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<usize>().ok()?.checked_mul(factor)
}

/// The shortest exact form that [`parse_size`] reads.
pub(super) fn show_size(bytes: usize) -> String {
    SIZES
        .iter()
        .find(|(_, factor)| bytes.is_multiple_of(*factor) && bytes >= *factor)
        .map_or_else(|| bytes.to_string(), |(name, factor)| format!("{}{name}", bytes / factor))
}

/// The duration of `500ms`, `10s`, `2m` or `1h`; a number without a unit is none.
#[must_use]
pub fn parse_period(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let factor = PERIODS.iter().find(|(name, _)| *name == unit)?.1;
    Some(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(factor)?))
}

/// The shortest exact form that [`parse_period`] reads, down to milliseconds.
pub(super) fn show_period(period: Duration) -> String {
    let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    PERIODS
        .iter()
        .find(|(_, factor)| millis.is_multiple_of(*factor) && millis >= *factor)
        .map_or_else(|| "0s".to_owned(), |(name, factor)| format!("{}{name}", millis / factor))
}

/// The digits at the front and what follows, spaces between them left out.
fn split(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (!number.is_empty()).then(|| (number, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in
            [("512", 512), ("512B", 512), ("64KiB", 65_536), ("1 MiB", MIB), ("2GiB", 2 * GIB)]
        {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "KiB",
            "64KB",
            "64kib",
            "1.5MiB",
            "-1",
            "+1",
            "99999999999999999999",
            "18014398509481984KiB",
        ] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn periods_are_read() {
        for (text, millis) in
            [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("1 h", 3_600_000), ("0s", 0)]
        {
            assert_eq!(parse_period(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "10",
            "s",
            "1.5s",
            "-1s",
            "1d",
            "10S",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert_eq!(parse_period(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(bytes: usize, millis in 0u64..u64::MAX) {
            prop_assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
            let period = Duration::from_millis(millis);
            prop_assert_eq!(parse_period(&show_period(period)), Some(period));
        }
    }
}
