//! Which compressed form of a file a client gets (RFC 9110, section 12.5.3).

use axum::http::{HeaderMap, header};

/// A form that a file is stored in; the smaller one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// The name in `Accept-Encoding` and `Content-Encoding`.
    pub(super) fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }

    /// The name that a file is asked by, and the form that its name on disk tells.
    pub(super) fn of_file(path: &str) -> (&str, Self) {
        if let Some(name) = path.strip_suffix(".br") {
            (name, Self::Brotli)
        } else if let Some(name) = path.strip_suffix(".gz") {
            (name, Self::Gzip)
        } else {
            (path, Self::Identity)
        }
    }

    /// Whether a request takes this form. A client that refuses every form gets the plain one, so
    /// that it learns more than a 406 would tell.
    pub(crate) fn accepted_by(self, request: &HeaderMap) -> bool {
        let mut wildcard = None;
        for (coding, accepted) in codings(request) {
            if coding.eq_ignore_ascii_case(self.token()) {
                return accepted;
            }
            if coding == "*" {
                wildcard = Some(accepted);
            }
        }
        self == Self::Identity || wildcard.unwrap_or(false)
    }
}

/// The codings that a request names, each with whether it wants it (a weight above zero).
fn codings(request: &HeaderMap) -> impl Iterator<Item = (&str, bool)> {
    request
        .get_all(header::ACCEPT_ENCODING)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|coding| {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = parameters.trim().strip_prefix("q=").map(str::parse::<f32>);
            (name.trim(), !matches!(weight, Some(Ok(0.0))))
        })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accepted(value: &'static str) -> Vec<&'static str> {
        let mut request = HeaderMap::new();
        request.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
        [Encoding::Brotli, Encoding::Gzip, Encoding::Identity]
            .into_iter()
            .filter(|encoding| encoding.accepted_by(&request))
            .map(Encoding::token)
            .collect()
    }

    #[test]
    fn a_request_without_the_header_takes_only_the_plain_form() {
        let request = HeaderMap::new();
        assert!(!Encoding::Brotli.accepted_by(&request));
        assert!(!Encoding::Gzip.accepted_by(&request));
        assert!(Encoding::Identity.accepted_by(&request));
    }

    #[test]
    fn named_codings_are_taken() {
        assert_eq!(accepted("gzip, deflate, br, zstd"), ["br", "gzip", "identity"]);
        assert_eq!(accepted("GZIP;q=0.5"), ["gzip", "identity"]);
        assert_eq!(accepted(""), ["identity"]);
    }

    #[test]
    fn a_weight_of_zero_refuses() {
        assert_eq!(accepted("br;q=0, gzip"), ["gzip", "identity"]);
        assert_eq!(accepted("br ; q=0.000,gzip;q=0.001"), ["gzip", "identity"]);
        assert_eq!(accepted("identity;q=0, br"), ["br"]);
    }

    #[test]
    fn a_wildcard_stands_for_what_is_not_named() {
        assert_eq!(accepted("*"), ["br", "gzip", "identity"]);
        assert_eq!(accepted("br;q=0, *"), ["gzip", "identity"]);
        assert_eq!(accepted("gzip, *;q=0"), ["gzip", "identity"]);
    }
}
