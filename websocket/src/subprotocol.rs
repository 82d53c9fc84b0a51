//! The subprotocols that a client offers in `Sec-WebSocket-Protocol`, RFC 6455 section 4.1: a list
//! of names, in the order of its preference.

use super::HandshakeError;
use http::{HeaderMap, header};

/// The names that the client offers; several header lines are one list. Empty elements of the list
/// are ignored (RFC 9110, section 5.6.1).
///
/// # Errors
/// [`HandshakeError::Subprotocols`] if the header is present and is not a list of names.
pub fn subprotocols(headers: &HeaderMap) -> Result<Vec<&str>, HandshakeError> {
    let mut offers = Vec::new();
    for line in headers.get_all(header::SEC_WEBSOCKET_PROTOCOL) {
        let before = offers.len();
        let names = line
            .to_str()
            .map_err(|_| HandshakeError::Subprotocols)?
            .split(',')
            .map(|name| name.trim_matches([' ', '\t']));
        offers.extend(names.filter(|name| !name.is_empty()));
        if offers.len() == before || !offers[before..].iter().all(|name| is_token(name)) {
            return Err(HandshakeError::Subprotocols);
        }
    }
    Ok(offers)
}

/// A token by RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::SEC_WEBSOCKET_PROTOCOL, line.parse().unwrap())).collect()
    }

    #[test]
    fn names_come_in_their_order() {
        assert_eq!(subprotocols(&headers(&[])), Ok(vec![]));
        assert_eq!(subprotocols(&headers(&["a"])), Ok(vec!["a"]));
        assert_eq!(subprotocols(&headers(&["b,\ta.v1 ,, c"])), Ok(vec!["b", "a.v1", "c"]));
    }

    #[test]
    fn what_is_no_list_of_names_is_refused() {
        for bad in ["", " ", ",", "a b", "\"a\"", "a;b", "a,b/c", "(a)", "\u{e4}"] {
            assert_eq!(
                subprotocols(&headers(&[bad])),
                Err(HandshakeError::Subprotocols),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let mut several = HeaderMap::new();
        for line in ["b", "a, c"] {
            several.append(header::SEC_WEBSOCKET_PROTOCOL, line.parse().unwrap());
        }
        assert_eq!(subprotocols(&several), Ok(vec!["b", "a", "c"]));
        several.append(header::SEC_WEBSOCKET_PROTOCOL, "d e".parse().unwrap());
        assert_eq!(subprotocols(&several), Err(HandshakeError::Subprotocols));
    }
}
