//! The opening handshake, RFC 6455 section 4.2: what a request has to have, and the answer's key.

use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use sha1::{Digest, Sha1};

/// A good opening handshake. Holds the value for `Sec-WebSocket-Accept`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept(HeaderValue);

impl Accept {
    /// The answer. It names no extension and no subprotocol: whatever the client offers, none is negotiated.
    #[must_use]
    pub fn response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.0);
        response
    }
}

/// Why a request is not an opening handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Not `GET` over HTTP/1.1.
    #[error("a WebSocket starts with GET over HTTP/1.1")]
    Method,
    /// The upgrade was not asked for.
    #[error("this is a WebSocket endpoint: the headers `Connection: Upgrade` and `Upgrade: websocket` are missing")]
    NotAnUpgrade,
    /// Another version than 13. The answer names 13.
    #[error("the only version is `Sec-WebSocket-Version: 13`")]
    Version,
    /// Not 16 bytes in base64.
    #[error("`Sec-WebSocket-Key` must be 16 bytes in base64")]
    Key,
}

/// Checks the request and computes the answer's key.
///
/// # Errors
/// [`HandshakeError`] says what is missing.
pub fn accept(method: &Method, version: Version, headers: &HeaderMap) -> Result<Accept, HandshakeError> {
    if method != Method::GET || version != Version::HTTP_11 {
        return Err(HandshakeError::Method);
    }
    if !has_token(headers, header::CONNECTION, "upgrade") || !has_token(headers, header::UPGRADE, "websocket") {
        return Err(HandshakeError::NotAnUpgrade);
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|v| v.as_bytes() != b"13") {
        return Err(HandshakeError::Version);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(HandshakeError::Key)?.as_bytes();
    match BASE64.decode(key) {
        Ok(bytes) if bytes.len() == 16 => HeaderValue::try_from(accept_key(key)).map(Accept).map_err(|_| HandshakeError::Key),
        _ => Err(HandshakeError::Key),
    }
}

fn accept_key(key: &[u8]) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    BASE64.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn request(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    const GOOD: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn without(name: &str, instead: Option<&str>) -> Result<Accept, HandshakeError> {
        let mut pairs: Vec<_> = GOOD.into_iter().filter(|(n, _)| *n != name).collect();
        if let Some(value) = instead {
            pairs.push((GOOD.iter().find(|(n, _)| *n == name).unwrap().0, value));
        }
        accept(&Method::GET, Version::HTTP_11, &request(&pairs))
    }

    #[test]
    fn the_rfc_example() {
        assert_eq!(accept(&Method::GET, Version::HTTP_11, &request(&GOOD)).unwrap().0, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn no_extension_and_no_subprotocol_is_negotiated() {
        let offers = [("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"), ("sec-websocket-protocol", "chat")];
        let response: Response<()> = accept(&Method::GET, Version::HTTP_11, &request(&[&GOOD[..], &offers].concat())).unwrap().response();
        let mut names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["connection", "sec-websocket-accept", "upgrade"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(accept(&Method::POST, Version::HTTP_11, &request(&GOOD)), Err(HandshakeError::Method));
        assert_eq!(accept(&Method::GET, Version::HTTP_10, &request(&GOOD)), Err(HandshakeError::Method));
        assert_eq!(without("connection", None), Err(HandshakeError::NotAnUpgrade));
        assert_eq!(without("upgrade", Some("h2c")), Err(HandshakeError::NotAnUpgrade));
        assert_eq!(without("sec-websocket-version", Some("8")), Err(HandshakeError::Version));
        assert_eq!(without("sec-websocket-key", Some("short")), Err(HandshakeError::Key));
        assert_eq!(without("sec-websocket-key", None), Err(HandshakeError::Key));
    }
}
