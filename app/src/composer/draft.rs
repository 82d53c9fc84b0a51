//! A form's values, and how they become a frame: serde writes the protocol's own types, so a form
//! cannot produce a frame that they do not allow. Values that they refuse can still be sent as
//! typed ([`as_typed`]), to see the gateway's answer.

use super::kinds::KindDoc;
use crate::json::Fault;
use protocol::{
    ClientFrame, Epoch, MessageId, Newest, Payload, Publish, Receipt, SeqNo, Setup, Subscribe,
    Topic, Unsubscribe,
    reference::{FieldDoc, FieldKind},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// The value of one field, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text, a number, or JSON, by the field's kind.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
    /// Pairs of a topic and a text or number.
    Pairs(Vec<(String, String)>),
}

impl Value {
    /// The value of an untouched field.
    pub(crate) fn empty(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Texts => Self::List(Vec::new()),
            FieldKind::ByTopic => Self::Pairs(Vec::new()),
            _ => Self::Text(String::new()),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Pairs(pairs) => pairs.is_empty(),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }
}

/// A form's values, each under the field's name on the wire. A form has few fields, so they are
/// searched linearly.
#[derive(Debug, Default)]
pub(crate) struct Values(Vec<(String, Value)>);

impl Values {
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }
}

impl FromIterator<(String, Value)> for Values {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl IntoIterator for Values {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Why a field cannot be sent as it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wrong {
    /// The field's name.
    pub(crate) field: &'static str,
    /// A sentence: what the field must be.
    pub(crate) message: String,
    /// The place of the fault, in JSON.
    pub(crate) place: Option<Fault>,
}

/// Builds the frame of a kind with these values, as it is sent.
pub(crate) fn build(kind: &str, values: &Values) -> Result<String, Vec<Wrong>> {
    let mut reader = Reader { values, wrong: Vec::new() };
    let frame = reader.frame(kind);
    if !reader.wrong.is_empty() {
        return Err(reader.wrong);
    }
    let unwritable = |error: serde_json::Error| {
        vec![Wrong { field: "payload", message: error.to_string(), place: None }]
    };
    serde_json::to_string(&frame.unwrap_or(ClientFrame::Ping)).map_err(unwritable)
}

/// Reads the values of one form. Collects all faults, so that they are shown at once.
struct Reader<'a> {
    values: &'a Values,
    wrong: Vec<Wrong>,
}

impl<'a> Reader<'a> {
    fn frame(&mut self, kind: &str) -> Option<ClientFrame<'a>> {
        Some(match kind {
            "setup" => ClientFrame::Setup(self.setup()),
            "subscribe" => {
                let (topic, last_seq, epoch, last) =
                    (self.topic(), self.last_seq(), self.epoch(), self.optional("last", newest));
                ClientFrame::Subscribe(Subscribe { topic: topic?, last_seq, epoch, last })
            }
            "unsubscribe" => ClientFrame::Unsubscribe(Unsubscribe { topic: self.topic()? }),
            "publish" => {
                let (topic, message_id, payload) =
                    (self.topic(), self.message_id(), self.payload());
                ClientFrame::Publish(Publish {
                    topic: topic?,
                    message_id: message_id?,
                    payload: payload?,
                })
            }
            "ack" => {
                let (topic, seq_no, epoch) = (self.topic(), self.seq_no(), self.epoch());
                ClientFrame::Ack(Receipt { topic: topic?, seq_no: seq_no?, epoch })
            }
            _ => ClientFrame::Ping,
        })
    }

