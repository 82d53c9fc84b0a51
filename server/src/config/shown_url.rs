//! What is shown of an address that may have secrets in it: a user with a password, or a key in the
//! query.

use super::kind::quoted;
use reqwest::Url;
use std::fmt;

/// Without user, password, query and fragment.
pub(super) fn shown(url: &Url) -> Url {
    let mut url = url.clone();
    // Neither fails for an address with a host; one without has neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// For `Debug`: says so if there is more.
pub(super) fn debug(url: &Url, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let shown = shown(url);
    write!(f, "{shown}{}", if shown == *url { "" } else { " (in part)" })
}

/// For `check`: a value in TOML, with a note if there is more.
pub(super) fn value(url: &Url) -> String {
    let shown = shown(url);
    let note = if shown == *url { "" } else { " # what may be secret in it is not shown" };
    format!("{}{note}", quoted(shown.as_str()))
}
