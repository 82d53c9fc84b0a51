//! Headers that every answer carries: they tell browsers and caches what not to do with it.

use axum::http::{HeaderValue, header};
use axum::response::Response;

/// No guessing of types, no address of this gateway to other sites, no frame around it, and no copy
/// kept of what is of the moment. A page may set a policy of its own, and a document say how long
/// it may be kept.
pub(super) async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("frame-ancestors 'none'"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
