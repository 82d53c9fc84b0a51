//! `POST /publish`: how backends publish, one message or many at once. The same order, deduplication and limits as over WebSocket.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::LengthLimitError;
use protocol::{AckStatus, ErrorCode, MessageId, Topic, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::backend;
use super::problem::{Code, Problem, ProblemBody, example};
use crate::gateway::Gateway;

/// Whose message ids these are where the backend names no user. No client can be it: a user id has no control characters.
const USER: &str = "\u{0}backend";

/// A message to publish.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublishItem, example = json!({ "topic": "prices", "messageId": "order-4711", "payload": { "bid": 100 } }))]
pub(super) struct Item<'a> {
    /// The topic.
    #[serde(borrow)]
    #[schema(value_type = String, min_length = 1, max_length = 256)]
    topic: Cow<'a, str>,
    /// The same id of the same user within `dedup.window` is answered as a duplicate. Made up where it is missing.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128)]
    message_id: Option<Cow<'a, str>>,
    /// Any JSON, passed on byte for byte; `null` where it is missing.
    #[serde(borrow)]
    #[schema(value_type = Option<serde_json::Value>)]
    payload: Option<&'a RawValue>,
    /// Whose message id it is. Missing: the backends', which no client shares.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    user_id: Option<Cow<'a, str>>,
}

/// One message, or several that are published in their order.
#[derive(ToSchema)]
#[schema(as = PublishRequest, example = json!({ "topic": "prices", "payload": { "bid": 100 } }))]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the body in the OpenAPI document; it is taken apart item by item")]
pub(super) enum Request<'a> {
    /// One.
    One(Item<'a>),
    /// Several, at most `http.publish_batch`.
    Many(Vec<Item<'a>>),
}

/// A message that is stored.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublishReceipt, example = json!({ "messageId": "order-4711", "status": "ok", "topic": "prices", "seqNo": 97 }))]
pub(super) struct Receipt {
    /// Its id, given or made up.
    message_id: String,
    /// `ok`: stored now; `duplicate`: it was before.
    #[schema(value_type = String, pattern = "^(ok|duplicate)$")]
    status: AckStatus,
    /// The topic; of a duplicate, the first one's.
    topic: String,
    /// Its place in the topic's order; of a duplicate, the first one's.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_u64)]
    seq_no: u64,
}

/// Why an item was not stored.
#[derive(Serialize, ToSchema)]
#[schema(as = PublishFailure, example = json!({ "code": "INVALID_TOPIC", "message": "the topic must not be empty" }))]
pub(super) struct Failure {
    /// For programs; stable.
    #[schema(value_type = String)]
    code: ErrorCode,
    /// For people: what was wrong and what to do.
    message: String,
}

/// What became of an item.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = PublishOutcome, example = json!({ "messageId": "order-4711", "status": "ok", "topic": "prices", "seqNo": 97 }))]
pub(super) enum Outcome {
    /// It is stored.
    Stored(Receipt),
    /// It is not; the others are not affected.
    Failed(Failure),
}

/// As the request was: of one message, or of several in their order.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = PublishAnswer, example = json!({ "messageId": "order-4711", "status": "ok", "topic": "prices", "seqNo": 97 }))]
pub(super) enum Answer {
    /// To one.
    One(Receipt),
    /// To several.
    Many {
        /// One for each item, in their order.
        results: Vec<Outcome>,
    },
}

/// Publish as a backend
///
/// The body is a message or an array of messages, at most `http.publish_batch` of them and `http.publish_body` bytes. An array is
/// always answered with 200 and tells of each item what became of it. Repeating a request with the same `messageId`s is safe: what
/// was stored before is answered as `duplicate`. Exists where `http.api_keys_file` is given.
#[utoipa::path(
    post, path = "/publish", operation_id = "publish_as_backend", tag = "Gateway",
    security(("apiKey" = [])),
    request_body(content = Request, content_type = "application/json"),
    responses(
        (status = 200, description = "Numbered and on its way to all subscribers; in an array, what became of each", body = Answer),
        (status = 400, description = "`INVALID_JSON`, `INVALID_MESSAGE` or `INVALID_TOPIC`", body = ProblemBody, content_type = "application/problem+json", example = json!(example(Code::Protocol(ErrorCode::InvalidMessage)))),
        (status = 401, description = "`AUTH_FAILED`: no API key, or a wrong one", body = ProblemBody, content_type = "application/problem+json", example = json!(example(Code::Protocol(ErrorCode::AuthFailed)))),
        (status = 408, description = "`REQUEST_TIMEOUT`: the body did not come within `timeouts.setup`", body = ProblemBody, content_type = "application/problem+json", example = json!(example(Code::RequestTimeout))),
        (status = 413, description = "`MESSAGE_TOO_LARGE`: a message above `limits.max_frame`, or a request above its limits", body = ProblemBody, content_type = "application/problem+json", example = json!(example(Code::Protocol(ErrorCode::MessageTooLarge)))),
        (status = 503, description = "`TOO_MANY_TOPICS`, `BACKBONE_UNAVAILABLE` or `SHUTTING_DOWN`", body = ProblemBody,
            content_type = "application/problem+json", example = json!(example(Code::Protocol(ErrorCode::TooManyTopics)))),
    )
)]
pub(super) async fn publish(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, body: Body) -> Result<Json<Answer>, Problem> {
    backend::check(&gateway, &headers)?;
    let (limit, time) = (gateway.config().http.publish_body, gateway.config().timeouts.setup);
    let body = timeout(time, to_bytes(body, limit)).await.map_err(|_| too_slow(time))?;
    let body = body.map_err(|error| not_read(&error, limit))?;
    let body: &RawValue = serde_json::from_slice(&body).map_err(not_json)?;
    if body.get().starts_with('[') {
        return many(&gateway, body).await.map(Json);
    }
    let receipt = one(&gateway, body.get()).await.map_err(|Failure { code, message }| Problem::new(Code::Protocol(code), message))?;
    Ok(Json(Answer::One(receipt)))
}

