//! Compares the reader with serde_json, on a corpus and on text that is JSON or almost JSON.

use super::*;
use proptest::{prelude::*, test_runner::Config};
use serde_json::value::RawValue;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The value that serde_json reads in `text`, as its bytes.
fn expected(text: &str) -> Option<&str> {
    serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
}

fn found(text: &str) -> Option<&str> {
    Value::of(text).ok().map(|value| value.text)
}

fn assert_same(text: &str) {
    assert_eq!(found(text), expected(text), "{text:?}");
}

/// Texts that are JSON, or nearly. Truncated at every place, and with each byte left out, doubled
/// or exchanged, they cover every branch.
const CORPUS: &[&str] = &[
    r#" { "a" : [ 1 , -0 , 0.5 , 1e1 , 1E+1 , 1.0e-1 , true , false , null , "" ] , "" : { } , "b" : [ ] } "#,
    r#"["\"\\\/\b\f\n\r\t\u0000\u12aB\uD83C\uDF88\ud800\udc00", "plain text of more than eight bytes", "\u007f é 🎈"]"#,
    r#"{"a":{"a":{"a":[[[{}]]]}},"a":1,"a":[{}, {"b": [ ]}]}"#,
    "[01]",
    "[1.]",
    "[.5]",
    "[+1]",
    "[1e]",
    "[--1]",
    "[NaN]",
    "[Infinity]",
    "['a']",
    "{a:1}",
    "{\"a\":1,}",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\" 1}",
    "{1:1}",
    "{\"a\"}",
    "[}",
    "{]",
    "[\"\t\"]",
    "[\"\u{1f}\"]",
    "\u{feff}[]",
    "[]\u{a0}",
    "\u{b}[]",
    "[1]//",
    "[tru]",
    "[truee]",
    "[TRUE]",
    r#"["\x"]"#,
    r#"["\u12g4"]"#,
    r#"["\u+123"]"#,
    r#"["\ud83c\u"]"#,
    "[] []",
    "",
    " ",
];

