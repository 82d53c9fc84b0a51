use super::*;
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
        ClientFrame::parse(r#"{"type":"setup","token":"demo-user","topics":["prices","alerts"]}"#).unwrap(),
        ClientFrame::Setup(Setup { token: "demo-user".into(), topics: vec!["prices".into(), "alerts".into()], ..Setup::default() })
    );
    assert_eq!(publish(r#"{"type":"publish","topic":"orders","messageId":"k","payload":{"a":1}}"#).payload.get(), r#"{"a":1}"#);
    assert_eq!(ClientFrame::parse(r#" {"type":"ping"} "#).unwrap(), ClientFrame::Ping);
}

#[test]
fn payloads_pass_byte_for_byte() {
    for payload in [r#"{"b":1.0000000000000000001,"a":"\u00e9\ud800", "b" : 2}"#, "1e999", "-0", r#""\/""#, "[ ]", "null"] {
        let text = format!(r#"{{"type":"publish","topic":"t","messageId":"m","payload":{payload}}}"#);
        assert_eq!(publish(&text).payload.get(), payload);
    }
    assert_eq!(publish(r#"{"type":"publish","topic":"t","messageId":"m"}"#).payload.get(), "null");
    let deep = format!(r#"{{"type":"publish","topic":"t","messageId":"m","payload":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(publish(&deep).payload.get().len(), 60_000);
}

#[test]
fn plain_text_is_borrowed_and_escapes_are_read() {
    assert!(matches!(string(&serde_json::from_str::<Box<RawValue>>(r#""abc""#).unwrap()), Ok(Cow::Borrowed("abc"))));
    assert_eq!(publish(r#"{"\u0074ype":"publish","topic":"a\u0062","messageId":"\"m"}"#).topic.as_str(), "ab");
}

#[test]
fn unknown_fields_are_ignored_and_so_are_those_of_other_kinds() {
    assert_eq!(ClientFrame::parse(r#"{"type":"ping","topic":5,"x":{"y":[]},"lastSeq":"no"}"#).unwrap(), ClientFrame::Ping);
}

#[test]
fn null_is_the_same_as_not_there_where_a_field_is_optional() {
    let text = r#"{"type":"subscribe","topic":"t","lastSeq":null,"epoch":null}"#;
    assert!(matches!(ClientFrame::parse(text), Ok(ClientFrame::Subscribe(Subscribe { last_seq: None, epoch: None, .. }))));
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
        (r#"{"type":1}"#, InvalidMessage, "type must be text"),
        (r#"{"type":"ping","type":"ping"}"#, InvalidMessage, "\"type\" stands twice"),
        (r#"{"type":"ping","x":1,"\u0078":2}"#, InvalidMessage, "\"x\" stands twice"),
        (r#"{"type":"setup","token":"u","lastSeq":{"t":1,"t":2}}"#, InvalidMessage, "lastSeq must be an object with each topic once"),
        (r#"{"type":"setup","token":"u","lastSeq":{"t":9007199254740992}}"#, InvalidMessage, "lastSeq must be a whole number"),
        (r#"{"type":"setup","token":"u","topics":"prices"}"#, InvalidMessage, "topics must be a list"),
        (r#"{"type":"setup","token":"u","topics":[1]}"#, InvalidMessage, "topics must be a list"),
        (r#"{"type":"setup"}"#, InvalidMessage, "token is missing"),
        (r#"{"type":"shout"}"#, UnknownType, "\"shout\""),
        (r#"{"type":"subscribe"}"#, InvalidMessage, "topic is missing"),
        (r#"{"type":"subscribe","topic":"a","lastSeq":-1}"#, InvalidMessage, "lastSeq must be a whole number"),
        (r#"{"type":"subscribe","topic":"a","lastSeq":1.5}"#, InvalidMessage, "lastSeq must be a whole number"),
        (r#"{"type":"subscribe","topic":"a","epoch":"a b"}"#, InvalidMessage, "epoch must consist of"),
        (r#"{"type":"subscribe","topic":""}"#, InvalidTopic, "topic must not be empty"),
        (r#"{"type":"subscribe","topic":"$x"}"#, InvalidTopic, "belong to the server"),
        (r#"{"type":"publish","topic":"t"}"#, InvalidMessage, "messageId is missing"),
        (r#"{"type":"publish","topic":"t","messageId":""}"#, InvalidMessage, "messageId must not be empty"),
        (r#"{"type":"publish","topic":"t","messageId":"\ud800"}"#, InvalidMessage, "whole Unicode characters"),
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
    let rejected = ClientFrame::parse(r#"{"type":"publish","topic":"$a","messageId":"m"}"#).unwrap_err();
    assert_eq!((rejected.topic.as_deref(), rejected.message_id.as_deref()), (Some("$a"), Some("m")));
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map(".{0,8}", inner, 0..4).prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn text<const MAX: usize>() -> impl Strategy<Value = String> {
    "\\PC{1,32}".prop_map(|s| s.trim().to_owned()).prop_filter("valid", |s| Topic::check(s).is_ok() && s.len() <= MAX)
}

fn any_frame() -> impl Strategy<Value = ClientFrame<'static>> {
    let seq = (0..=SeqNo::MAX).prop_map(|n| SeqNo::new(n).unwrap());
    let newest = (1..=SeqNo::MAX).prop_map(|n| Newest::new(n).unwrap());
    let topic = || text::<256>().prop_map(|t| Topic::new(t).unwrap());
    let epoch = || "[A-Za-z0-9_-]{1,64}".prop_map(|e| Epoch::new(e).unwrap());
    prop_oneof![
        (topic(), text::<128>(), any_json()).prop_map(|(topic, id, payload)| ClientFrame::Publish(Publish {
            topic,
            message_id: MessageId::new(id).unwrap(),
            payload: Payload::from_value(&payload).unwrap(),
        })),
        (topic(), prop::option::of(seq.clone()), prop::option::of(epoch()), prop::option::of(newest.clone()))
            .prop_map(|(topic, last_seq, epoch, last)| ClientFrame::Subscribe(Subscribe { topic, last_seq, epoch, last })),
        topic().prop_map(|topic| ClientFrame::Unsubscribe(Unsubscribe { topic })),
        (topic(), seq.clone(), prop::option::of(epoch())).prop_map(|(topic, seq_no, epoch)| ClientFrame::Ack(Receipt {
            topic,
            seq_no,
            epoch
        })),
        (
            ".*",
            prop::collection::vec(".*", 0..4),
            prop::option::of(".*"),
            prop::collection::btree_map(".*", seq, 0..3),
            prop::collection::btree_map(".*", epoch(), 0..3),
            prop::collection::btree_map(".*", newest, 0..3)
        )
            .prop_map(|(token, topics, session_id, last_seq, epoch, last)| ClientFrame::Setup(Setup {
                token: token.into(),
                topics: topics.into_iter().map(Into::into).collect(),
                session_id: session_id.map(Into::into),
                last_seq: last_seq.into_iter().map(|(k, v)| (k.into(), v)).collect(),
                epoch: epoch.into_iter().map(|(k, v)| (k.into(), v)).collect(),
                last: last.into_iter().map(|(k, v)| (k.into(), v)).collect(),
            })),
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
        if let Err(rejected) = ClientFrame::parse(&text) {
            prop_assert_ne!(rejected.code, InvalidJson);
        }
    }
}
