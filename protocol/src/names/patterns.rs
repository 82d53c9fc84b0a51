//! Compares the schemas' patterns with the checks, using an engine of ECMAScript's regular
//! expressions: apart from lengths in bytes, both accept the same names.

use super::*;
use proptest::{prelude::*, test_runner::Config};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[cfg(not(target_arch = "wasm32"))]
fn fits(pattern: &str) -> impl Fn(&str) -> bool {
    let pattern = regress::Regex::with_flags(pattern, "u").unwrap();
    move |text| pattern.find(text).is_some()
}

#[cfg(target_arch = "wasm32")]
fn fits(pattern: &str) -> impl Fn(&str) -> bool {
    let pattern = js_sys::RegExp::new(pattern, "u");
    move |text| pattern.test(text)
}

fn characters() -> impl Iterator<Item = char> {
    (0..=u32::from(char::MAX)).filter_map(char::from_u32)
}

#[test]
fn every_character_is_taken_or_refused_by_both_wherever_it_stands() {
    let (topic, message_id, user_id, epoch) = (
        fits(Topic::PATTERN),
        fits(MessageId::PATTERN),
        fits(UserId::PATTERN),
        fits(Epoch::PATTERN),
    );
    for character in characters() {
        let alone = character.to_string();
        assert_eq!(topic(&alone), Topic::check(&alone).is_ok(), "{alone:?}");
        assert_eq!(message_id(&alone), MessageId::check(&alone).is_ok(), "{alone:?}");
        // Characters far from every boundary behave like their neighbours, so the other places and
        // names skip them.
        if character < '\u{3100}' || ('\u{fe00}'..='\u{10100}').contains(&character) {
            for text in [format!("{character}a"), format!("a{character}"), format!("a{character}a")]
            {
                assert_eq!(topic(&text), Topic::check(&text).is_ok(), "{text:?}");
            }
            assert_eq!(user_id(&alone), UserId::check(&alone).is_ok(), "{alone:?}");
            assert_eq!(epoch(&alone), Epoch::check(&alone).is_ok(), "{alone:?}");
        }
    }
}

#[test]
fn white_space_and_controls_are_what_ecmascript_takes_them_for() {
    let class = fits(r"^[\s\p{Cc}]$");
    for character in characters() {
        assert_eq!(
            class(&character.to_string()),
            is_white_space(character) || character.is_control(),
            "{character:?}"
        );
    }
}

proptest! {
    #![proptest_config(Config::with_cases(2_000))]

    #[test]
    fn every_short_topic_is_taken_or_refused_by_both(text in "[a.*>$ \u{feff}\n\u{2028}é]{0,7}") {
        prop_assert_eq!(fits(Topic::PATTERN)(&text), Topic::check(&text).is_ok());
    }
}
