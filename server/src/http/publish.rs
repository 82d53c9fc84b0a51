//! `POST /publish`: how backends publish, one message or many at once. The same order,
//! deduplication and limits as over WebSocket.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use futures_util::{
    FutureExt, StreamExt,
    future::{self, BoxFuture},
    stream::FuturesOrdered,
};
use http_body_util::LengthLimitError;
use protocol::json::Items;
use protocol::{AckStatus, ErrorCode, Posted, Rejected, UserId};
use serde::Serialize;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;
use utoipa::{IntoResponses, ToSchema};

use super::problem::{self, Code, Documented, Problem};
use super::{backend, fresh_id::fresh_id, names};
use crate::gateway::Gateway;

/// Whose message ids these are where the backend names no user. No client can be it: a user id has
/// no control characters.
const USER: &str = "\u{0}backend";

/// What JSON calls white space.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// A message to publish. The rules of its fields are those of a `publish` frame; other fields are
/// ignored.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublishItem, example = json!({ "topic": "prices", "messageId": "order-4711", "payload": { "bid": 100 } }))]
#[expect(
    dead_code,
    reason = "describes a message in the OpenAPI document; protocol::Posted reads it"
)]
pub(super) struct Item {
    /// The topic.
    #[schema(schema_with = names::topic)]
    topic: String,
    /// The message's name.
    #[schema(schema_with = names::message_id)]
    message_id: Option<String>,
    /// Any JSON, `null` too, nested at most `limits.max_depth` levels deep; passed on byte for
    /// byte.
    #[schema(value_type = serde_json::Value)]
    payload: serde_json::Value,
    /// The user.
    #[schema(schema_with = names::user_id)]
    user_id: Option<String>,
}

/// One message, or several that are published in their order.
#[derive(ToSchema)]
#[schema(as = PublishRequest, example = json!({ "topic": "prices", "payload": { "bid": 100 } }))]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; it is taken apart item by item"
)]
pub(super) enum Request {
    /// One.
    One(Item),
    /// Several, at most `http.publish_batch`.
    Many(Vec<Item>),
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
#[schema(as = PublishFailure, example = json!({ "code": "INVALID_TOPIC", "message": "topic must not be empty" }))]
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

/// Why a request is refused, for the documentation.
struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> Documented {
        problem::refusals([
            (
                Code::Protocol(ErrorCode::InvalidMessage),
                "`INVALID_JSON`, `INVALID_MESSAGE` or `INVALID_TOPIC`",
            ),
            (Code::Protocol(ErrorCode::AuthFailed), "`AUTH_FAILED`: no API key, or a wrong one"),
            (
                Code::RequestTimeout,
                "`REQUEST_TIMEOUT`: the body did not come within `timeouts.setup`",
            ),
            (
                Code::Protocol(ErrorCode::MessageTooLarge),
                "`MESSAGE_TOO_LARGE`: a message above `limits.max_frame`, or a request above its limits",
            ),
            (
                Code::Protocol(ErrorCode::TooManyTopics),
                "`TOO_MANY_TOPICS`, `BACKBONE_UNAVAILABLE` or `SHUTTING_DOWN`",
            ),
        ])
    }
}

