//! The answer to a try-out, ready to be shown. Does no I/O: [`crate::endpoints::fetch`] supplies
//! the facts.

use crate::log::clock;
use serde_json::Value;

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// An HTTP answer, whatever its status.
    Answered(Answer),
    /// There was no answer: the browser could not reach the gateway.
    Unreachable,
    /// There was no answer within the page's time limit.
    TimedOut,
}

/// One HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// For instance 200.
    pub(crate) status: u16,
    /// From the request's start to the last byte of the body, in milliseconds.
    pub(crate) millis: f64,
    /// The headers in the order of the answer, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body as it was received.
    pub(crate) body: String,
}

/// An HTTP error of the gateway (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The kind of problem, in a few words.
    pub(crate) title: String,
    /// This one problem, in a sentence.
    pub(crate) detail: Option<String>,
    /// The protocol's error code.
    pub(crate) code: Option<String>,
}

impl Outcome {
    /// The outcome in a sentence: for screen readers, and for outcomes without an answer.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Answered(answer) => format!("Answered {} in {}", answer.status_line(), duration(answer.millis)),
            Self::Unreachable => "The gateway did not answer. Is it still running, and can this browser reach it?".to_owned(),
            Self::TimedOut => {
                "No answer within 15 seconds. The gateway may be overloaded, or a proxy may hold the answer back.".to_owned()
            }
        }
    }
}

impl Answer {
    /// The media type without its parameters, in lower case.
    pub(crate) fn media_type(&self) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(name, _)| name == "content-type")?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// Whether the body is JSON, by its media type.
    pub(crate) fn is_json(&self) -> bool {
        self.media_type().is_some_and(|media| media.ends_with("/json") || media.ends_with("+json"))
    }

    /// The problem that the body describes.
    pub(crate) fn problem(&self) -> Option<Problem> {
        let told = self.media_type().is_some_and(|media| media == "application/problem+json");
        let problem: Value = told.then(|| serde_json::from_str(&self.body).ok()).flatten()?;
        let text = |name: &str| problem[name].as_str().map(str::to_owned);
        problem.is_object().then(|| Problem {
            title: text("title").unwrap_or_default(),
            detail: text("detail"),
            code: text("code"),
        })
    }

    /// The headers that are worth showing: not those that every answer of every server has, nor the
    /// media type, which is shown beside the status.
    pub(crate) fn informative_headers(&self) -> impl Iterator<Item = &(String, String)> {
        const EVERYWHERE: [&str; 9] = [
            "connection",
            "content-length",
            "content-security-policy",
            "content-type",
            "date",
            "keep-alive",
            "referrer-policy",
            "vary",
            "x-content-type-options",
        ];
        self.headers.iter().filter(|(name, _)| !EVERYWHERE.contains(&name.as_str()))
    }

    /// Status with its phrase, for instance `404 Not Found`. HTTP/2 sends no phrase, so it comes
    /// from the number.
    pub(crate) fn status_line(&self) -> String {
        match phrase(self.status) {
            Some(phrase) => format!("{} {phrase}", self.status),
            None => self.status.to_string(),
        }
    }

    /// Whether the request has succeeded.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A duration for a reader: with one decimal below ten milliseconds, otherwise without.
pub(crate) fn duration(millis: f64) -> String {
    if millis < 10.0 {
        format!("{} ms", clock::tenths(millis))
    } else {
        format!("{} ms", clock::whole(millis))
    }
}

/// The phrases of the statuses that the gateway uses.
fn phrase(status: u16) -> Option<&'static str> {
    Some(match status {
        200 => "OK",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(media: &str, body: &str) -> Answer {
        let headers = [("content-type", media), ("date", "today"), ("retry-after", "2")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Answer { status: 400, millis: 1.0, headers, body: body.to_owned() }
    }

    #[test]
    fn a_problem_is_read_where_one_is_told() {
        let body = r#"{"type":"about:blank","title":"Bad Request","status":400,"detail":"topic must not be empty","code":"INVALID_TOPIC"}"#;
        let problem = answer("application/problem+json; charset=utf-8", body).problem().unwrap();
        assert_eq!(problem.code.as_deref(), Some("INVALID_TOPIC"));
        assert_eq!(problem.detail.as_deref(), Some("topic must not be empty"));
        assert_eq!(answer("application/json", body).problem(), None);
        assert_eq!(answer("application/problem+json", "<html>").problem(), None);
    }

    #[test]
    fn json_is_what_says_so() {
        assert!(answer("Application/JSON", "").is_json());
        assert!(answer("application/problem+json", "").is_json());
        assert!(!answer("text/plain", "").is_json());
    }

    #[test]
    fn headers_of_every_answer_are_left_out() {
        let answer = answer("text/plain", "");
        assert_eq!(
            answer.informative_headers().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["retry-after"]
        );
    }

    #[test]
    fn statuses_have_their_phrase() {
        assert_eq!(answer("text/plain", "").status_line(), "400 Bad Request");
        assert_eq!(Answer { status: 599, ..answer("text/plain", "") }.status_line(), "599");
    }

    #[test]
    fn durations_have_a_decimal_where_it_tells_something() {
        assert_eq!(duration(0.44), "0.4 ms");
        assert_eq!(duration(9.96), "10.0 ms");
        assert_eq!(duration(31.4), "31 ms");
    }
}
