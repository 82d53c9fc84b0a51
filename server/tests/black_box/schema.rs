//! Checks values against schemas within a larger document, to whose parts they refer.

use jsonschema::Validator;
use serde_json::Value;

/// A validator for `schema`, whose references are relative to the root of `document`.
pub(crate) fn within(document: &Value, schema: &Value) -> Validator {
    let mut root = schema.as_object().unwrap().clone();
    if let Some(components) = document.get("components") {
        root.insert("components".to_owned(), components.clone());
    }
    jsonschema::draft202012::new(&Value::Object(root)).unwrap()
}

/// Fails with all reasons for which `value` does not fit.
pub(crate) fn assert_fits(validator: &Validator, value: &Value, what: &str) {
    let reasons: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(reasons.is_empty(), "{what}: {value}\n{}", reasons.join("\n"));
}

/// Every text of a key `$ref`.
pub(crate) fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Fails if a reference has no target.
pub(crate) fn assert_references_resolve(document: &Value) {
    let references = references(document);
    assert!(!references.is_empty());
    for reference in references {
        assert!(
            document.pointer(reference.strip_prefix('#').unwrap()).is_some(),
            "{reference} refers to nothing"
        );
    }
}
