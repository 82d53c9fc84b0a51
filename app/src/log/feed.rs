//! The log's rows, shared by the code that records them and the code that shows them. Recording is
//! cheap, and views are notified at most once per animation frame, so that a thousand frames a
//! second cause sixty renderings.

use super::store::Store;
use leptos::prelude::*;

/// A handle: copies are the same log.
#[derive(Clone, Copy)]
pub(crate) struct Feed {
    store: StoredValue<Store>,
    revision: RwSignal<u64>,
    /// A notification is scheduled for the next animation frame.
    due: StoredValue<bool>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            store: StoredValue::new(Store::default()),
            revision: RwSignal::new(0),
            due: StoredValue::new(false),
        }
    }

    /// Changes the log; views are notified with the next animation frame.
    pub(crate) fn record(self, write: impl FnOnce(&mut Store)) {
        self.store.update_value(write);
        if !self.due.get_value() {
            self.due.set_value(true);
            request_animation_frame(move || {
                self.due.set_value(false);
                self.tell();
            });
        }
    }

    /// Makes a change that the user asked for; views are notified at once.
    pub(crate) fn change(self, change: impl FnOnce(&mut Store)) {
        self.store.update_value(change);
        self.tell();
    }

    fn tell(self) {
        self.revision.update(|revision| *revision += 1);
    }

    /// Reads the log; tracked.
    pub(crate) fn watch<T>(self, read: impl FnOnce(&Store) -> T) -> T {
        self.revision.track();
        self.store.with_value(read)
    }

    /// Reads the log once.
    pub(crate) fn read<T>(self, read: impl FnOnce(&Store) -> T) -> T {
        self.store.with_value(read)
    }
}
