//! Which pages may open a WebSocket: a browser sends the page's origin along, and does not keep a
//! page of the web from connecting to this gateway by itself.

use axum::http::{HeaderMap, header};

use crate::config::{AllowedOrigins, AuthMode, Authority, Config, Origin};

/// Whether a WebSocket handshake with these headers may go on, which was sent to `host`.
///
/// May: no `Origin` (not a browser); an origin whose host and port are the request's own; what
/// `access.allowed_origins` names; in demo mode every loopback origin, so that a page of a local
/// development server works and one of the web does not. `Origin: null` (a sandboxed frame, a local
/// file) only by `"*"`.
pub(super) fn may_connect(config: &Config, headers: &HeaderMap, host: Option<&Authority>) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(text) = origins.next() else {
        return true;
    };
    if config.access.allowed_origins == AllowedOrigins::Any {
        return true;
    }
    let origin = text.to_str().ok().and_then(Origin::parse);
    match (origin, origins.next()) {
        (Some(origin), None) => may(config, &origin, host),
        _ => false,
    }
}

fn may(config: &Config, origin: &Origin, host: Option<&Authority>) -> bool {
    let is_named = matches!(&config.access.allowed_origins, AllowedOrigins::Only(named) if named.contains(origin));
    let is_own_machine = config.auth.mode == AuthMode::Demo && origin.is_loopback();
    is_named || is_own_machine || host.is_some_and(|host| origin.is_host(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(allowed: &[&str]) -> Config {
        let mut config = Config::default();
        config.access.allowed_origins = match allowed {
            ["*"] => AllowedOrigins::Any,
            named => AllowedOrigins::Only(
                named.iter().map(|text| Origin::parse(text).unwrap()).collect(),
            ),
        };
        config
    }

    /// A request to `gateway.example:3000` from pages of these origins.
    fn check(config: &Config, origins: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        may_connect(config, &headers, Authority::parse("gateway.example:3000").as_ref())
    }

    #[test]
    fn what_is_not_a_browser_may() {
        assert!(check(&config(&[]), &[]));
    }

    #[test]
    fn pages_of_the_same_host_and_port_may() {
        let config = config(&[]);
        assert!(check(&config, &["http://gateway.example:3000"]));
        assert!(check(&config, &["https://Gateway.Example:3000"]));
        for origin in [
            "http://gateway.example",
            "http://gateway.example:3001",
            "http://gateway.example.evil.example:3000",
        ] {
            assert!(!check(&config, &[origin]), "{origin}");
        }
    }

    #[test]
    fn pages_of_the_readers_machine_may_in_demo_mode() {
        let config = config(&[]);
        for origin in [
            "http://localhost:5173",
            "http://app.localhost",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
        ] {
            assert!(check(&config, &[origin]), "{origin}");
        }
    }

    #[test]
    fn other_pages_may_where_they_are_named() {
        assert!(!check(&config(&[]), &["https://app.example"]));
        let config = config(&["https://app.example"]);
        assert!(check(&config, &["https://app.example"]));
        assert!(check(&config, &["https://APP.example:443"]));
        for origin in ["http://app.example", "https://app.example:444", "https://sub.app.example"] {
            assert!(!check(&config, &[origin]), "{origin}");
        }
    }

    #[test]
    fn null_and_nonsense_may_only_by_the_asterisk() {
        for origins in
            [&["null"][..], &["nonsense"], &[""], &["http://localhost", "https://evil.example"]]
        {
            assert!(!check(&config(&["https://app.example"]), origins), "{origins:?}");
            assert!(check(&config(&["*"]), origins), "{origins:?}");
        }
    }

    #[test]
    fn without_a_host_there_is_no_same_host() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, "http://gateway.example".parse().unwrap());
        assert!(!may_connect(&config(&[]), &headers, None));
    }
}
