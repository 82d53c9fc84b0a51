//! The data that the forms are made from: each kind of message with its fields, as the protocol's
//! types describe them. The server writes it into the document ([`as_json`]) and the browser reads
//! it there, so that schema generation is not in the WebAssembly.

use protocol::{
    ClientFrame,
    reference::{FieldDoc, FieldKind},
};
use serde_json::Value;

/// The id of the element that contains the data.
pub(crate) const ELEMENT: &str = "kinds";

/// One kind of message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KindDoc {
    /// The value of `type`.
    pub(crate) kind: &'static str,
    /// What it is for, in a sentence or two.
    pub(crate) summary: String,
    /// The fields besides `type`.
    pub(crate) fields: Vec<FieldDoc>,
    /// An example frame, as compact JSON.
    pub(crate) example: String,
}

/// All kinds that a client may send.
pub(crate) fn all() -> Vec<KindDoc> {
    #[cfg(target_arch = "wasm32")]
    let found = leptos::prelude::document()
        .get_element_by_id(ELEMENT)
        .and_then(|element| element.text_content());
    #[cfg(not(target_arch = "wasm32"))]
    let found = Some(as_json());
    found.map(|json| read(&json)).unwrap_or_default()
}

/// The data as it is written into the document: JSON without any text that could end the element.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn as_json() -> String {
    use serde_json::json;
    let field = |field: &FieldDoc| {
        json!([field.name, field.kind.as_str(), field.required, field.description])
    };
    let kind = |doc: &protocol::reference::FrameDoc| {
        json!([
            doc.kind,
            doc.summary,
            doc.fields.iter().map(field).collect::<Vec<_>>(),
            doc.example
        ])
    };
    let kinds: Vec<Value> = protocol::reference::client_frames().iter().map(kind).collect();
    Value::from(kinds).to_string().replace('<', "\\u003c")
}

/// Entries that cannot be read are left out; this does not happen, because page and server come
/// from the same build.
fn read(json: &str) -> Vec<KindDoc> {
    let kinds: Value = serde_json::from_str(json).unwrap_or_default();
    kinds.as_array().into_iter().flatten().filter_map(kind).collect()
}

fn kind(kind: &Value) -> Option<KindDoc> {
    let name = kind[0].as_str()?;
    Some(KindDoc {
        kind: ClientFrame::KINDS.into_iter().find(|known| *known == name)?,
        summary: kind[1].as_str()?.to_owned(),
        fields: kind[2].as_array()?.iter().filter_map(field).collect(),
        example: kind[3].as_str()?.to_owned(),
    })
}

/// A client sends no fixed object, so no field has inner fields.
fn field(field: &Value) -> Option<FieldDoc> {
    let kind = field[1].as_str()?;
    Some(FieldDoc {
        name: field[0].as_str()?.to_owned(),
        kind: FieldKind::ALL.into_iter().find(|known| known.as_str() == kind)?,
        required: field[2].as_bool()?,
        description: field[3].as_str()?.to_owned(),
        inner: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_document_is_what_the_types_say() {
        let docs = protocol::reference::client_frames();
        let read = all();
        assert_eq!(read.len(), docs.len());
        for (read, doc) in read.iter().zip(&docs) {
            assert_eq!(
                (read.kind, &read.summary, &read.fields, &read.example),
                (doc.kind, &doc.summary, &doc.fields, &doc.example)
            );
        }
        assert!(!as_json().contains('<'));
    }
}
