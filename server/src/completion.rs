//! The end of an operation, for the tasks that wait for it: first come, first served, so that their
//! order does not depend on chance.

use tokio_util::sync::CancellationToken;

/// An operation that runs. Dropped, it is complete.
#[derive(Debug, Default)]
pub(crate) struct Operation(CancellationToken);

/// Waits for the end of an [`Operation`].
#[derive(Debug, Clone)]
pub(crate) struct Completion(CancellationToken);

impl Operation {
    /// For a task that waits.
    #[must_use]
    pub(crate) fn completion(&self) -> Completion {
        Completion(self.0.clone())
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Completion {
    /// Until the operation is complete. Cancel-safe.
    pub(crate) async fn wait(self) {
        self.0.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn completion_comes_with_the_drop_and_stays() {
        let operation = Operation::default();
        let completion = operation.completion();
        assert!(completion.clone().wait().now_or_never().is_none());
        drop(operation);
        assert!(completion.clone().wait().now_or_never().is_some());
        assert!(completion.wait().now_or_never().is_some());
    }
}
