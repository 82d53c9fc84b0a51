//! Errors over HTTP: `application/problem+json` (RFC 9457) with the `code` strings of the protocol.

use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::ErrorCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{self, Ref, RefOr};

/// Why a request was refused, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// One of the protocol's.
    Protocol(ErrorCode),
    /// No such path, or one that the configuration turned off.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// A WebSocket path, asked for without a valid opening handshake.
    NotAWebSocket,
    /// The body did not come in time.
    RequestTimeout,
    /// The request is for a host that is not this gateway.
    Misdirected,
}

impl Code {
    /// The codes that exist over HTTP only, for the documentation.
    pub(crate) const HTTP_ONLY: &'static [Self] = &[
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAWebSocket,
        Self::RequestTimeout,
        Self::Misdirected,
    ];

    /// As in the answer.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Protocol(code) => code.as_str(),
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::NotAWebSocket => "NOT_A_WEBSOCKET",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::Misdirected => "MISDIRECTED",
        }
    }

    /// The status that goes with it.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Protocol(code) => protocol_status(code),
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAWebSocket => StatusCode::BAD_REQUEST,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        }
    }
}

fn protocol_status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidJson
        | ErrorCode::InvalidMessage
        | ErrorCode::UnknownType
        | ErrorCode::SetupRequired
        | ErrorCode::AlreadySetup
        | ErrorCode::InvalidTopic => StatusCode::BAD_REQUEST,
        ErrorCode::AuthFailed | ErrorCode::TokenExpired => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::MessageTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TooManySubscriptions
        | ErrorCode::TooManyTopics
        | ErrorCode::BackboneUnavailable
        | ErrorCode::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An answer that says what went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    code: Code,
    status: StatusCode,
    detail: String,
}

impl Problem {
    /// `detail` is for people: what was wrong with this request and what to do.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, status: code.status(), detail: detail.into() }
    }

    /// With another status than the code's own.
    #[must_use]
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// With what can be said without knowing the request.
    pub(crate) fn of(code: Code) -> Self {
        let detail = match code {
            Code::Protocol(code) => format!("{} {}", code.meaning(), code.remedy()),
            Code::NotFound => "There is nothing at this path. GET /openapi.json lists what there is.".to_owned(),
            Code::MethodNotAllowed => "This path does not take this method; the header Allow says which it takes.".to_owned(),
            Code::NotAWebSocket => "This path takes a WebSocket opening handshake (RFC 6455), nothing else.".to_owned(),
            Code::RequestTimeout => "The body did not come in time.".to_owned(),
            Code::Misdirected => "This gateway does not answer to the name in Host; access.allowed_hosts in its configuration names \
                                  those that it answers to."
                .to_owned(),
        };
        Self::new(code, detail)
    }

    fn body(self) -> ProblemBody {
        let title = self.status.canonical_reason().unwrap_or_default();
        ProblemBody {
            kind: "about:blank",
            title,
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.as_str(),
        }
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self::of(Code::Protocol(code))
    }
}

/// The body of every answer that is an error.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
#[schema(example = json!(example(Code::Protocol(ErrorCode::InvalidTopic))))]
pub(super) struct ProblemBody {
    /// Always `about:blank`: `code` tells more than the status.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// For people: what was wrong and what to do.
    detail: String,
    /// For programs; stable.
    #[schema(schema_with = codes)]
    code: &'static str,
}

/// All codes that there are.
fn codes() -> impl Into<RefOr<Schema>> {
    let protocol = ErrorCode::ALL.iter().map(|code| code.as_str());
    let all: Vec<&str> = protocol.chain(Code::HTTP_ONLY.iter().map(|code| code.as_str())).collect();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("For programs; stable."))
        .enum_values(Some(all))
}

/// What an answer with this code looks like, for the documentation.
fn example(code: Code) -> ProblemBody {
    Problem::of(code).body()
}

/// An answer with this code in the OpenAPI document.
pub(super) fn documented(code: Code, description: &str) -> openapi::Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(json!(example(code))))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}

/// Answers in the OpenAPI document, by their status.
pub(super) type Documented = BTreeMap<String, RefOr<openapi::Response>>;

/// Answers in the OpenAPI document, each under its code's status.
pub(super) fn refusals<const N: usize>(refusals: [(Code, &str); N]) -> Documented {
    let documented = |(code, description): (Code, &str)| {
        (code.status().as_str().to_owned(), documented(code, description).into())
    };
    refusals.map(documented).into()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body())).into_response();
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// For a path that there is not.
pub(super) async fn not_found() -> Problem {
    Problem::of(Code::NotFound)
}

/// For a path that there is with another method; the header `Allow` names it.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::of(Code::MethodNotAllowed)
}
