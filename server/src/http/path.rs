//! The topic in a path: percent-decoded by axum, slashes included, then checked.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use protocol::{ErrorCode, Topic};

use super::problem::{Code, Problem};

/// What an extractor made of the path's `{topic}`.
pub(super) type TopicPath = Result<Path<String>, PathRejection>;

/// The topic as it was written, not yet checked.
pub(super) fn text(path: TopicPath) -> Result<String, Problem> {
    path.map(|Path(text)| text)
        .map_err(|_| invalid("the topic in the path is not percent-encoded UTF-8"))
}

/// The topic.
pub(super) fn topic(path: TopicPath) -> Result<Topic<'static>, Problem> {
    Topic::new(text(path)?).map_err(|why| invalid(&format!("the topic {why}")))
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Code::Protocol(ErrorCode::InvalidTopic), detail)
}
