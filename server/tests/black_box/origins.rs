//! The origins of pages that may open a WebSocket.

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::gateway::Gateway;

/// The status of a handshake by a page of `origin`.
async fn handshake(gateway: &Gateway, origin: Option<&str>) -> u16 {
    let mut request = format!("ws://{}/ws", gateway.address).into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((_, response)) => response.status().as_u16(),
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn by_default_only_pages_of_the_gateway_and_of_this_machine() {
    let gateway = Gateway::start(&[]);
    let own = format!("http://{}", gateway.address);
    for origin in
        [None, Some(own.as_str()), Some("http://localhost:5173"), Some("http://[::1]:8080")]
    {
        assert_eq!(handshake(&gateway, origin).await, 101, "{origin:?}");
    }
    for origin in ["https://evil.example", "null", "http://localhost.evil.example", "nonsense"] {
        assert_eq!(handshake(&gateway, Some(origin)).await, 403, "{origin}");
    }
}

#[tokio::test]
async fn and_those_that_the_configuration_names() {
    let gateway =
        Gateway::start(&[("MICRO_SOCKET_ACCESS__ALLOWED_ORIGINS", "https://app.example")]);
    assert_eq!(handshake(&gateway, Some("https://app.example")).await, 101);
    assert_eq!(handshake(&gateway, Some("https://other.example")).await, 403);
    let gateway = Gateway::start(&[("MICRO_SOCKET_ACCESS__ALLOWED_ORIGINS", "*")]);
    assert_eq!(handshake(&gateway, Some("https://other.example")).await, 101);
    assert_eq!(handshake(&gateway, Some("null")).await, 101);
}