/// Publish as a backend
///
/// The body is a message or an array of messages, at most `http.publish_batch` of them and
/// `http.publish_body` bytes. An array is always answered with 200 and tells of each item what
/// became of it. Repeating a request with the same `messageId`s is safe: what was stored before is
/// answered as `duplicate`. Exists where `http.api_keys_file` is given.
#[utoipa::path(
    post, path = "/publish", operation_id = "publish_as_backend", tag = "Gateway",
    security(("apiKey" = [])),
    request_body(content = Request, content_type = "application/json"),
    responses(
        (status = 200, description = "Numbered and on its way to all subscribers; in an array, what became of each", body = Answer),
        Refusals,
    )
)]
pub(super) async fn publish(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, Problem> {
    backend::check(&gateway, &headers)?;
    let (limit, time) = (gateway.config().http.publish_body, gateway.config().timeouts.setup);
    let body = timeout(time, to_bytes(body, limit)).await.map_err(|_| too_slow(time))?;
    let body = body.map_err(|error| not_read(&error, limit))?;
    let body = std::str::from_utf8(&body).map_err(|_| not_json("it is not UTF-8"))?;
    if let Some(items) = Items::of(body) {
        return many(&gateway, items).await.map(Json);
    }
    let receipt = one(&gateway, body.trim_matches(SPACE))
        .await
        .map_err(|Failure { code, message }| Problem::new(Code::Protocol(code), message))?;
    Ok(Json(Answer::One(receipt)))
}

/// Nothing is published before the whole array has been found to be JSON.
async fn many(gateway: &Gateway, items: Items<'_>) -> Result<Answer, Problem> {
    let items = split(items, gateway.config().http.publish_batch)?;
    let mut results = Vec::with_capacity(items.len());
    // Each is handed over before the next one, so that they are stored in their order; a backbone's
    // answers are awaited together.
    let mut in_flight = FuturesOrdered::new();
    let most = gateway.config().limits.inflight;
    for item in items {
        in_flight.push_back(one(gateway, item));
        while let Some(result) = match in_flight.next().now_or_never() {
            Some(result) => result,
            None if in_flight.len() >= most => in_flight.next().await,
            None => None,
        } {
            results.push(Outcome::of(result));
        }
        consume_budget().await;
    }
    results.extend(in_flight.map(Outcome::of).collect::<Vec<_>>().await);
    Ok(Answer::Many { results })
}

/// The items as they came, of which `limit` may be there.
fn split(mut items: Items<'_>, limit: usize) -> Result<Vec<&str>, Problem> {
    let (mut all, mut count) = (Vec::new(), 0);
    while let Some(item) = items.advance().map_err(|why| not_json(&why.to_string()))? {
        count += 1;
        if count <= limit {
            all.push(item.text);
        }
    }
    if count > limit {
        return Err(too_large(format!(
            "An array may have {limit} messages (http.publish_batch); this one has {count}"
        )));
    }
    Ok(all)
}

/// Publishes one item, given as its JSON. It is handed over when this returns.
fn one(gateway: &Gateway, json: &str) -> BoxFuture<'static, Result<Receipt, Failure>> {
    match begin(gateway, json) {
        Ok(published) => published,
        Err(failure) => future::ready(Err(failure)).boxed(),
    }
}

fn begin(
    gateway: &Gateway,
    json: &str,
) -> Result<BoxFuture<'static, Result<Receipt, Failure>>, Failure> {
    let limits = &gateway.config().limits;
    let limit = limits.max_frame;
    if json.len() > limit {
        let text = format!(
            "a message may have {limit} bytes (limits.max_frame), this one has {}",
            json.len()
        );
        return Err(Failure { code: ErrorCode::MessageTooLarge, message: text });
    }
    let Posted { topic, message_id, payload, user_id } =
        Posted::parse_within(json, limits.max_depth)?;
    let message_id = match message_id {
        Some(given) => given,
        None => fresh_id(),
    };
    let user = user_id.as_ref().map_or(USER, UserId::as_str);
    let published = gateway.publish(user, &topic, &message_id, &payload);
    let message_id = message_id.as_str().to_owned();
    let receipt = async move {
        let published = published
            .await
            .map_err(|error| Failure { code: error.code(), message: error.to_string() })?;
        Ok(Receipt {
            message_id,
            status: published.status,
            topic: published.place.topic.as_str().to_owned(),
            seq_no: published.place.seq_no,
        })
    };
    Ok(receipt.boxed())
}

impl Outcome {
    fn of(result: Result<Receipt, Failure>) -> Self {
        match result {
            Ok(receipt) => Self::Stored(receipt),
            Err(failure) => Self::Failed(failure),
        }
    }
}

impl From<Rejected<'_>> for Failure {
    fn from(Rejected { code, message, .. }: Rejected<'_>) -> Self {
        Self { code, message: message.into_owned() }
    }
}

fn too_slow(time: Duration) -> Problem {
    Problem::new(
        Code::RequestTimeout,
        format!("The body did not come within {} ms (timeouts.setup)", time.as_millis()),
    )
}

/// A body above the limit, or one that ends early or is not encoded as its header says.
fn not_read(error: &axum::Error, limit: usize) -> Problem {
    if error.source().is_some_and(|source| source.is::<LengthLimitError>()) {
        return too_large(format!("The body has more than {limit} bytes (http.publish_body)"));
    }
    Problem::new(
        Code::Protocol(ErrorCode::InvalidJson),
        format!("The body cannot be read to its end: {error}"),
    )
}

fn too_large(detail: String) -> Problem {
    Problem::new(Code::Protocol(ErrorCode::MessageTooLarge), detail)
}

fn not_json(why: &str) -> Problem {
    Problem::new(Code::Protocol(ErrorCode::InvalidJson), format!("The body is not JSON: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_can_be_the_backends_user() {
        assert!(UserId::new(USER).is_err());
    }
}
