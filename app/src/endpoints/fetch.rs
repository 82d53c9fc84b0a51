//! Sends a try-out from the browser and measures it. Called by event handlers only, so never on the
//! server.

use super::{
    answer::{Answer, Outcome},
    request::Call,
};
use crate::browser::now;
use gloo_net::{Error, http::Request};
use web_sys::AbortSignal;

/// How long an answer may take, in milliseconds.
const TIMEOUT_MS: u32 = 15_000;

/// Sends `call` to the gateway that served the page, with `key` as its API key, and waits for at
/// most [`TIMEOUT_MS`]. Dropping the future does not cancel the request.
pub(crate) async fn send(call: &Call, key: Option<&str>) -> Outcome {
    match exchange(call, key).await {
        Ok(answer) => Outcome::Answered(answer),
        Err(Error::JsError(error)) if error.name == "TimeoutError" => Outcome::TimedOut,
        Err(_) => Outcome::Unreachable,
    }
}

async fn exchange(call: &Call, key: Option<&str>) -> Result<Answer, Error> {
    let patience = AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let start = now();
    let request = match &call.body {
        None => Request::get(&call.target).abort_signal(Some(&patience)).build()?,
        Some(body) => Request::post(&call.target)
            .abort_signal(Some(&patience))
            .header("content-type", "application/json")
            .header("authorization", &format!("Bearer {}", key.unwrap_or_default()))
            .body(body.as_str())?,
    };
    let response = request.send().await?;
    let headers = response.headers().entries().collect();
    let body = response.text().await?;
    Ok(Answer { status: response.status(), millis: now() - start, headers, body })
}
