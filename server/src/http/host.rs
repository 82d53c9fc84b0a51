//! The host that a request is for: its header `Host`, or its target's own where that names one. Who
//! asks by a name that is not this gateway's is refused: a page of the web that gives its own name
//! this machine's address (DNS rebinding) is no local page.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use protocol::ErrorCode;

use super::problem::{Code, Problem};
use crate::config::{AuthMode, Authority, Config, HostName};
use crate::gateway::Gateway;

/// The listener that a request came by. It puts this into each request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Whether only this machine reaches it over TCP.
    pub is_loopback: bool,
}

impl Listener {
    /// A TCP listener that is bound to `address`.
    #[must_use]
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { is_loopback: address.ip().to_canonical().is_loopback() }
    }
}

/// What a request is for; `None` only over HTTP/1.0, which may leave it out.
#[derive(Clone, Debug)]
pub(super) struct AskedHost(pub(super) Option<Authority>);

impl<S: Sync> FromRequestParts<S> for AskedHost {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| ErrorCode::Internal.into())
    }
}

/// Refuses a request whose host is missing, repeated or malformed with 400, and writes it into the
/// extensions of every other.
pub(super) async fn read(mut request: Request, next: Next) -> Result<Response, Problem> {
    let asked = asked(request.uri(), request.version(), request.headers()).map_err(malformed)?;
    request.extensions_mut().insert(AskedHost(asked));
    Ok(next.run(request).await)
}

/// Refuses a request by a name that this gateway does not answer to with 421. Probes of health are
/// answered by any name.
pub(super) async fn check(
    State(gateway): State<Arc<Gateway>>,
    AskedHost(asked): AskedHost,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(asked) = asked.filter(|_| !is_probe(request.uri().path())) {
        let Listener { is_loopback } = request
            .extensions()
            .get()
            .copied()
            .ok_or_else(|| Problem::from(ErrorCode::Internal))?;
        if !answers_to(gateway.config(), &HostName::of(&asked), is_loopback) {
            return Err(misdirected(asked.host()));
        }
    }
    Ok(next.run(request).await)
}

fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// `access.allowed_hosts` decides. Without any name there, every name is good but on a loopback
/// listener in demo mode, where only the machine's own names are.
fn answers_to(config: &Config, name: &HostName, is_loopback_listener: bool) -> bool {
    let allowed = &config.access.allowed_hosts;
    let is_own_machine = is_loopback_listener && name.is_loopback();
    let is_named = allowed.contains(name);
    let takes_any =
        allowed.is_empty() && !(is_loopback_listener && config.auth.mode == AuthMode::Demo);
    takes_any || is_named || is_own_machine
}

/// What is wrong with a request's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Malformed {
    #[error("A request over HTTP/1.1 has the header Host; this one has none.")]
    Missing,
    #[error("The header Host must come once.")]
    Repeated,
    #[error("The header Host must be a name or an address, with a port or without.")]
    NotAHost,
}

/// RFC 9112, sections 3.2 and 3.2.2: a target that names a host overrides the header, which must be
/// good all the same.
fn asked(
    target: &Uri,
    version: Version,
    headers: &HeaderMap,
) -> Result<Option<Authority>, Malformed> {
    let mut lines = headers.get_all(header::HOST).iter();
    let header = match (lines.next(), lines.next()) {
        (Some(_), Some(_)) => return Err(Malformed::Repeated),
        (Some(line), None) => Some(line.to_str().ok().and_then(parse).ok_or(Malformed::NotAHost)?),
        (None, _) if version == Version::HTTP_10 => None,
        (None, _) => return Err(Malformed::Missing),
    };
    match target.authority() {
        Some(authority) => parse(authority.as_str()).map(Some).ok_or(Malformed::NotAHost),
        None => Ok(header),
    }
}

/// A port may be empty: `gateway.example:` (RFC 3986, section 3.2.3).
fn parse(text: &str) -> Option<Authority> {
    Authority::parse(text.strip_suffix(':').unwrap_or(text))
}

fn malformed(why: Malformed) -> Problem {
    Problem::new(Code::Protocol(ErrorCode::InvalidMessage), why.to_string())
}

