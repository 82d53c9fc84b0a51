//! What goes on for as long as the gateway serves: accepting, heartbeats, clearing away. Each has a
//! task of its own, so that one that is slow holds up none of the others, and ends with
//! [`Activities`]. None ends by itself: if one does, it has failed.

use super::ServeError;
use std::{
    collections::HashMap,
    future::{Future, pending},
};
use tokio::task::{Id, JoinSet};

/// Everything that goes on.
#[derive(Debug, Default)]
pub(super) struct Activities {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Activities {
    /// Starts one, on the runtime of the caller.
    pub(super) fn start(
        &mut self,
        name: &'static str,
        activity: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = self.tasks.spawn(activity);
        self.names.insert(task.id(), name);
    }

    /// Waits for one that fails; for ever, most likely. Cancel-safe.
    pub(super) async fn failed(&mut self) -> ServeError {
        let (id, reason) = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => (id, "it has ended".to_owned()),
            Some(Err(error)) => (error.id(), error.to_string()),
            None => pending().await,
        };
        ServeError::Activity { name: self.names.get(&id).copied().unwrap_or_default(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_told_with_the_name_of_the_activity() {
        let mut activities = Activities::default();
        activities.start("one that goes on", pending());
        activities.start("one that fails", async { panic!("on purpose") });
        let text = activities.failed().await.to_string();
        assert!(text.starts_with("one that fails: ") && text.contains("on purpose"), "{text}");
    }
}
