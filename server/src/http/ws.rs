//! `/ws` and `/ws/sub/{topic}`: checks who may open a WebSocket and hands the connection to
//! `socket`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;
use utoipa::{IntoParams, IntoResponses, ToResponse};
use websocket::HandshakeError;

use super::client_address::ClientAddress;
use super::host::AskedHost;
use super::origin;
use super::path::{self, TopicPath};
use super::problem::{self, Code, Documented, Problem};
use super::upgrade::upgrade;
use crate::config::Authority;
use crate::gateway::Gateway;
use crate::socket::Caller;

/// The headers of an opening handshake, RFC 6455 section 4.1.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "describes the headers in the OpenAPI document; `websocket` reads them"
)]
struct Handshake {
    /// Asks for the upgrade.
    #[param(rename = "Connection", example = "Upgrade")]
    connection: String,
    /// To what.
    #[param(rename = "Upgrade", example = "websocket")]
    upgrade: String,
    /// 16 random bytes in base64, new for each connection; once.
    #[param(
        rename = "Sec-WebSocket-Key",
        example = "dGhlIHNhbXBsZSBub25jZQ==",
        min_length = 24,
        max_length = 24
    )]
    key: String,
    /// The only version; once.
    #[param(rename = "Sec-WebSocket-Version", example = "13", pattern = "^13$")]
    version: String,
    /// Names separated by commas. `micro-socket.v1` is chosen if it is among them, else the first
    /// that does not begin with `micro-socket.`; the frames are the same.
    #[param(rename = "Sec-WebSocket-Protocol", example = "micro-socket.v1", required = false)]
    subprotocols: String,
    /// Sent by browsers: the page's origin, which `access.allowed_origins` has to name unless it
    /// is the gateway's own.
    #[param(rename = "Origin", example = "https://app.example.com", required = false)]
    origin: String,
}

/// The headers by which the WebSocket opens, RFC 6455 section 4.2.2.
#[derive(ToResponse)]
#[response(
    description = "The WebSocket is open",
    headers(
        ("Connection" = String, description = "`Upgrade`"),
        ("Upgrade" = String, description = "`websocket`"),
        ("Sec-WebSocket-Accept" = String, description = "The key, hashed"),
        ("Sec-WebSocket-Protocol" = String, description = "The subprotocol that was chosen, if one was"),
    )
)]
pub(super) struct Opened;

/// Why a request to `/ws` is refused, for the documentation.
struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> Documented {
        refusals("`NOT_A_WEBSOCKET`: not an opening handshake (RFC 6455)")
    }
}

/// Why a request to `/ws/sub/{topic}` is refused, for the documentation.
struct RefusalsOfTopic;

impl IntoResponses for RefusalsOfTopic {
    fn responses() -> Documented {
        refusals(
            "`NOT_A_WEBSOCKET`: not an opening handshake (RFC 6455); `INVALID_TOPIC`: not percent-encoded UTF-8",
        )
    }
}

fn refusals(bad_request: &str) -> Documented {
    const STOPPING: &str = "`SHUTTING_DOWN`: the gateway is about to stop. A full gateway opens the WebSocket and closes it with 1013";
    problem::refusals([
        (Code::NotAWebSocket, bad_request),
        (Code::Protocol(ErrorCode::Forbidden), "`FORBIDDEN`: a page of an origin that may not"),
        (Code::Protocol(ErrorCode::ShuttingDown), STOPPING),
    ])
}

/// A WebSocket for any number of topics
///
/// `/asyncapi.json` describes the frames.
#[utoipa::path(
    get, path = "/ws", tag = "WebSocket",
    params(Handshake),
    responses(
        (status = 101, response = Opened),
        Refusals,
    )
)]
pub(super) async fn any_topics(
    State(gateway): State<Arc<Gateway>>,
    address: ClientAddress,
    AskedHost(host): AskedHost,
    request: Request,
) -> Response {
    open(gateway, host.as_ref(), request, Caller { address: address.0, topic: None })
}

/// A WebSocket that `setup` subscribes to the topic of the path
///
/// Further `subscribe` and `publish` work as on `/ws`. A topic that breaks a rule is answered by an
/// `error` frame after `setup`.
#[utoipa::path(
    get, path = "/ws/sub/{topic}", tag = "WebSocket",
    params(("topic" = String, Path, description = "The topic, percent-encoded: `a%2Fb` is the topic `a/b`", example = "prices"), Handshake),
    responses(
        (status = 101, response = Opened),
        RefusalsOfTopic,
    )
)]
pub(super) async fn one_topic(
    State(gateway): State<Arc<Gateway>>,
    address: ClientAddress,
    AskedHost(host): AskedHost,
    topic: TopicPath,
    request: Request,
) -> Result<Response, Problem> {
    let topic = Some(path::text(topic)?);
    Ok(open(gateway, host.as_ref(), request, Caller { address: address.0, topic }))
}

/// Checks the page's origin, then leaves the rest to the socket. A topic of the path is checked at
/// `setup`, where a browser can see why.
fn open(
    gateway: Arc<Gateway>,
    host: Option<&Authority>,
    request: Request,
    caller: Caller,
) -> Response {
    if !origin::may_connect(gateway.config(), request.headers(), host) {
        let detail = "Pages of this origin may not connect; access.allowed_origins in the gateway's configuration names those that may.";
        return Problem::new(Code::Protocol(ErrorCode::Forbidden), detail).into_response();
    }
    if !gateway.takes_work() {
        return Problem::from(ErrorCode::ShuttingDown).into_response();
    }
    upgrade(gateway, request, caller).unwrap_or_else(refused)
}

fn refused(why: HandshakeError) -> Response {
    let version = [(header::SEC_WEBSOCKET_VERSION, "13")];
    (version, Problem::new(Code::NotAWebSocket, why.to_string())).into_response()
}