    fn setup(&mut self) -> Setup<'a> {
        Setup {
            token: self.text("token").into(),
            topics: self.list("topics"),
            session_id: Some(self.text("sessionId"))
                .filter(|text| !text.is_empty())
                .map(Cow::Borrowed),
            last_seq: self.by_topic("lastSeq", number),
            epoch: self.by_topic("epoch", |text| Epoch::new(text).map_err(|why| why.to_string())),
            last: self.by_topic("last", newest),
        }
    }

    fn text(&self, field: &str) -> &'a str {
        self.values.get(field).map(Value::text).unwrap_or_default()
    }

    fn list(&self, field: &str) -> Vec<Cow<'a, str>> {
        match self.values.get(field) {
            Some(Value::List(list)) => {
                list.iter().map(|text| Cow::Borrowed(text.as_str())).collect()
            }
            _ => Vec::new(),
        }
    }

    fn by_topic<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&'a str) -> Result<T, String>,
    ) -> BTreeMap<Cow<'a, str>, T> {
        let Some(Value::Pairs(pairs)) = self.values.get(field) else {
            return BTreeMap::new();
        };
        let mut map = BTreeMap::new();
        for (topic, text) in pairs {
            match read(text) {
                Ok(_) if map.contains_key(topic.as_str()) => {
                    self.wrong(field, format!("names “{topic}” twice"))
                }
                Ok(value) => drop(map.insert(Cow::Borrowed(topic.as_str()), value)),
                Err(why) => self.wrong(field, why),
            }
        }
        map
    }

    fn topic(&mut self) -> Option<Topic<'a>> {
        self.checked("topic", |text| Topic::new(text).map_err(|why| why.to_string()))
    }

    fn message_id(&mut self) -> Option<MessageId<'a>> {
        self.checked("messageId", |text| MessageId::new(text).map_err(|why| why.to_string()))
    }

    fn seq_no(&mut self) -> Option<SeqNo> {
        self.checked("seqNo", number)
    }

    fn last_seq(&mut self) -> Option<SeqNo> {
        self.optional("lastSeq", number)
    }

    fn epoch(&mut self) -> Option<Epoch<'a>> {
        self.optional("epoch", |text| Epoch::new(text).map_err(|why| why.to_string()))
    }

    /// An empty input is the payload `null`.
    fn payload(&mut self) -> Option<Payload<'a>> {
        let text = self.text("payload").trim();
        if text.is_empty() {
            return Some(Payload::null());
        }
        match Payload::parse(text) {
            Ok(payload) => Some(payload),
            Err(error) => {
                let place = Fault::find(self.text("payload"));
                let message = place.as_ref().map_or_else(|| error.to_string(), Fault::sentence);
                self.wrong.push(Wrong { field: "payload", message, place });
                None
            }
        }
    }

    fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&'a str) -> Result<T, String>,
    ) -> Option<T> {
        if self.text(field).is_empty() { None } else { self.checked(field, read) }
    }

    fn checked<T>(
        &mut self,
        field: &'static str,
        read: impl Fn(&'a str) -> Result<T, String>,
    ) -> Option<T> {
        read(self.text(field)).map_err(|why| self.wrong(field, why)).ok()
    }

    fn wrong(&mut self, field: &'static str, why: String) {
        self.wrong.push(Wrong { field, message: format!("{field} {why}."), place: None });
    }
}

fn number(text: &str) -> Result<SeqNo, String> {
    serde_json::from_str(text.trim()).map_err(|_| protocol::Invalid::NotASequenceNumber.to_string())
}

fn newest(text: &str) -> Result<Newest, String> {
    serde_json::from_str(text.trim()).map_err(|_| protocol::Invalid::NotACount.to_string())
}

/// The values as a JSON object, valid or not: texts as strings, numbers and JSON as typed.
pub(crate) fn as_typed(doc: &KindDoc, values: &Values) -> String {
    let mut out = format!("{{\"type\":{}", quoted(doc.kind));
    for field in &doc.fields {
        let Some(value) =
            values.get(&field.name).filter(|value| field.required || !value.is_empty())
        else {
            continue;
        };
        out += &format!(",{}:{}", quoted(&field.name), typed(field, value));
    }
    out.push('}');
    out
}

