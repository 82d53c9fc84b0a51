//! The opening handshake, RFC 6455 section 4.2: checks a request and computes the answer's key.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use sha1::{Digest, Sha1};

/// A valid opening handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The value for `Sec-WebSocket-Accept`.
    key: HeaderValue,
    subprotocol: Option<HeaderValue>,
}

impl Accept {
    /// Selects one of the [subprotocols](super::subprotocols) that the client offers. A name that
    /// cannot be a header value is ignored.
    #[must_use]
    pub fn with_subprotocol(self, name: &str) -> Self {
        Self { subprotocol: HeaderValue::from_str(name).ok(), ..self }
    }

    /// The answer. It names no extension: whatever extensions the client offers, none is
    /// negotiated.
    #[must_use]
    pub fn response<B: Default>(self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.key);
        if let Some(name) = self.subprotocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, name);
        }
        response
    }
}

/// Why a request is not an opening handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The request is not `GET` over HTTP/1.1.
    #[error("a WebSocket starts with GET over HTTP/1.1")]
    Method,
    /// The request does not ask for the upgrade.
    #[error(
        "this is a WebSocket endpoint: the headers `Connection: Upgrade` and `Upgrade: websocket` are missing"
    )]
    NotAnUpgrade,
    /// A version other than 13. The answer has to name 13.
    #[error("the only version is `Sec-WebSocket-Version: 13`")]
    Version,
    /// The key is not 16 bytes in base64.
    #[error("`Sec-WebSocket-Key` must be 16 bytes in base64")]
    Key,
    /// A header that is allowed once is repeated.
    #[error("`{0}` must come once")]
    Repeated(&'static str),
    /// A length above 0 or a transfer encoding: the body would be taken for frames.
    #[error(
        "an opening handshake has no body: neither `Content-Length` above 0 nor `Transfer-Encoding`"
    )]
    Body,
    /// The header is not a list of names.
    #[error("`Sec-WebSocket-Protocol` must be a list of names, separated by commas")]
    Subprotocols,
}

/// Checks the request and computes the answer's key.
///
/// # Errors
/// [`HandshakeError`] says what is wrong.
pub fn accept(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
) -> Result<Accept, HandshakeError> {
    if method != Method::GET || version != Version::HTTP_11 {
        return Err(HandshakeError::Method);
    }
    if !has_token(headers, header::CONNECTION, "upgrade")
        || !has_token(headers, header::UPGRADE, "websocket")
    {
        return Err(HandshakeError::NotAnUpgrade);
    }
    if has_body(headers) {
        return Err(HandshakeError::Body);
    }
    let version = single(headers, header::SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version")?;
    if version.is_none_or(|version| version.as_bytes() != b"13") {
        return Err(HandshakeError::Version);
    }
    let key = single(headers, header::SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key")?
        .ok_or(HandshakeError::Key)?
        .as_bytes();
    match BASE64.decode(key) {
        Ok(bytes) if bytes.len() == 16 => {
            let key = HeaderValue::try_from(accept_key(key)).map_err(|_| HandshakeError::Key)?;
            Ok(Accept { key, subprotocol: None })
        }
        _ => Err(HandshakeError::Key),
    }
}

/// The value of a header that is allowed once.
fn single<'a>(
    headers: &'a HeaderMap,
    name: header::HeaderName,
    shown: &'static str,
) -> Result<Option<&'a HeaderValue>, HandshakeError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(HandshakeError::Repeated(shown)),
        (value, None) => Ok(value),
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let is_zero = |length: &HeaderValue| length.as_bytes().iter().all(|digit| *digit == b'0');
    headers.contains_key(header::TRANSFER_ENCODING)
        || !headers.get_all(header::CONTENT_LENGTH).iter().all(is_zero)
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
        assert_eq!(
            accept(&Method::GET, Version::HTTP_11, &request(&GOOD)).unwrap().key,
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn the_answer_names_no_extension_and_the_subprotocol_that_is_chosen() {
        let offers = [
            ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
            ("sec-websocket-protocol", "chat"),
        ];
        let accepted =
            accept(&Method::GET, Version::HTTP_11, &request(&[&GOOD[..], &offers].concat()))
                .unwrap();
        let names = |accepted: Accept| {
            let response: Response<()> = accepted.response();
            let mut names: Vec<_> =
                response.headers().keys().map(|name| name.as_str().to_owned()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(accepted.clone()), ["connection", "sec-websocket-accept", "upgrade"]);
        let response: Response<()> = accepted.clone().with_subprotocol("chat").response();
        assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
        assert_eq!(
            names(accepted.with_subprotocol("chat")),
            ["connection", "sec-websocket-accept", "sec-websocket-protocol", "upgrade"]
        );
    }

    #[test]
    fn what_must_come_once_is_refused_twice() {
        for (name, value, shown) in [
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key"),
            ("sec-websocket-version", "13", "Sec-WebSocket-Version"),
        ] {
            let twice = request(&[&GOOD[..], &[(name, value)]].concat());
            assert_eq!(
                accept(&Method::GET, Version::HTTP_11, &twice),
                Err(HandshakeError::Repeated(shown))
            );
        }
    }

    #[test]
    fn a_body_is_refused() {
        for (name, value, is_good) in [
            ("content-length", "0", true),
            ("content-length", "00", true),
            ("content-length", "10", false),
            ("transfer-encoding", "chunked", false),
        ] {
            let found = accept(
                &Method::GET,
                Version::HTTP_11,
                &request(&[&GOOD[..], &[(name, value)]].concat()),
            );
            assert_eq!(found.is_ok(), is_good, "{name}: {value}");
            assert!(is_good || found == Err(HandshakeError::Body), "{name}: {value}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            accept(&Method::POST, Version::HTTP_11, &request(&GOOD)),
            Err(HandshakeError::Method)
        );
        assert_eq!(
            accept(&Method::GET, Version::HTTP_10, &request(&GOOD)),
            Err(HandshakeError::Method)
        );
        assert_eq!(without("connection", None), Err(HandshakeError::NotAnUpgrade));
        assert_eq!(without("upgrade", Some("h2c")), Err(HandshakeError::NotAnUpgrade));
        assert_eq!(without("sec-websocket-version", Some("8")), Err(HandshakeError::Version));
        assert_eq!(without("sec-websocket-key", Some("short")), Err(HandshakeError::Key));
        assert_eq!(without("sec-websocket-key", None), Err(HandshakeError::Key));
    }
}
