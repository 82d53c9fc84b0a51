//! Values that may be left out: a text or none, a switch or "as it fits".

use super::kind::{Found, Kind, Switch, quoted};

/// A text without control characters; the empty one is none.
pub(super) struct Text;

impl Kind for Text {
    type Value = Option<String>;

    fn read(&self, found: &Found<'_>) -> Option<Self::Value> {
        let text = found.text().filter(|text| !text.chars().any(char::is_control))?;
        Some((!text.is_empty()).then(|| text.to_owned()))
    }

    fn show(&self, value: &Self::Value) -> String {
        quoted(value.as_deref().unwrap_or_default())
    }

    fn allowed(&self) -> String {
        "a text without control characters, or \"\" for none".to_owned()
    }
}

/// `true`, `false`, or `"auto"`: what fits the rest.
pub(super) struct SwitchOrAuto;

const AUTO: &str = "auto";

impl Kind for SwitchOrAuto {
    type Value = Option<bool>;

    fn read(&self, found: &Found<'_>) -> Option<Self::Value> {
        if found.text() == Some(AUTO) { Some(None) } else { Switch.read(found).map(Some) }
    }

    fn show(&self, value: &Self::Value) -> String {
        value.as_ref().map_or_else(|| quoted(AUTO), |on| Switch.show(on))
    }

    fn allowed(&self) -> String {
        "true, false or \"auto\"".to_owned()
    }
}
