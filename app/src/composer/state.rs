//! The composer's state: the kind of message, a value for each field, and the message as JSON if
//! the user writes JSON.

use super::{
    draft::{self, Value, Values, Wrong},
    kinds::{self, KindDoc},
};
use crate::{browser, json};
use leptos::prelude::*;
use protocol::{
    ClientFrame,
    reference::{FieldDoc, FieldKind},
};

/// The topic that is filled in at first, in `setup` as in `publish`, so that the user's first
/// publish is delivered back to the page.
const FIRST_TOPIC: &str = "prices";
const FIRST_PAYLOAD: &str = "{\n  \"bid\": 100.02,\n  \"ask\": 100.05\n}";
/// Longer frames are opened in the JSON editor without new indentation, in bytes.
const MAX_PRETTY: usize = 256 * 1024;

/// A field's value. Fields with the same name and kind share it: the topic stays when the kind
/// changes.
#[derive(Clone)]
struct Slot {
    name: String,
    kind: FieldKind,
    value: RwSignal<Value>,
}

/// The composer's state. A handle: copies are the same composer.
#[derive(Clone, Copy)]
pub(crate) struct Composer {
    docs: StoredValue<Vec<KindDoc>>,
    slots: StoredValue<Vec<Slot>>,
    /// The chosen kind.
    pub(crate) kind: RwSignal<&'static str>,
    /// The message as JSON; `None`: it is written as a form.
    pub(crate) json: RwSignal<Option<String>>,
    /// Whether the message id is kept after sending.
    pub(crate) keep_id: RwSignal<bool>,
    /// Whether the JSON could not be shown as a form when that was tried.
    pub(crate) stays_json: RwSignal<bool>,
}

/// The frame that the button Send sends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Draft {
    pub(crate) text: String,
    /// The faults that the gateway will refuse.
    pub(crate) wrong: Vec<Wrong>,
}

impl Composer {
    pub(crate) fn new() -> Self {
        let docs = kinds::all();
        let slots = slots(&docs);
        Self {
            docs: StoredValue::new(docs),
            slots: StoredValue::new(slots),
            kind: RwSignal::new("setup"),
            json: RwSignal::new(None),
            keep_id: RwSignal::new(false),
            stays_json: RwSignal::new(false),
        }
    }

    /// The description of a kind of message.
    pub(crate) fn doc(self, kind: &str) -> Option<KindDoc> {
        self.docs.with_value(|docs| docs.iter().find(|doc| doc.kind == kind).cloned())
    }

    /// The value of a field.
    pub(crate) fn value(self, field: &FieldDoc) -> Option<RwSignal<Value>> {
        self.slots.with_value(|slots| {
            slots
                .iter()
                .find(|slot| slot.name == field.name && slot.kind == field.kind)
                .map(|slot| slot.value)
        })
    }

    /// The form's values for a kind; tracked.
    fn values(self, doc: &KindDoc) -> Values {
        let fields = doc
            .fields
            .iter()
            .filter_map(|field| Some((field.name.clone(), self.value(field)?.get())));
        fields.collect()
    }

    /// The frame that would be sent now; tracked.
    pub(crate) fn draft(self) -> Draft {
        match self.json.get() {
            Some(text) => Draft { wrong: misfit(&text).into_iter().collect(), text },
            None => self.form(),
        }
    }

    fn form(self) -> Draft {
        let Some(doc) = self.doc(self.kind.get()) else {
            return Draft { text: String::new(), wrong: Vec::new() };
        };
        let values = self.values(&doc);
        match draft::build(doc.kind, &values) {
            Ok(text) => Draft { text, wrong: Vec::new() },
            Err(wrong) => Draft { text: draft::as_typed(&doc, &values), wrong },
        }
    }

    /// The kind of the frame that would be sent; tracked. For JSON that is no frame, the kind that
    /// was chosen last.
    pub(crate) fn shown_kind(self) -> &'static str {
        let of_json = self.json.with(|text| {
            text.as_deref().and_then(|text| ClientFrame::parse(text).ok().map(|frame| frame.kind()))
        });
        of_json.unwrap_or_else(|| self.kind.get())
    }

    /// Chooses a kind. In the JSON view, the JSON becomes that of the kind's form.
    pub(crate) fn choose(self, kind: &'static str) {
        self.kind.set(kind);
        self.stays_json.set(false);
        if self.json.with_untracked(Option::is_some) {
            self.write_json();
        }
    }

    /// Shows the form's message as JSON.
    pub(crate) fn write_json(self) {
        let text = untrack(|| self.form()).text;
        self.json.set(Some(indented(text)));
    }

    /// Shows the JSON as a form; stays if it does not fit one.
    pub(crate) fn write_form(self) {
        let Some(text) = self.json.get_untracked() else { return };
        self.stays_json.set(!self.take(&text));
        if !self.stays_json.get_untracked() {
            self.json.set(None);
        }
    }

    /// Opens a frame that was sent before for editing: as a form if it fits one.
    pub(crate) fn edit(self, frame: &str) {
        self.stays_json.set(false);
        let fits = self.take(frame);
        self.json.set((!fits).then(|| frame.to_owned()));
    }

    fn take(self, text: &str) -> bool {
        let Ok(frame) = ClientFrame::parse(text) else { return false };
        let Some(doc) = self.doc(frame.kind()) else { return false };
        for (name, value) in draft::read(&doc, text) {
            let slot = doc
                .fields
                .iter()
                .find(|field| field.name == name)
                .and_then(|field| Some((field.kind, self.value(field)?)));
            if let Some((kind, slot)) = slot {
                slot.set(if kind == FieldKind::Json { indented_value(value) } else { value });
            }
        }
        self.kind.set(doc.kind);
        true
    }

    /// A message was sent: the next publish gets a new id, unless the id is kept.
    pub(crate) fn sent(self) {
        let publish =
            self.kind.get_untracked() == "publish" && self.json.with_untracked(Option::is_none);
        if publish && !self.keep_id.get_untracked() {
            self.renew_id();
        }
    }

    /// Generates a message id.
    pub(crate) fn renew_id(self) {
        let id = Value::Text(format!("msg-{}", browser::random_name()));
        self.slots.with_value(|slots| {
            slots
                .iter()
                .filter(|slot| slot.name == "messageId")
                .for_each(|slot| slot.value.set(id.clone()));
        });
    }
}

