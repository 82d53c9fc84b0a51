//! One file in the forms in which it is stored, and the answer to a request for it: the smallest
//! form that the client takes, or 304.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ring::digest::{SHA256, digest};

use super::{compress::compress, encoding::Encoding};

/// The file's name or address changes with its content: browsers may keep it for good.
pub(crate) const FOREVER: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");
/// Browsers ask each time whether it has changed.
pub(crate) const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// One file in all the forms in which it is stored.
#[derive(Debug)]
pub struct Asset {
    /// What every answer carries, whichever form it has.
    headers: HeaderMap,
    forms: BTreeMap<Encoding, Form>,
}

#[derive(Debug)]
struct Form {
    content: Bytes,
    /// Strong, hence another one for each form.
    etag: HeaderValue,
}

impl Asset {
    /// In no form yet.
    pub(crate) fn new(content_type: &'static str, cache_control: HeaderValue) -> Self {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CACHE_CONTROL, cache_control),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        Self { headers: headers.into_iter().collect(), forms: BTreeMap::new() }
    }

    /// With `content` as it is, and compressed. Takes milliseconds: not for the thread of a
    /// runtime.
    pub(crate) fn in_every_form(self, content: Vec<u8>) -> Self {
        let revision = revision(&content);
        let packed = [Encoding::Brotli, Encoding::Gzip].into_iter();
        let packed = packed
            .filter_map(|encoding| Some((encoding, compress(encoding, &content).ok()?)))
            .collect::<Vec<_>>();
        let plain = self.with_form(Encoding::Identity, content, &revision);
        packed
            .into_iter()
            .fold(plain, |asset, (encoding, content)| asset.with_form(encoding, content, &revision))
    }

    /// With this form besides. `revision` changes with the content.
    pub(crate) fn with_form(
        mut self,
        encoding: Encoding,
        content: impl Into<Bytes>,
        revision: &str,
    ) -> Self {
        // Revisions are hexadecimal.
        if let Ok(etag) = HeaderValue::try_from(format!("\"{revision}-{}\"", encoding.token())) {
            self.forms.insert(encoding, Form { content: content.into(), etag });
        }
        self
    }

    /// With another header on every answer.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The smallest form that the client takes, or 304 if it has that one.
    pub(crate) fn respond(&self, request: &HeaderMap) -> Response {
        let accepted = |&(encoding, _): &(&Encoding, &Form)| encoding.accepted_by(request);
        let Some((encoding, form)) =
            self.forms.iter().find(accepted).or(self.forms.last_key_value())
        else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let mut headers = self.headers.clone();
        headers.insert(header::ETAG, form.etag.clone());
        if form.is_held_by(request) {
            headers.remove(header::CONTENT_TYPE);
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        if *encoding != Encoding::Identity {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
        }
        (headers, form.content.clone()).into_response()
    }
}

impl Form {
    fn is_held_by(&self, request: &HeaderMap) -> bool {
        is_held(&self.etag, request)
    }
}

/// Whether the request's `If-None-Match` names this tag. The comparison is the weak one (RFC 9110,
/// section 13.1.2): caches on the way may have weakened a tag.
pub(crate) fn is_held(etag: &HeaderValue, request: &HeaderMap) -> bool {
    let opaque = |tag: &str| tag.trim_start_matches("W/").to_owned();
    let etag = etag.to_str().map(opaque).unwrap_or_default();
    request
        .get_all(header::IF_NONE_MATCH)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || opaque(tag) == etag)
}

/// A name for `content`: another one as soon as the content is.
pub(crate) fn revision(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
