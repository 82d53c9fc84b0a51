//! Lists of values: an array in a file, separated by commas in a variable.

use super::kind::{Found, Kind, quoted};
use std::path::PathBuf;

/// Any number of values of type `T`.
pub(super) struct List<T> {
    /// `None`: the text is no such value.
    pub(super) parse: fn(&str) -> Option<T>,
    /// As a text that `parse` takes back.
    pub(super) show: fn(&T) -> String,
    /// What [`Kind::allowed`] says.
    pub(super) allowed: &'static str,
}

impl<T> Kind for List<T> {
    type Value = Vec<T>;

    fn read(&self, found: &Found<'_>) -> Option<Vec<T>> {
        found.texts()?.into_iter().map(self.parse).collect()
    }

    fn show(&self, value: &Vec<T>) -> String {
        quoted_list(value.iter().map(self.show))
    }

    fn allowed(&self) -> String {
        self.allowed.to_owned()
    }
}

/// As a TOML array of strings.
pub(super) fn quoted_list(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<String> = texts.map(|text| quoted(&text)).collect();
    format!("[{}]", texts.join(", "))
}

/// Paths of files.
pub(super) const FILES: List<PathBuf> = List {
    parse: |text| (!text.is_empty()).then(|| text.into()),
    show: |path| path.display().to_string(),
    allowed: "a list of paths, such as [\"old.pem\"] (in a variable separated by commas)",
};
