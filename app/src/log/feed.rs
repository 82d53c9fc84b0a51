//! The log's rows, shared by what writes and what shows them. Writing is cheap and told at most
//! once per animation frame, so that a thousand frames a second cost sixty renderings.

use super::store::Store;
use leptos::prelude::*;

/// A handle: copies are the same log.
#[derive(Clone, Copy)]
pub(crate) struct Feed {
    store: StoredValue<Store>,
    revision: RwSignal<u64>,
    /// A frame was asked for and has not come yet.
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

    /// Writes; what is shown follows with the next animation frame.
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

    /// Changes what the reader asked to change; shown at once.
    pub(crate) fn change(self, change: impl FnOnce(&mut Store)) {
        self.store.update_value(change);
        self.tell();
    }

    fn tell(self) {
        self.revision.update(|revision| *revision += 1);
    }

    /// Reads, and again whenever there is something new.
    pub(crate) fn watch<T>(self, read: impl FnOnce(&Store) -> T) -> T {
        self.revision.track();
        self.store.with_value(read)
    }

    /// Reads once.
    pub(crate) fn read<T>(self, read: impl FnOnce(&Store) -> T) -> T {
        self.store.with_value(read)
    }
}
