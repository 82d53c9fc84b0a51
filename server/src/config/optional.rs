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

/// An `http://` or `https://` address; the empty text is none.
pub(super) struct WebAddress;

impl Kind for WebAddress {
    type Value = Option<String>;

    fn read(&self, found: &Found<'_>) -> Option<Self::Value> {
        let text = found.text()?;
        if text.is_empty() {
            return Some(None);
        }
        let url = reqwest::Url::parse(text).ok()?;
        let good = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none();
        good.then(|| Some(text.to_owned()))
    }

    fn show(&self, value: &Self::Value) -> String {
        quoted(value.as_deref().unwrap_or_default())
    }

    fn allowed(&self) -> String {
        "an address that begins with https:// or http:// and has no password in it, or \"\" for none".to_owned()
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
