//! One `/` at the end of a path makes no difference: it is dropped before the path is looked up.
//! `%2F` is no `/`, so a topic keeps it. Pages are the exception: what they refer to is found from
//! their own address, so they lead there.

use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// In the extensions of a request whose path has lost its slash.
#[derive(Clone, Copy)]
struct Dropped;

/// Drops it.
pub(super) async fn drop_one(mut request: Request, next: Next) -> Response {
    if let Some(target) = without_slash(request.uri()) {
        *request.uri_mut() = target;
        request.extensions_mut().insert(Dropped);
    }
    next.run(request).await
}

/// For pages: a request whose path had a slash too many is told the right address, relative to the
/// one that it was for, since a proxy may have put something before it.
pub(super) async fn redirect(request: Request, next: Next) -> Response {
    if request.extensions().get::<Dropped>().is_none() {
        return next.run(request).await;
    }
    match HeaderValue::try_from(from_below(request.uri())) {
        Ok(location) => {
            (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
        // What came as a request's target is good as a header.
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// `target` with its path's last slash dropped; `None` if there is none, or nothing else.
fn without_slash(target: &Uri) -> Option<Uri> {
    let path = target.path().strip_suffix('/').filter(|path| !path.is_empty())?;
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = target.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// How a page is referred to by the address of itself with a slash behind: `/docs?a=1` by
/// `../docs?a=1`.
fn from_below(page: &Uri) -> String {
    let name = page.path().rsplit('/').next().unwrap_or_default();
    let query = page.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("../{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(target: &str) -> Option<String> {
        without_slash(&target.parse().unwrap()).map(|target| target.to_string())
    }

    #[test]
    fn only_the_last_raw_slash_is_dropped() {
        for (target, expected) in [
            ("/stats/", "/stats"),
            ("/stats/?a=/", "/stats?a=/"),
            ("/ws/sub/a%2F/", "/ws/sub/a%2F"),
            ("/ws/sub//", "/ws/sub/"),
            ("//", "/"),
            ("http://gateway.example/docs/", "http://gateway.example/docs"),
        ] {
            assert_eq!(dropped(target).as_deref(), Some(expected), "{target}");
        }
        for target in ["/", "/stats", "/stats?a/", "/ws/sub/a%2F", "*", "http://gateway.example"] {
            assert_eq!(dropped(target), None, "{target}");
        }
    }

    #[test]
    fn a_page_is_found_from_below_itself() {
        assert_eq!(from_below(&"/docs".parse().unwrap()), "../docs");
        assert_eq!(from_below(&"/before/docs?a=1&b=/".parse().unwrap()), "../docs?a=1&b=/");
    }
}
