//! Values that may be left out: a text or none, a switch or "as it fits".

use super::kind::{Found, Kind, Switch, quoted};
use std::{net::SocketAddr, path::PathBuf};

/// A value of type `T`; the empty text is none.
pub(super) struct OrNone<T> {
    /// `None`: the text is no such value.
    parse: fn(&str) -> Option<T>,
    /// As a text that `parse` takes back.
    show: fn(&T) -> String,
    /// What [`Kind::allowed`] says.
    allowed: &'static str,
}

impl<T> Kind for OrNone<T> {
    type Value = Option<T>;

    fn read(&self, found: &Found<'_>) -> Option<Option<T>> {
        match found.text()? {
            "" => Some(None),
            text => (self.parse)(text).map(Some),
        }
    }

    fn show(&self, value: &Option<T>) -> String {
        quoted(&value.as_ref().map(self.show).unwrap_or_default())
    }

    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }
}

/// A text without control characters.
pub(super) const TEXT: OrNone<String> = OrNone {
    parse: |text| (!text.chars().any(char::is_control)).then(|| text.to_owned()),
    show: String::clone,
    allowed: "a text without control characters, or \"\" for none",
};

/// A file's path.
pub(super) const FILE: OrNone<PathBuf> = OrNone {
    parse: |text| Some(text.into()),
    show: |path| path.display().to_string(),
    allowed: "the path of a file, or \"\" for none",
};

/// An IP address with a port.
pub(super) const ADDRESS: OrNone<SocketAddr> = OrNone {
    parse: |text| text.parse().ok(),
    show: SocketAddr::to_string,
    allowed: "an IP address with a port, such as \"127.0.0.1:9100\" or \"[::1]:9100\", or \"\" for none",
};

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