fn typed(field: &FieldDoc, value: &Value) -> String {
    match value {
        Value::Text(text) if field.kind == FieldKind::Text => quoted(text),
        Value::Text(text) if text.trim().is_empty() => "null".into(),
        Value::Text(text) => text.clone(),
        Value::List(list) => {
            format!("[{}]", list.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(","))
        }
        Value::Pairs(pairs) => {
            let pair = |(topic, value): &(String, String)| {
                let number = serde_json::from_str::<u64>(value).is_ok()
                    && matches!(&*field.name, "lastSeq" | "last");
                format!("{}:{}", quoted(topic), if number { value.clone() } else { quoted(value) })
            };
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    // A string can always be encoded.
    serde_json::to_string(text).unwrap_or_default()
}

/// The values of a form that shows `frame`, a frame of the kind that `doc` describes. JSON values
/// are taken over unchanged.
pub(crate) fn read(doc: &KindDoc, frame: &str) -> Values {
    let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(frame).unwrap_or_default();
    let value = |field: &FieldDoc| match fields
        .get(field.name.as_str())
        .filter(|raw| raw.get() != "null" || field.kind == FieldKind::Json)
    {
        Some(raw) => read_value(field.kind, raw.get()),
        None => Value::empty(field.kind),
    };
    doc.fields.iter().map(|field| (field.name.clone(), value(field))).collect()
}

fn read_value(kind: FieldKind, raw: &str) -> Value {
    match kind {
        FieldKind::Text => Value::Text(unquoted(raw)),
        FieldKind::Texts => Value::List(serde_json::from_str(raw).unwrap_or_default()),
        FieldKind::ByTopic => {
            let pairs: BTreeMap<Cow<'_, str>, &RawValue> =
                serde_json::from_str(raw).unwrap_or_default();
            Value::Pairs(
                pairs
                    .into_iter()
                    .map(|(topic, raw)| (topic.into_owned(), unquoted(raw.get())))
                    .collect(),
            )
        }
        FieldKind::Number | FieldKind::Flag | FieldKind::Object | FieldKind::Json => {
            Value::Text(raw.to_owned())
        }
    }
}

fn unquoted(raw: &str) -> String {
    serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composer::kinds;

    fn doc(kind: &str) -> KindDoc {
        kinds::all().into_iter().find(|doc| doc.kind == kind).unwrap()
    }

    fn values<const N: usize>(pairs: [(&str, Value); N]) -> Values {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn each_example_goes_into_the_form_and_out_again() {
        for doc in kinds::all() {
            assert_eq!(
                build(doc.kind, &read(&doc, &doc.example)).as_deref(),
                Ok(doc.example.as_str())
            );
            assert_eq!(as_typed(&doc, &read(&doc, &doc.example)), doc.example);
        }
    }

    #[test]
    fn positions_go_in_and_out() {
        let frame =
            r#"{"type":"setup","token":"t","sessionId":"s","lastSeq":{"a":7},"epoch":{"a":"e1"}}"#;
        let values = read(&doc("setup"), frame);
        assert_eq!(values.get("lastSeq"), Some(&Value::Pairs(vec![("a".into(), "7".into())])));
        assert_eq!(build("setup", &values).as_deref(), Ok(frame));
        assert_eq!(as_typed(&doc("setup"), &values), frame);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let wrong = build(
            "publish",
            &values([("topic", text(" a")), ("messageId", text("")), ("payload", text("{\n  x}"))]),
        )
        .unwrap_err();
        let said: Vec<_> =
            wrong.iter().map(|wrong| (wrong.field, wrong.message.as_str())).collect();
        assert_eq!(
            said,
            [
                ("topic", "topic must not begin or end with white space, found U+0020."),
                ("messageId", "messageId must not be empty."),
                ("payload", "Line 2, column 3: expected a key in double quotes."),
            ]
        );
        assert_eq!(wrong[2].place.as_ref().map(|place| (place.line, place.column)), Some((2, 3)));
    }

    #[test]
    fn what_does_not_fit_is_written_as_typed() {
        let values = values([("topic", text(" \"a")), ("seqNo", text("1.5"))]);
        assert!(build("ack", &values).is_err());
        assert_eq!(as_typed(&doc("ack"), &values), r#"{"type":"ack","topic":" \"a","seqNo":1.5}"#);
        assert_eq!(
            as_typed(&doc("publish"), &self::values([("payload", text("{oops"))])),
            r#"{"type":"publish","payload":{oops}"#
        );
    }

    #[test]
    fn the_payload_stays_byte_for_byte_and_may_be_left_out() {
        let form = |payload: &str| {
            build(
                "publish",
                &values([
                    ("topic", text("a")),
                    ("messageId", text("k")),
                    ("payload", text(payload)),
                ]),
            )
        };
        assert_eq!(
            form(" {\"x\": 1.00} ").unwrap(),
            r#"{"type":"publish","topic":"a","messageId":"k","payload":{"x": 1.00}}"#
        );
        assert_eq!(
            form("").unwrap(),
            r#"{"type":"publish","topic":"a","messageId":"k","payload":null}"#
        );
        assert!(form(&"[".repeat(100_000)).is_err());
        assert!(form(&("[".repeat(100_000) + &"]".repeat(100_000))).is_ok());
    }

    #[test]
    fn a_topic_given_twice_is_refused() {
        let pairs = Value::Pairs(vec![("a".into(), "1".into()), ("a".into(), "2".into())]);
        let wrong =
            build("setup", &values([("token", text("t")), ("lastSeq", pairs)])).unwrap_err();
        assert_eq!(wrong[0].message, "lastSeq names “a” twice.");
    }
}
