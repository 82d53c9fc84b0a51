//! Times, durations and sizes as text. A moment is a number of milliseconds since 1970 (UTC), as
//! the browser gives it.

const DAY: i64 = 86_400_000;

/// The time of day in two parts: hours and minutes, then what changes (`06.723`). `offset` is the
/// value of the browser's `getTimezoneOffset`: minutes from local time to UTC.
pub(crate) fn time_of_day(moment: f64, offset: f64) -> (String, String) {
    let local = (moment - offset * 60_000.0).floor() as i64;
    let ms = local.rem_euclid(DAY);
    let (minutes, rest) = (ms / 60_000, ms % 60_000);
    (
        format!("{:02}:{:02}:", minutes / 60, minutes % 60),
        format!("{:02}.{:03}", rest / 1000, rest % 1000),
    )
}

/// ISO 8601 in UTC, for machines.
pub(crate) fn iso(moment: f64) -> String {
    let ms = moment.floor() as i64;
    let (year, month, day) = civil(ms.div_euclid(DAY));
    let (before, after) = time_of_day(moment, 0.0);
    format!("{year:04}-{month:02}-{day:02}T{before}{after}Z")
}

/// The date of a day counted from 1970-01-01 (Gregorian), after Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A duration in milliseconds, with as many digits as matter.
pub(crate) fn duration(ms: f64) -> String {
    match ms {
        _ if ms < 9.95 => format!("{} ms", tenths(ms)),
        _ if ms < 999.5 => format!("{} ms", whole(ms)),
        _ if ms < 99_950.0 => format!("{} s", tenths(ms / 1000.0)),
        _ => format!("{} min", whole(ms / 60_000.0)),
    }
}

/// A number that is not negative, rounded to one decimal. Written by hand because the code of
/// `{:.1}` takes 2 KB of the page (compressed).
pub(crate) fn tenths(number: f64) -> String {
    let tenths = (number * 10.0).round() as u64;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A number that is not negative, rounded to a whole one.
pub(crate) fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// A number of bytes.
pub(crate) fn size(bytes: usize) -> String {
    const KIB: f64 = 1024.0;
    let exact = bytes as f64;
    let unit = |value: f64, unit: &str| {
        if value.fract() > 0.0 && value < 99.95 {
            format!("{} {unit}", tenths(value))
        } else {
            format!("{} {unit}", whole(value))
        }
    };
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => unit(exact / KIB, "KiB"),
        _ => unit(exact / KIB / KIB, "MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_and_iso_is_not() {
        let moment = 1_700_000_000_123.4;
        assert_eq!(time_of_day(moment, 0.0), ("22:13:".into(), "20.123".into()));
        assert_eq!(time_of_day(moment, -180.0), ("01:13:".into(), "20.123".into()));
        assert_eq!(iso(moment), "2023-11-14T22:13:20.123Z");
        assert_eq!(iso(951_782_400_000.0), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso(0.0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn durations_and_sizes_keep_what_says_something() {
        let durations = [0.04, 0.84, 9.96, 12.3, 1234.0, 200_000.0].map(duration);
        assert_eq!(durations, ["0.0 ms", "0.8 ms", "10 ms", "12 ms", "1.2 s", "3 min"]);
        let sizes = [0, 1023, 1024, 65_536, 1536, 150_000, 5 << 20].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1 KiB", "64 KiB", "1.5 KiB", "146 KiB", "5 MiB"]);
    }
}
