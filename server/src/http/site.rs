//! The origin of a request that has an effect: a person, the gateway's own page, or a page of
//! another site.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use protocol::ErrorCode;

use super::problem::{Code, Problem};
use crate::config::{Authority, Origin};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Browsers send these headers when they load an address before the user has asked for it.
const SPECULATIVE: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// Lets a request pass that a person or the gateway's own page has sent to `host`.
///
/// Browsers say by `Sec-Fetch-Site` who did; `none` is the address bar. `same-site` is refused too:
/// it names another origin, and on a shared domain (or another port of this machine) a stranger's.
/// Over plain HTTP browsers do not say it, so there `Origin` and `Referer` decide, if they are
/// there. Other clients send none of the three.
///
/// # Errors
/// `FORBIDDEN`: with 403 if another site's page sent it, with 503 if the browser loads it on
/// suspicion, so that it comes again when it is needed.
pub(super) fn check(headers: &HeaderMap, host: Option<&Authority>) -> Result<(), Problem> {
    if SPECULATIVE.iter().any(|name| headers.contains_key(name)) {
        let detail = "This publishes, so it is not loaded ahead. Ask for it when it is needed.";
        return Err(Problem::new(Code::Protocol(ErrorCode::Forbidden), detail)
            .with_status(StatusCode::SERVICE_UNAVAILABLE));
    }
    if is_own(headers, host) {
        return Ok(());
    }
    let detail = "This publishes, so pages of other sites may not ask for it. Open the address itself, or use curl.";
    Err(Problem::new(Code::Protocol(ErrorCode::Forbidden), detail))
}

fn is_own(headers: &HeaderMap, host: Option<&Authority>) -> bool {
    if headers.contains_key(SEC_FETCH_SITE) {
        return headers
            .get_all(SEC_FETCH_SITE)
            .iter()
            .all(|site| matches!(site.as_bytes(), b"none" | b"same-origin"));
    }
    let is_host = |origin: Option<Origin>| {
        origin.zip(host).is_some_and(|(origin, host)| origin.is_host(host))
    };
    let all = |name, read: fn(&str) -> Option<Origin>| {
        headers.get_all(name).iter().all(|value| is_host(value.to_str().ok().and_then(read)))
    };
    all(header::ORIGIN, Origin::parse) && all(header::REFERER, Origin::of_url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    /// The status by which a request to `gateway.example:3000` is refused; 200 if it is not.
    fn status(headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let host = Authority::parse("gateway.example:3000").unwrap();
        check(&map, Some(&host))
            .map_or_else(|problem| problem.into_response().status().as_u16(), |()| 200)
    }

    const OWN: &str = "http://gateway.example:3000";

    #[test]
    fn what_is_not_a_browser_may() {
        assert_eq!(status(&[]), 200);
    }

    #[test]
    fn fetch_metadata_decides_if_it_is_there() {
        for own in ["none", "same-origin"] {
            assert_eq!(status(&[("sec-fetch-site", own)]), 200, "{own}");
            assert_eq!(
                status(&[("sec-fetch-site", own), ("referer", "https://elsewhere.example/")]),
                200,
                "{own}"
            );
        }
        for other in ["cross-site", "same-site", "", "None"] {
            assert_eq!(status(&[("sec-fetch-site", other), ("origin", OWN)]), 403, "{other}");
        }
        assert_eq!(status(&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")]), 403);
    }

    #[test]
    fn without_it_origin_and_referer_must_be_the_gateways_own() {
        for referer in [
            "http://gateway.example:3000",
            "http://gateway.example:3000/docs?a=1#b",
            "http://Gateway.Example:3000/",
        ] {
            assert_eq!(status(&[("referer", referer)]), 200, "{referer}");
            assert_eq!(status(&[("referer", referer), ("origin", OWN)]), 200, "{referer}");
        }
        for referer in [
            "https://elsewhere.example/",
            "http://gateway.example/",
            "http://gateway.example:3000@evil.example/",
            "",
            "about:blank",
            "null",
        ] {
            assert_eq!(status(&[("referer", referer)]), 403, "{referer}");
            assert_eq!(status(&[("origin", OWN), ("referer", referer)]), 403, "{referer}");
        }
        for origin in
            ["https://elsewhere.example", "null", "http://gateway.example:3001", "nonsense", ""]
        {
            assert_eq!(status(&[("origin", origin)]), 403, "{origin}");
        }
        assert_eq!(status(&[("origin", OWN), ("origin", "https://elsewhere.example")]), 403);
    }

    #[test]
    fn without_a_host_no_origin_is_its_own() {
        let mut headers = HeaderMap::new();
        assert!(check(&headers, None).is_ok());
        headers.insert(header::ORIGIN, OWN.parse().unwrap());
        assert!(check(&headers, None).is_err());
    }

    #[test]
    fn nothing_is_loaded_ahead() {
        for (name, value) in [
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "prefetch"),
            ("x-purpose", "preview"),
            ("x-moz", "prefetch"),
        ] {
            assert_eq!(status(&[("sec-fetch-site", "none"), (name, value)]), 503, "{name}");
        }
    }
}
