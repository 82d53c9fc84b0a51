//! Sends a try-out from the browser and measures it. Called by event handlers only, so never on the server.

use super::answer::{Answer, Outcome};
use crate::browser::now;
use gloo_net::{Error, http::Request};
use web_sys::AbortSignal;

/// How long an answer may take, in milliseconds.
const PATIENCE_MS: u32 = 15_000;

/// Asks the gateway that served the page for `target`, for at most [`PATIENCE_MS`]. Dropping the future does not take the
/// request back.
pub(crate) async fn get(target: &str) -> Outcome {
    match exchange(target).await {
        Ok(answer) => Outcome::Answered(answer),
        Err(Error::JsError(error)) if error.name == "TimeoutError" => Outcome::TooLate,
        Err(_) => Outcome::Unreachable,
    }
}

async fn exchange(target: &str) -> Result<Answer, Error> {
    let patience = AbortSignal::timeout_with_u32(PATIENCE_MS);
    let start = now();
    let response = Request::get(target).abort_signal(Some(&patience)).send().await?;
    let headers = response.headers().entries().collect();
    let body = response.text().await?;
    Ok(Answer { status: response.status(), millis: now() - start, headers, body })
}
