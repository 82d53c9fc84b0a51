//! Drives a fan-out that no connection's task makes.

use hub::{FanOut, Sink, Step};
use tokio::task::yield_now;

/// Drives a fan-out until nothing is pending. Other tasks run between its steps.
pub(crate) async fn to_the_end<S: Sink>(mut fan_out: FanOut<S>) {
    while fan_out.step() != Step::Done {
        yield_now().await;
    }
}
