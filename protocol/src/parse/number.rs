//! Whole numbers.

/// The number that `json` is, if it is whole, not negative and fits. JSON has no integers of its
/// own: `10`, `10.0`, `1e1` and `100e-1` are one number, and a schema's `integer` is each of them.
/// Read digit by digit, because a float would round.
pub(super) fn whole(json: &str) -> Option<u64> {
    json.parse().ok().or_else(|| whole_in_disguise(json))
}

fn whole_in_disguise(json: &str) -> Option<u64> {
    let (mantissa, exponent) = json.split_once(['e', 'E']).unwrap_or((json, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || before.trim_start_matches('-').bytes().chain(after.bytes());
    if !digits().all(|byte| byte.is_ascii_digit()) || digits().next().is_none() {
        return None;
    }
    if digits().all(|digit| digit == b'0') {
        return Some(0);
    }
    if before.starts_with('-') {
        return None;
    }
    let point = i64::try_from(before.len()).ok()?.checked_add(exponent.parse().ok()?)?;
    let mut number = 0_u64;
    for (place, digit) in (0..).zip(digits()) {
        match (place < point, digit - b'0') {
            (true, digit) => number = number.checked_mul(10)?.checked_add(digit.into())?,
            (false, 0) => {}
            (false, _) => return None,
        }
    }
    let missing = point.saturating_sub(i64::try_from(digits().count()).ok()?).max(0);
    number.checked_mul(10_u64.checked_pow(u32::try_from(missing).ok()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_number_is_the_same_in_each_of_its_forms() {
        for ten in [
            "10",
            "10.0",
            "1e1",
            "1E+1",
            "1.0e1",
            "100e-1",
            "0.1e2",
            "0.00001e6",
            "10.000e0",
            "1000000000000000000000e-20",
        ] {
            assert_eq!(whole(ten), Some(10), "{ten}");
        }
        for zero in
            ["0", "-0", "0.0", "-0.0", "0e0", "0e99999999999999999999", "-0e-99999999999999999999"]
        {
            assert_eq!(whole(zero), Some(0), "{zero}");
        }
        for other in [
            "1.5",
            "15e-1",
            "-1",
            "1e20",
            "1e99999999999999999999",
            "1e-1",
            "1e-99999999999999999999",
            "\"1\"",
            "null",
            "[1]",
            "{}",
        ] {
            assert_eq!(whole(other), None, "{other}");
        }
        assert_eq!(whole("18446744073709551615"), Some(u64::MAX));
        assert_eq!(whole("1844674407370955161.5e1"), Some(u64::MAX));
        assert_eq!(whole("1844674407370955161.6e1"), None);
    }

    proptest! {
        #[test]
        fn a_shifted_point_changes_nothing(number: u64, shift in 0..30_usize) {
            prop_assert_eq!(whole(&format!("{number}{}e-{shift}", "0".repeat(shift))), Some(number));
            prop_assert_eq!(whole(&format!("0.{}{number:020}e{}", "0".repeat(shift), shift + 20)), Some(number));
        }
    }
}