async fn many(gateway: &Gateway, body: &RawValue) -> Result<Answer, Problem> {
    let items: Vec<&RawValue> = serde_json::from_str(body.get()).map_err(not_json)?;
    let limit = gateway.config().http.publish_batch;
    if items.len() > limit {
        return Err(too_large(format!("An array may have {limit} messages (http.publish_batch); this one has {}", items.len())));
    }
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        results.push(match one(gateway, item.get()).await {
            Ok(receipt) => Outcome::Stored(receipt),
            Err(failure) => Outcome::Failed(failure),
        });
    }
    Ok(Answer::Many { results })
}

/// Publishes one item, given as its JSON.
async fn one(gateway: &Gateway, json: &str) -> Result<Receipt, Failure> {
    let limit = gateway.config().limits.max_frame;
    if json.len() > limit {
        return Err(failure(
            ErrorCode::MessageTooLarge,
            format!("a message may have {limit} bytes (limits.max_frame), this one has {}", json.len()),
        ));
    }
    if !json.starts_with('{') {
        return Err(failure(ErrorCode::InvalidMessage, "a message is an object with topic, messageId, payload and userId"));
    }
    let item: Item<'_> = serde_json::from_str(json).map_err(|error| failure(ErrorCode::InvalidMessage, error.to_string()))?;
    let topic = Topic::new(item.topic).map_err(|why| failure(ErrorCode::InvalidTopic, format!("the topic {why}")))?;
    let invalid = |field: &str, why: protocol::Invalid| failure(ErrorCode::InvalidMessage, format!("{field} {why}"));
    let message_id = MessageId::new(item.message_id.unwrap_or_else(fresh_id)).map_err(|why| invalid("messageId", why))?;
    let user = item.user_id.map(UserId::new).transpose().map_err(|why| invalid("userId", why))?;
    let user = user.as_ref().map_or(USER, UserId::as_str);
    let published = gateway
        .publish(user, &topic, &message_id, item.payload.unwrap_or(RawValue::NULL))
        .await
        .map_err(|error| failure(error.code(), error.to_string()))?;
    Ok(Receipt {
        message_id: message_id.as_str().to_owned(),
        status: published.status,
        topic: published.place.topic.as_str().to_owned(),
        seq_no: published.place.seq_no,
    })
}

/// 128 random bits: no two messages share one.
fn fresh_id<'a>() -> Cow<'a, str> {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>()).into()
}

fn failure(code: ErrorCode, message: impl Into<String>) -> Failure {
    Failure { code, message: message.into() }
}

fn too_slow(time: Duration) -> Problem {
    Problem::new(Code::RequestTimeout, format!("The body did not come within {} ms (timeouts.setup)", time.as_millis()))
}

/// A body above the limit, or one that ends early or is not encoded as its header says.
fn not_read(error: &axum::Error, limit: usize) -> Problem {
    if error.source().is_some_and(|source| source.is::<LengthLimitError>()) {
        return too_large(format!("The body has more than {limit} bytes (http.publish_body)"));
    }
    Problem::new(Code::Protocol(ErrorCode::InvalidJson), format!("The body cannot be read to its end: {error}"))
}

fn too_large(detail: String) -> Problem {
    Problem::new(Code::Protocol(ErrorCode::MessageTooLarge), detail)
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn not_json(error: serde_json::Error) -> Problem {
    Problem::new(Code::Protocol(ErrorCode::InvalidJson), format!("The body is not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_can_be_the_backends_user() {
        assert!(UserId::new(USER).is_err());
    }
}