/// A value for each field of each kind, filled in so that the message can be sent.
fn slots(docs: &[KindDoc]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for doc in docs {
        let example = draft::read(doc, &doc.example);
        for field in &doc.fields {
            if slots.iter().any(|slot| slot.name == field.name && slot.kind == field.kind) {
                continue;
            }
            let value = RwSignal::new(first_value(field, &example));
            slots.push(Slot { name: field.name.clone(), kind: field.kind, value });
        }
    }
    slots
}

fn first_value(field: &FieldDoc, example: &Values) -> Value {
    match (field.name.as_str(), field.kind) {
        ("topic", _) => Value::Text(FIRST_TOPIC.into()),
        ("payload", _) => Value::Text(FIRST_PAYLOAD.into()),
        // Generated in the browser, because server and browser must render the same.
        ("messageId", _) => Value::empty(field.kind),
        (_, kind) if !field.required && kind != FieldKind::Texts => Value::empty(kind),
        (name, kind) => example.get(name).cloned().unwrap_or_else(|| Value::empty(kind)),
    }
}

fn indented(text: String) -> String {
    if text.len() > MAX_PRETTY || json::Fault::find(&text).is_some() {
        text
    } else {
        json::pretty(&text, usize::MAX).text
    }
}

fn indented_value(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(indented(text)),
        other => other,
    }
}

/// The reason why JSON text is not a frame that the gateway accepts.
fn misfit(text: &str) -> Option<Wrong> {
    let place = json::Fault::find(text);
    let message = match (&place, ClientFrame::parse(text)) {
        (Some(fault), _) => fault.sentence(),
        (None, Err(rejected)) => format!("{}: {}.", rejected.code, rejected.message),
        (None, Ok(_)) => return None,
    };
    Some(Wrong { field: "message", message, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_composer(test: impl FnOnce(Composer)) {
        let owner = Owner::new();
        owner.with(|| test(Composer::new()));
        owner.cleanup();
    }

    #[test]
    fn everything_but_the_message_id_is_filled_in() {
        with_composer(|composer| {
            for &kind in &ClientFrame::KINDS {
                composer.choose(kind);
                let wrong: Vec<_> =
                    composer.draft().wrong.into_iter().map(|wrong| wrong.field).collect();
                assert_eq!(
                    wrong,
                    if kind == "publish" { vec!["messageId"] } else { vec![] },
                    "{kind}"
                );
            }
            composer.choose("setup");
            assert_eq!(
                composer.draft().text,
                r#"{"type":"setup","token":"demo-user","topics":["prices","alerts"]}"#
            );
        });
    }

    #[test]
    fn form_and_json_are_two_views_of_one_message() {
        with_composer(|composer| {
            composer.choose("unsubscribe");
            composer.write_json();
            assert_eq!(
                composer.json.get_untracked().as_deref(),
                Some("{\n  \"type\": \"unsubscribe\",\n  \"topic\": \"prices\"\n}")
            );
            composer.json.set(Some(
                r#"{"type":"publish","topic":"orders","messageId":"k","payload":[1]}"#.into(),
            ));
            composer.write_form();
            assert_eq!(composer.kind.get_untracked(), "publish");
            assert_eq!(
                composer.draft().text,
                "{\"type\":\"publish\",\"topic\":\"orders\",\"messageId\":\"k\",\"payload\":[\n  1\n]}"
            );
        });
    }

    #[test]
    fn json_that_fits_no_form_stays_json_and_can_be_sent() {
        with_composer(|composer| {
            composer.json.set(Some(r#"{"type":"subscribe"}"#.into()));
            composer.write_form();
            assert!(composer.stays_json.get_untracked());
            let draft = composer.draft();
            assert_eq!(
                (draft.text.as_str(), draft.wrong[0].message.as_str()),
                (r#"{"type":"subscribe"}"#, "INVALID_MESSAGE: topic is missing.")
            );
            composer.edit("{oops");
            assert_eq!(
                composer.draft().wrong[0].message,
                "Line 1, column 2: expected a key in double quotes."
            );
        });
    }

    #[test]
    fn the_topic_stays_when_the_kind_changes() {
        with_composer(|composer| {
            composer.edit(r#"{"type":"subscribe","topic":"orders"}"#);
            composer.choose("unsubscribe");
            assert_eq!(composer.draft().text, r#"{"type":"unsubscribe","topic":"orders"}"#);
        });
    }
}
