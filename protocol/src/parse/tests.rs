use super::*;
use crate::{Epoch, MessageId, Newest, Payload, SeqNo, Topic};
use ErrorCode::{InvalidJson, InvalidMessage, InvalidTopic, UnknownType};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn rejected(text: &str) -> (ErrorCode, String) {
    let rejected = ClientFrame::parse(text).expect_err(text);
    (rejected.code, rejected.message.into_owned())
}

fn publish(text: &str) -> Publish<'_> {
    match ClientFrame::parse(text) {
        Ok(ClientFrame::Publish(publish)) => publish,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_base_frames() {
    assert_eq!(
        ClientFrame::parse(r#"{"type":"setup","token":"demo-user","topics":["prices","alerts"]}"#)
            .unwrap(),
        ClientFrame::Setup(Setup {
            token: "demo-user".into(),
            topics: vec!["prices".into(), "alerts".into()],
            ..Setup::default()
        })
    );
    assert_eq!(
        publish(r#"{"type":"publish","topic":"orders","messageId":"k","payload":{"a":1}}"#)
            .payload
            .get(),
        r#"{"a":1}"#
    );
    assert_eq!(ClientFrame::parse(r#" {"type":"ping"} "#).unwrap(), ClientFrame::Ping);
}

#[test]
fn payloads_pass_byte_for_byte() {
    for payload in [
        r#"{"b":1.0000000000000000001,"\ud800":"\u00e9\ud800", "b" : 2}"#,
        "1e999",
        "-0",
        r#""\/""#,
        "[ ]",
        "null",
    ] {
        let text =
            format!(r#"{{"type":"publish","topic":"t","messageId":"m","payload":{payload}}}"#);
        assert_eq!(publish(&text).payload.get(), payload);
    }
}

fn nested(depth: usize) -> String {
    format!(
        r#"{{"type":"publish","topic":"t","messageId":"m","payload":{}{}}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    )
}

#[test]
fn a_payload_is_nested_to_the_limit_and_no_deeper() {
    let (most, more, most_of_all) = (nested(128), nested(129), nested(1_000_000));
    assert_eq!(publish(&most).payload.get().len(), 256);
    let (code, message) = rejected(&more);
    assert_eq!(
        (code, message.as_str()),
        (
            InvalidMessage,
            "payload must have at most 128 levels of nesting (limits.max_depth), found 129"
        )
    );
    assert!(
        ClientFrame::parse_within(&more, 129).is_ok()
            && ClientFrame::parse_within(&most, 127).is_err()
    );
    assert!(
        ClientFrame::parse_within(&most_of_all, 0).is_ok()
            && ClientFrame::parse_within(&most_of_all, 999_999).is_err()
    );
    assert_eq!(
        rejected(&most_of_all[..most_of_all.len() - 1]).0,
        InvalidJson,
        "the rest was looked at"
    );
}

#[test]
fn unknown_fields_are_nested_as_they_like() {
    let (open, close) = ("[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(
        ClientFrame::parse(&format!(r#"{{"type":"ping","x":{open}{close}}}"#)),
        Ok(ClientFrame::Ping)
    );
    assert_eq!(rejected(&format!("{open}{close}")).0, InvalidMessage);
    assert_eq!(rejected(&format!(r#"{{"type":"ping","x":{open}"#)).0, InvalidJson);
    assert_eq!(rejected(&format!(r#"{{"type":"setup","token":{open}{close}}}"#)).0, InvalidMessage);
}

#[test]
fn a_publish_without_a_payload_is_told_which_field_was_probably_meant() {
    let message = |fields: &str| {
        rejected(&format!(r#"{{"type":"publish","topic":"t","messageId":"m"{fields}}}"#))
    };
    assert_eq!(message(""), (InvalidMessage, "payload is missing".into()));
    for (fields, meant) in [
        (r#","data":1"#, "data"),
        (r#","paylod":1,"data":1"#, "data"),
        (r#","x":1,"paylod":1,"value":2"#, "paylod"),
        (r#","body":1"#, "body"),
        (r#","PAYLOAD":1,"playpen":1"#, "PAYLOAD"),
    ] {
        let expected =
            format!("payload is missing: the field \"{meant}\" is unknown and was ignored");
        assert_eq!(message(fields), (InvalidMessage, expected), "{fields}");
    }
    assert!(
        rejected(r#"{"type":"subscribe","topics":["t"],"Topic":"t"}"#).1.contains("\"Topic\""),
        "of every field that is missing"
    );
    let posted = Posted::parse_within(r#"{"topic":"t","data":1}"#, 0).unwrap_err();
    assert_eq!(posted.message, "payload is missing: the field \"data\" is unknown and was ignored");
}

#[test]
fn plain_text_is_borrowed_and_escapes_are_read() {
    let text = r#"{"\u0074ype":"publish","topic":"a\u0062","messageId":"plain","payload":1}"#;
    let publish = publish(text);
    assert_eq!(publish.topic.as_str(), "ab");
    assert!(text.as_bytes().as_ptr_range().contains(&publish.message_id.as_str().as_ptr()));
}

#[test]
fn halves_of_surrogate_pairs_pass_where_they_are_not_read() {
    for fields in [
        r#""\ud800":1"#,
        r#""\ud800":1,"\ud801":1"#,
        r#""x":"\ud800""#,
        r#""x":{"\udc00":["\ud800"]}"#,
        r#""topic":"\ud800""#,
    ] {
        assert_eq!(
            ClientFrame::parse(&format!(r#"{{"type":"ping",{fields}}}"#)),
            Ok(ClientFrame::Ping),
            "{fields}"
        );
    }
    let setup = r#"{"type":"setup","token":"u","lastSeq":{"\ud800":1,"t":2}}"#;
    assert!(
        matches!(ClientFrame::parse(setup), Ok(ClientFrame::Setup(setup)) if setup.last_seq.keys().eq(["t"]))
    );
    for (fields, name) in [
        (r#""type":"\ud800""#, "type"),
        (r#""type":"subscribe","topic":"\ud800""#, "topic"),
        (r#""type":"publish","topic":"t","messageId":"\ud800x","payload":1"#, "messageId"),
        (r#""type":"setup","token":"\udc00""#, "token"),
        (r#""type":"setup","token":"u","sessionId":"\ud800\ud800""#, "sessionId"),
        (r#""type":"setup","token":"u","topics":["t","\ud800"]"#, "topics"),
        (r#""type":"ack","topic":"t","seqNo":1,"epoch":"\ud800""#, "epoch"),
    ] {
        let (code, message) = rejected(&format!("{{{fields}}}"));
        assert_eq!(code, InvalidMessage, "{fields}");
        assert!(
            message.starts_with(name) && message.contains("whole Unicode characters"),
            "{message}"
        );
    }
    assert_eq!(
        rejected(r#"{"type":"ping","\ud800":1,"\uD800":2}"#).0,
        InvalidMessage,
        "a repeated field"
    );
}

#[test]
fn a_null_in_a_map_counts_as_left_out() {
    let text = r#"{"type":"setup","token":"u","lastSeq":{"a":null,"b":1},"epoch":{"a":null},"last":{"a":null,"b":null}}"#;
    let Ok(ClientFrame::Setup(setup)) = ClientFrame::parse(text) else { panic!("{text}") };
    assert!(setup.last_seq.keys().eq(["b"]) && setup.epoch.is_empty() && setup.last.is_empty());
    assert!(
        rejected(r#"{"type":"setup","token":"u","last":{"a":null,"a":1}}"#)
            .1
            .contains("\"a\" twice")
    );
}

#[test]
fn a_whole_number_may_be_written_in_each_of_its_forms() {
    for number in ["10", "10.0", "1e1", "100E-1"] {
        let text =
            format!(r#"{{"type":"subscribe","topic":"t","lastSeq":{number},"last":{number}}}"#);
        let Ok(ClientFrame::Subscribe(subscribe)) = ClientFrame::parse(&text) else {
            panic!("{text}")
        };
        assert_eq!(
            (subscribe.last_seq.map(SeqNo::get), subscribe.last.map(Newest::get)),
            (Some(10), Some(10))
        );
    }
}

#[test]
fn over_http_the_same_fields_have_the_same_rules() {
    let fields = r#""topic":"t","messageId":"m","payload":[1.0]"#;
    let (posted, text) = (format!("{{{fields}}}"), format!(r#"{{"type":"publish",{fields}}}"#));
    let Posted { topic, message_id, payload, user_id } = Posted::parse_within(&posted, 1).unwrap();
    assert_eq!(Publish { topic, message_id: message_id.unwrap(), payload }, publish(&text));
    assert_eq!(user_id, None);
    let free = r#"{"type":[],"topic":"t","messageId":null,"payload":null,"userId":"u","x":1}"#;
    let Posted { message_id, payload, user_id, .. } = Posted::parse_within(free, 1).unwrap();
    assert_eq!((message_id, payload.get(), user_id.unwrap().as_str()), (None, "null", "u"));
}

#[test]
fn unknown_fields_are_ignored_and_so_are_those_of_other_kinds() {
    assert_eq!(
        ClientFrame::parse(r#"{"type":"ping","topic":5,"x":{"y":[]},"lastSeq":"no"}"#).unwrap(),
        ClientFrame::Ping
    );
}

#[test]
fn null_is_the_same_as_not_there_where_a_field_is_optional() {
    let text = r#"{"type":"subscribe","topic":"t","lastSeq":null,"epoch":null}"#;
    assert!(matches!(
        ClientFrame::parse(text),
        Ok(ClientFrame::Subscribe(Subscribe { last_seq: None, epoch: None, .. }))
    ));
    assert_eq!(rejected(r#"{"type":"subscribe","topic":null}"#).0, InvalidMessage);
}

#[test]
fn each_fault_has_its_code_and_names_the_field() {
    let cases = [
        ("", InvalidJson, "not JSON"),
        ("{", InvalidJson, "not JSON"),
        (r#"{"type":"ping"} x"#, InvalidJson, "not JSON"),
        ("[1,", InvalidJson, "not JSON"),
        (r#"{"type":"ping","type":"ping","#, InvalidJson, "not JSON"),
        ("\u{feff}{}", InvalidJson, "not JSON"),
        ("[]", InvalidMessage, "object"),
        ("null", InvalidMessage, "object"),
        ("{}", InvalidMessage, "type is missing"),
        (r#"{"type":1}"#, InvalidMessage, "type must be text, found a number"),
        (r#"{"type":"ping","type":"ping"}"#, InvalidMessage, "\"type\" occurs twice"),
        (r#"{"type":"ping","x":1,"\u0078":2}"#, InvalidMessage, "\"x\" occurs twice"),
        (
            r#"{"type":"setup","token":"u","lastSeq":{"t":1,"\u0074":2}}"#,
            InvalidMessage,
            "lastSeq must be an object with each topic once, found \"t\" twice",
        ),
        (
            r#"{"type":"setup","token":"u","lastSeq":{"t":9007199254740992}}"#,
            InvalidMessage,
            "lastSeq must be a whole number",
        ),
        (
            r#"{"type":"setup","token":"u","topics":"prices"}"#,
            InvalidMessage,
            "topics must be a list",
        ),
        (
            r#"{"type":"setup","token":"u","topics":["t",1]}"#,
            InvalidMessage,
            "topics must be a list of texts; item 2 must be text, found a number",
        ),
        (r#"{"type":"setup"}"#, InvalidMessage, "token is missing"),
        (r#"{"type":"shout"}"#, UnknownType, "\"shout\""),
        (r#"{"type":"subscribe"}"#, InvalidMessage, "topic is missing"),
        (
            r#"{"type":"subscribe","topic":"a","lastSeq":-1}"#,
            InvalidMessage,
            "lastSeq must be a whole number",
        ),
        (
            r#"{"type":"subscribe","topic":"a","lastSeq":1.5}"#,
            InvalidMessage,
            "lastSeq must be a whole number from 0 to 9007199254740991, found 1.5",
        ),
        (
            r#"{"type":"subscribe","topic":"a","last":0}"#,
            InvalidMessage,
            "last must be a whole number from 1 to 9007199254740991, found 0",
        ),
        (
            r#"{"type":"subscribe","topic":"a","epoch":"a b"}"#,
            InvalidMessage,
            "epoch must consist of",
        ),
        (r#"{"type":"subscribe","topic":""}"#, InvalidTopic, "topic must not be empty"),
        (
            r#"{"type":"subscribe","topic":"prices.*"}"#,
            InvalidTopic,
            "topic must not have the segment `*`",
        ),
        (r#"{"type":"subscribe","topic":"$x"}"#, InvalidTopic, "belong to the server"),
        (r#"{"type":"publish","topic":"t"}"#, InvalidMessage, "messageId is missing"),
        (
            r#"{"type":"publish","topic":"t","messageId":""}"#,
            InvalidMessage,
            "messageId must not be empty",
        ),
        (
            r#"{"type":"publish","topic":"t","messageId":"\ud800"}"#,
            InvalidMessage,
            "whole Unicode characters",
        ),
        (r#"{"type":"ack","topic":"t"}"#, InvalidMessage, "seqNo is missing"),
    ];
    for (text, code, part) in cases {
        let (found, message) = rejected(text);
        assert_eq!(found, code, "{text}: {message}");
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn a_rejection_names_what_it_answers() {
    let rejected =
        ClientFrame::parse(r#"{"type":"publish","topic":"$a","messageId":"m"}"#).unwrap_err();
    assert_eq!(
        (rejected.topic.as_deref(), rejected.message_id.as_deref()),
        (Some("$a"), Some("m"))
    );
    let repeated = ClientFrame::parse(
        r#"{"type":"publish","topic":"a","messageId":"m","x":1,"x":1,"payload":1}"#,
    )
    .unwrap_err();
    assert_eq!((repeated.topic.as_deref(), repeated.message_id.as_deref()), (Some("a"), Some("m")));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
        Just(HALF.into()),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map("\u{e000}?.{0,8}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// Stands for half of a surrogate pair, which `serde_json::Value` cannot hold.
const HALF: &str = "\u{e000}";

fn text<const MAX: usize>() -> impl Strategy<Value = String> {
    "\\PC{1,32}"
        .prop_map(|s| s.trim().to_owned())
        .prop_filter("valid", |s| Topic::check(s).is_ok() && s.len() <= MAX)
}

fn any_frame() -> impl Strategy<Value = ClientFrame<'static>> {
    let seq = (0..=SeqNo::MAX).prop_map(|n| SeqNo::new(n).unwrap());
    let newest = (1..=SeqNo::MAX).prop_map(|n| Newest::new(n).unwrap());
    let topic = || text::<256>().prop_map(|t| Topic::new(t).unwrap());
    let epoch = || "[A-Za-z0-9_-]{1,64}".prop_map(|e| Epoch::new(e).unwrap());
    prop_oneof![
        (topic(), text::<128>(), any_json()).prop_map(|(topic, id, payload)| ClientFrame::Publish(
            Publish {
                topic,
                message_id: MessageId::new(id).unwrap(),
                payload: Payload::from_value(&payload).unwrap(),
            }
        )),
        (
            topic(),
            prop::option::of(seq.clone()),
            prop::option::of(epoch()),
            prop::option::of(newest.clone())
        )
            .prop_map(|(topic, last_seq, epoch, last)| ClientFrame::Subscribe(Subscribe {
                topic,
                last_seq,
                epoch,
                last
            })),
        topic().prop_map(|topic| ClientFrame::Unsubscribe(Unsubscribe { topic })),
        (topic(), seq.clone(), prop::option::of(epoch()))
            .prop_map(|(topic, seq_no, epoch)| ClientFrame::Ack(Receipt { topic, seq_no, epoch })),
        (
            ".*",
            prop::collection::vec(".*", 0..4),
            prop::option::of(".*"),
            prop::collection::btree_map(".*", seq, 0..3),
            prop::collection::btree_map(".*", epoch(), 0..3),
            prop::collection::btree_map(".*", newest, 0..3)
        )
            .prop_map(|(token, topics, session_id, last_seq, epoch, last)| {
                ClientFrame::Setup(Setup {
                    token: token.into(),
                    topics: topics.into_iter().map(Into::into).collect(),
                    session_id: session_id.map(Into::into),
                    last_seq: last_seq.into_iter().map(|(k, v)| (k.into(), v)).collect(),
                    epoch: epoch.into_iter().map(|(k, v)| (k.into(), v)).collect(),
                    last: last.into_iter().map(|(k, v)| (k.into(), v)).collect(),
                })
            }),
        Just(ClientFrame::Ping),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(frame in any_frame()) {
        let text = serde_json::to_string(&frame).unwrap();
        prop_assert_eq!(ClientFrame::parse(&text).unwrap(), frame);
    }

    #[test]
    fn anything_is_a_frame_or_is_rejected(text in ".*") {
        let _ = ClientFrame::parse(&text);
    }

    #[test]
    fn json_is_never_called_not_json(value in any_json()) {
        let text = value.to_string();
        for text in [text.replace(HALF, r"\ud800"), text] {
            if let Err(rejected) = ClientFrame::parse(&text) {
                prop_assert_ne!(rejected.code, InvalidJson, "{}", text);
            }
        }
    }
}
