//! Which backends may publish over HTTP: those that show an API key, `Authorization: Bearer KEY`.

use axum::http::{HeaderMap, header};
use protocol::ErrorCode;
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::problem::{Code, Problem};
use crate::gateway::Gateway;

/// As the handlers name it in the OpenAPI document.
const SCHEME: &str = "apiKey";

/// Lets a request pass that shows one of the gateway's API keys.
///
/// # Errors
/// `AUTH_FAILED`. Says nothing of how near the key was.
pub(super) fn check(gateway: &Gateway, headers: &HeaderMap) -> Result<(), Problem> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let key = match (shown.next().and_then(|value| value.to_str().ok()), shown.next()) {
        (Some(value), None) => bearer(value),
        _ => None,
    };
    match (key, gateway.verifiers.api_keys()) {
        (Some(key), Some(keys)) if keys.accept(key) => Ok(()),
        (Some(_), _) => {
            gateway.meter.count_refused_api_key();
            Err(refused("The API key is not one of this gateway's (http.api_keys_file)."))
        }
        (None, _) => {
            Err(refused("This needs an API key: send the header Authorization: Bearer KEY."))
        }
    }
}

fn refused(detail: &str) -> Problem {
    Problem::new(Code::Protocol(ErrorCode::AuthFailed), detail)
}

/// The scheme's name is not case-sensitive, RFC 9110 section 11.1.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_matches(' '))
}

/// Writes the scheme into the OpenAPI document.
pub(super) struct Documented;

impl Modify for Documented {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A line of the file that http.api_keys_file names"));
        document
            .components
            .get_or_insert_default()
            .add_security_scheme(SCHEME, SecurityScheme::Http(scheme.build()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_follows_the_word_bearer() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bEARER  abc "), Some("abc"));
        for other in ["", "abc", "Bearer", "Basic abc", "Bearerabc"] {
            assert_eq!(bearer(other), None, "{other}");
        }
    }
}