fn misdirected(host: &str) -> Problem {
    let detail = format!(
        "This gateway does not answer to the name {host}. If it should, add the name to access.allowed_hosts in its configuration."
    );
    Problem::new(Code::Misdirected, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str, version: Version, hosts: &[&str]) -> Result<Option<String>, Malformed> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        Ok(asked(&target.parse().unwrap(), version, &headers)?
            .map(|authority| authority.host().to_owned()))
    }

    #[test]
    fn the_header_names_the_host() {
        for (line, host) in [
            ("Gateway.Example:3000", "gateway.example"),
            ("[::1]:3000", "[::1]"),
            ("gateway:", "gateway"),
            ("a_b.", "a_b."),
        ] {
            assert_eq!(of("/", Version::HTTP_11, &[line]), Ok(Some(host.to_owned())), "{line}");
        }
    }

    #[test]
    fn it_may_be_left_out_over_http_1_0_only() {
        assert_eq!(of("/", Version::HTTP_10, &[]), Ok(None));
        assert_eq!(of("/", Version::HTTP_11, &[]), Err(Malformed::Missing));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for version in [Version::HTTP_10, Version::HTTP_11] {
            for line in [
                "", "a b", "u@a", "a/b", "a:b", "a:99999", "a:1:2", "[::1", "::1", "a,b", "a?b",
                "%61", ":80",
            ] {
                assert_eq!(of("/", version, &[line]), Err(Malformed::NotAHost), "{line}");
            }
            assert_eq!(of("/", version, &["a", "a"]), Err(Malformed::Repeated));
        }
    }

    #[test]
    fn a_target_that_names_a_host_overrides_the_header() {
        assert_eq!(
            of("http://a.example:80/x", Version::HTTP_11, &["b.example"]),
            Ok(Some("a.example".to_owned()))
        );
        assert_eq!(
            of("http://u@a.example/", Version::HTTP_11, &["a.example"]),
            Err(Malformed::NotAHost)
        );
        assert_eq!(of("http://a.example/", Version::HTTP_11, &[]), Err(Malformed::Missing));
        assert_eq!(of("http://a.example/", Version::HTTP_11, &["a b"]), Err(Malformed::NotAHost));
    }

    fn answers(config: &Config, listener: &str, host: &str) -> bool {
        let Listener { is_loopback } = Listener::at(listener.parse().unwrap());
        answers_to(config, &HostName::of(&parse(host).unwrap()), is_loopback)
    }

    const LOOPBACK: [&str; 3] = ["127.0.0.1:3000", "[::1]:3000", "[::ffff:127.0.0.1]:3000"];
    const OTHER: [&str; 3] = ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000"];

    #[test]
    fn without_a_list_only_demo_mode_on_loopback_asks_for_a_name_of_this_machine() {
        let mut config = Config::default();
        for listener in LOOPBACK {
            for own in ["localhost:3000", "App.Localhost", "127.0.0.1", "[::1]:3000", "localhost."]
            {
                assert!(answers(&config, listener, own), "{own}");
            }
            for rebound in ["evil.example", "localhost.evil.example", "192.0.2.1", "0.0.0.0"] {
                assert!(!answers(&config, listener, rebound), "{rebound}");
            }
        }
        for listener in OTHER {
            assert!(answers(&config, listener, "any.example"), "{listener}");
        }
        config.auth.mode = AuthMode::Jwt;
        assert!(answers(&config, LOOPBACK[0], "any.example"));
    }

    #[test]
    fn a_list_names_all_that_is_good_besides_loopback_on_loopback() {
        for mode in [AuthMode::Demo, AuthMode::Jwt] {
            let mut config = Config::default();
            config.auth.mode = mode;
            config.access.allowed_hosts = ["gateway.example", "[2001:db8::1]"]
                .map(|name| HostName::of(&parse(name).unwrap()))
                .into();
            for listener in LOOPBACK.into_iter().chain(OTHER) {
                for named in ["Gateway.Example.:443", "[2001:DB8:0::1]"] {
                    assert!(answers(&config, listener, named), "{named} at {listener}");
                }
                assert!(!answers(&config, listener, "other.example"), "{listener}");
                assert_eq!(
                    answers(&config, listener, "localhost"),
                    LOOPBACK.contains(&listener),
                    "{listener}"
                );
            }
        }
    }
}
