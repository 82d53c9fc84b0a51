//! The scripts in a document's text, as a content security policy names them: by the hash of each
//! (CSP 3, section 2.3.1).
//!
//! Relies on the document being written by `app` alone: what is hashed here may run.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};

/// A source for each inline script of `html`: `'sha256-…' 'sha256-…'`.
pub(super) fn sources(html: &str) -> String {
    let sources: Vec<String> = scripts(html)
        .map(|script| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, script.as_bytes()))))
        .collect();
    sources.join(" ")
}

/// The texts between `<script …>` and `</script>` that a browser would run. Data is not run.
fn scripts(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (text, _) = rest.split_once("</script>")?;
        (!text.is_empty() && !attributes.contains("application/json")).then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_run_are_named_by_their_hash() {
        let html = r#"<script>alert('Hello, world.');</script><p><script type="application/json" id="x">{}</script></p>
            <script src="/a.js"></script><script type="module">1 > 0</script>"#;
        assert_eq!(scripts(html).collect::<Vec<_>>(), ["alert('Hello, world.');", "1 > 0"]);
        // The example of the specification.
        assert!(
            sources(html)
                .starts_with("'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=' 'sha256-")
        );
    }
}
