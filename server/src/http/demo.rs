//! `GET /demo/publish/{topic}?k=v`: publishes the query's parameters, for trying the gateway out
//! with nothing but a browser or curl.

use std::mem;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use indexmap::IndexMap;
use indexmap::map::Entry;
use percent_encoding::percent_decode_str;
use protocol::{ErrorCode, Payload};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::{IntoResponses, ToSchema};

use super::backend;
use super::fresh_id::fresh_id;
use super::host::AskedHost;
use super::path::{self, TopicPath};
use super::problem::{self, Code, Documented, Problem};
use super::site;
use crate::config::AuthMode;
use crate::gateway::Gateway;

/// Who publishes here. No client can be this user: a user id has no control characters.
const USER: &str = "\u{0}demo";

/// The value of a parameter: a text, or a list of texts where the parameter was repeated.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(example = json!("100"))]
enum Texts {
    /// Given once.
    One(String),
    /// Given more often, in their order.
    Many(Vec<String>),
}

impl Texts {
    fn push(&mut self, text: String) {
        match self {
            Self::One(first) => *self = Self::Many(vec![mem::take(first), text]),
            Self::Many(texts) => texts.push(text),
        }
    }
}

/// A published message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DemoPublished, example = json!({
    "ok": true, "topic": "prices", "seqNo": 97, "messageId": "wq1Fv0c9S3eZb2xTn5yJ4A",
    "data": { "bid": "100", "ask": "101" }, "subscribers": 2,
}))]
pub(super) struct Published {
    /// Always true: what went wrong is answered by a problem.
    ok: bool,
    /// The topic.
    topic: String,
    /// The message's place in the topic's order.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_u64)]
    seq_no: u64,
    /// The id that the gateway made up for the message.
    message_id: String,
    /// The query's parameters as an object: texts, and a list of texts where a parameter was
    /// repeated.
    #[schema(value_type = HashMap<String, Texts>)]
    data: Box<RawValue>,
    /// How many subscriptions the topic had at that moment.
    subscribers: usize,
}

/// Why a request is refused, for the documentation.
struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> Documented {
        problem::refusals([
            (
                Code::Protocol(ErrorCode::InvalidTopic),
                "`INVALID_TOPIC`: the topic breaks a rule; `INVALID_MESSAGE`: the query is not percent-encoded UTF-8",
            ),
            (
                Code::Protocol(ErrorCode::AuthFailed),
                "`AUTH_FAILED`: in `jwt` mode, no API key or a wrong one",
            ),
            (
                Code::Protocol(ErrorCode::Forbidden),
                "`FORBIDDEN`: a page of another site made the request",
            ),
            (
                Code::Protocol(ErrorCode::MessageTooLarge),
                "`MESSAGE_TOO_LARGE`: more than `limits.max_frame`",
            ),
            (
                Code::Protocol(ErrorCode::TooManyTopics),
                "`TOO_MANY_TOPICS`, `BACKBONE_UNAVAILABLE` or `SHUTTING_DOWN`; `FORBIDDEN`: a browser loads the address ahead",
            ),
        ])
    }
}

/// Publish the query's parameters to a topic
///
/// The parameters become the message's `data` in the order given: `?bid=100&ask=101` is
/// `{"bid":"100","ask":"101"}`. Values are texts; a repeated parameter becomes a list. A request
/// that a page of another site made is refused, as a GET with an effect must not be open to any
/// page; so is one that a browser sends ahead, before anybody asked for the address. Each request
/// is a new message, and no answer may be cached. Exists in demo mode, and in `jwt` mode if
/// `http.demo` is true; there it needs an API key.
#[utoipa::path(
    get, path = "/demo/publish/{topic}", tag = "Gateway",
    security((), ("apiKey" = [])),
    params(
        ("topic" = String, Path, description = "The topic, percent-encoded: `a%2Fb` is the topic `a/b`", example = "prices"),
        ("data" = Option<HashMap<String, Texts>>, Query, style = Form, explode,
            description = "Any parameters: they become the message's `data`", example = json!({ "bid": "100", "ask": "101" })),
    ),
    responses(
        (status = 200, description = "Numbered and on its way to all subscribers", body = Published),
        Refusals,
    )
)]
pub(super) async fn publish(
    State(gateway): State<Arc<Gateway>>,
    AskedHost(host): AskedHost,
    headers: HeaderMap,
    topic: TopicPath,
    RawQuery(query): RawQuery,
) -> Result<Json<Published>, Problem> {
    site::check(&headers, host.as_ref())?;
    if gateway.config().auth.mode == AuthMode::Jwt {
        backend::check(&gateway, &headers)?;
    }
    let topic = path::topic(topic)?;
    let data = to_raw_value(&data(text(query.as_deref().unwrap_or_default())?))
        .map_err(|_| Problem::from(ErrorCode::Internal))?;
    if data.get().len() > gateway.config().limits.max_frame {
        return Err(ErrorCode::MessageTooLarge.into());
    }
    let message_id = fresh_id();
    let published = gateway
        .publish(USER, &topic, &message_id, &Payload::from(&*data))
        .await
        .map_err(|error| Problem::from(error.code()))?;
    Ok(Json(Published {
        ok: true,
        topic: topic.as_str().to_owned(),
        seq_no: published.place.seq_no,
        message_id: message_id.as_str().to_owned(),
        data,
        subscribers: published.subscribers,
    }))
}

/// HEAD would be answered as GET is, but must not have its effect.
pub(super) async fn refuse_head() -> impl IntoResponse {
    ([(header::ALLOW, "GET")], problem::method_not_allowed().await)
}

/// A query that is text. The decoder of forms would put U+FFFD in the place of what is none.
fn text(query: &str) -> Result<&str, Problem> {
    match percent_decode_str(query).decode_utf8() {
        Ok(_) => Ok(query),
        Err(_) => Err(Problem::new(
            Code::Protocol(ErrorCode::InvalidMessage),
            "The query is not percent-encoded UTF-8.",
        )),
    }
}

/// The parameters as an object, in the order in which each first appears.
fn data(query: &str) -> IndexMap<String, Texts> {
    let mut data = IndexMap::new();
    for (key, text) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        match data.entry(key) {
            Entry::Vacant(entry) => drop(entry.insert(Texts::One(text))),
            Entry::Occupied(mut entry) => entry.get_mut().push(text),
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_becomes_data_in_its_order() {
        let data = data("z=1&a=2&z=3&=&z=4");
        assert_eq!(serde_json::to_string(&data).unwrap(), r#"{"z":["1","3","4"],"a":"2","":""}"#);
    }

    #[test]
    fn no_client_can_be_the_demo_user() {
        assert!(protocol::UserId::new(USER).is_err());
    }

    #[test]
    fn a_query_that_is_no_text_is_refused() {
        for bad in ["a=%FF", "%C3=1", "a=%C3&b=%BC", "a=%ED%A0%80", "x&%80"] {
            assert!(text(bad).is_err(), "{bad}");
        }
        for good in ["", "a=%C3%BC+b", "%", "a=%zz", "a=100%"] {
            assert!(text(good).is_ok(), "{good}");
        }
    }
}