#[test]
fn a_corpus_is_read_as_serde_json_reads_it_however_it_is_broken() {
    for text in CORPUS {
        assert_same(text);
        for (at, character) in text.char_indices() {
            let behind = at + character.len_utf8();
            assert_same(&text[..at]);
            assert_same(&format!("{}{}", &text[..at], &text[behind..]));
            assert_same(&format!("{}{}", &text[..behind], &text[at..]));
            for other in
                ['"', '\\', '{', ']', ',', ':', '0', '-', '.', 'e', 't', ' ', '\n', '\u{1}', 'é']
            {
                assert_same(&format!("{}{other}{}", &text[..at], &text[behind..]));
            }
        }
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, why) in [
        ("", "expected a value at byte 1"),
        ("[1,]", "expected a value at byte 4"),
        ("[1 2]", "expected `,` or `]` at byte 4"),
        (r#"{"a":1"#, "expected `,` or `}` at byte 7"),
        ("{a:1}", "expected a key in double quotes at byte 2"),
        (r#"{"a" 1}"#, "expected `:` at byte 6"),
        ("[1.]", "expected a digit at byte 4"),
        (r#"["a"#, "expected the string's closing quote at byte 4"),
        ("[\"a\n\"]", "expected no control character in a string at byte 4"),
        (r#"["\x"]"#, "expected an escape that JSON has at byte 4"),
        (r#"["\u12g4"]"#, "expected a hexadecimal digit at byte 7"),
        ("[] x", "expected the end at byte 4"),
    ] {
        assert_eq!(Value::of(text).unwrap_err().to_string(), why, "{text}");
    }
}

#[test]
fn depth_is_the_number_of_brackets_that_are_open_at_once() {
    for (text, depth) in [
        ("1", 0),
        (r#""[[""#, 0),
        ("[]", 1),
        ("[[], [[1]], {}]", 3),
        (r#"{"a":[{"b":{}}],"c":1}"#, 4),
    ] {
        assert_eq!(Value::of(text).unwrap().depth, depth, "{text}");
    }
    // Depths around the boundaries of the words that hold the open brackets, with both kinds of
    // bracket in turn.
    for depth in [1, 63, 64, 65, 127, 128, 129, 1000, 100_000] {
        let mixed = |list: &'static str, object: &'static str| {
            (0..depth).map(move |level| if level % 3 == 0 { object } else { list })
        };
        let open: String = mixed("[", r#"{"a":"#).collect();
        let close: String = mixed("]", "}").collect::<Vec<_>>().into_iter().rev().collect();
        let text = format!("{open}0{close}");
        assert_eq!(
            Value::of(&text).map(|value| (value.depth, value.text.len())),
            Ok((depth, text.len()))
        );
        assert!(
            Value::of(&text[..text.len() - 1]).is_err() && Value::of(&format!("{text}]")).is_err()
        );
        let crossed =
            format!("{open}0{}{}", if close.starts_with(']') { '}' } else { ']' }, &close[1..]);
        assert!(Value::of(&crossed).is_err());
    }
}

#[test]
fn objects_and_arrays_come_apart() {
    let mut members = Members::of(r#" {"a" : 1 , "\u0062":[ 2 ],"":{}} "#).unwrap();
    let mut all = Vec::new();
    while let Some((key, value)) = members.advance().unwrap() {
        all.push((key.characters().unwrap().into_owned(), value.text));
    }
    assert_eq!(all, [("a".into(), "1"), ("b".into(), "[ 2 ]"), (String::new(), "{}")]);
    let mut items = Items::of(" [1, [2] ]x").unwrap();
    assert_eq!(items.advance().unwrap().unwrap().text, "1");
    assert_eq!(items.advance().unwrap().unwrap().text, "[2]");
    assert_eq!(items.advance().unwrap_err().to_string(), "expected the end at byte 11");
    assert!(
        Items::of("[1,]")
            .is_some_and(|mut items| items.advance().is_ok() && items.advance().is_err())
    );
    assert!(Items::of("{}").is_none() && Members::of("[]").is_none());
}

#[test]
fn halves_of_surrogate_pairs_are_no_characters_but_can_be_told_apart() {
    let text = |raw: &'static str| Text::new(raw, raw.contains('\\'));
    assert_eq!(text(r"\ud83c\udf88").characters().unwrap(), "🎈");
    for alone in [
        r"\ud800",
        r"\udc00",
        r"a\ud800b",
        r"\ud800\ud800",
        r"\ud800\u0041",
        r"\udc00\ud800",
        r"\ud800\n",
    ] {
        assert_eq!(text(alone).characters(), None, "{alone}");
    }
    assert_eq!(text(r"\ud800").bytes(), text(r"\uD800").bytes());
    assert_ne!(text(r"\ud800").bytes(), text(r"\ud801").bytes());
    assert_eq!(text(r"\u0074\/").bytes(), text("t/").bytes());
}

fn any_json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "null",
        "true",
        "0",
        "-1.5e3",
        "\"\"",
        r#""\ud800\"é""#,
        "\"a longer plain text\"",
        "[]",
        "{}",
    ]);
    word.prop_map(str::to_owned).prop_recursive(5, 40, 4, |inner| {
        let space = prop::sample::select(vec!["", " ", "\n\t"]);
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..4), space.clone())
                .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(","))),
            (prop::collection::vec(inner, 0..4), space).prop_map(|(items, space)| {
                let members: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| format!("{space}\"k{i}\"{space}:{item}"))
                    .collect();
                format!("{{{}{space}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(Config::with_cases(1_000))]

    #[test]
    fn json_is_read_as_serde_json_reads_it(text in any_json()) {
        prop_assert_eq!(found(&text), Some(text.as_str()));
        prop_assert_eq!(expected(&text), Some(text.as_str()));
    }

    #[test]
    fn almost_json_is_read_as_serde_json_reads_it(
        text in any_json(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"\"\\{}[],:0-.eEtu \n\x01a".to_vec())), 1..4),
    ) {
        let mut bytes = text.into_bytes();
        for (at, byte) in cuts {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert_eq!(found(text), expected(text));
        }
    }

    #[test]
    fn any_text_is_read_as_serde_json_reads_it(text in "[\\[\\]{}\",:0-9a-f\\\\u\\-.eE+ \\x00-\\x20\\PC]{0,24}") {
        prop_assert_eq!(found(&text), expected(&text));
    }

    #[test]
    fn strings_are_decoded_as_serde_json_decodes_them(raw in "(a|é|🎈|\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-f]{2}|\\\\ud83c|\\\\udf88|\\\\u[0-9a-fA-F]{4}){0,12}") {
        let json = format!("\"{raw}\"");
        let expected = serde_json::from_str::<String>(&json).ok();
        prop_assert_eq!(Value::of(&json).unwrap().as_text().unwrap().characters().map(String::from), expected);
    }

    #[test]
    fn the_first_special_byte_ends_what_is_plain(bytes in prop::collection::vec(prop_oneof![Just(b'a'), Just(0x80), any::<u8>()], 0..40)) {
        let special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
        prop_assert_eq!(text::plain(&bytes), bytes.iter().position(special).unwrap_or(bytes.len()));
    }
}
