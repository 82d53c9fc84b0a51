//! The state of the log's view: the scroll position, the unfolded row, the keyboard's row. A
//! handle: copies are the same view.

use super::{
    feed::Feed,
    filter::Filter,
    store::Store,
    virtual_list::{Heights, VirtualList},
};
use leptos::prelude::*;
use std::ops::Range;

/// The state of the log's view.
#[derive(Clone, Copy)]
pub(crate) struct LogView {
    pub(crate) feed: Feed,
    pub(crate) filter: RwSignal<Filter>,
    /// The searched text.
    pub(crate) needle: Memo<String>,
    pub(crate) paused: RwSignal<bool>,
    /// Whether the newest row is kept in view.
    pub(crate) following: RwSignal<bool>,
    /// The scroll position in pixels while not following.
    pub(crate) scroll: RwSignal<f64>,
    pub(crate) heights: RwSignal<Heights>,
    /// The unfolded row.
    pub(crate) open: RwSignal<Option<u64>>,
    /// The row that arrow keys start from.
    pub(crate) active: RwSignal<Option<u64>>,
    /// Rows from this id on have arrived since the user scrolled away.
    seen: RwSignal<u64>,
    pub(crate) list: Memo<VirtualList>,
    pub(crate) rendered: Memo<Range<usize>>,
    /// The request of the unfolded row, and the last of its answers.
    exchange: Memo<Option<(u64, u64)>>,
    /// The row in the tab order; if no row is rendered, the list itself is.
    pub(crate) tab_stop: Memo<Option<u64>>,
    /// Changes when shown rows move: old rows were removed, or the filter has changed.
    places: Memo<(u64, Filter)>,
    /// Minutes from local time to UTC.
    pub(crate) timezone: RwSignal<f64>,
}

impl LogView {
    pub(crate) fn new(feed: Feed) -> Self {
        let following = RwSignal::new(true);
        let scroll = RwSignal::new(0.0);
        let heights = RwSignal::new(Heights::default());
        let open = RwSignal::new(None::<u64>);
        let active = RwSignal::new(None::<u64>);
        let list = Memo::new(move |_| {
            let (open, heights) = (open.get(), heights.get());
            feed.watch(|store| VirtualList {
                rows: store.shown(),
                open: open.and_then(|id| store.index_of(id)),
                heights,
            })
        });
        let rendered = Memo::new(move |_| {
            list.with(|list| list.rendered(if following.get() { list.end() } else { scroll.get() }))
        });
        let exchange = Memo::new(move |_| {
            let id = open.get()?;
            feed.watch(|store| {
                let request = store.get(id)?.answers.unwrap_or(id);
                Some((request, store.get(request)?.answered.map_or(request, |(_, last)| last)))
            })
        });
        let tab_stop = Memo::new(move |_| {
            let (rendered, active) = (rendered.get(), active.get());
            feed.watch(|store| {
                active
                    .filter(|&id| store.index_of(id).is_some_and(|index| rendered.contains(&index)))
            })
        });
        let filter = RwSignal::<Filter>::default();
        let places = Memo::new(move |_| (feed.watch(Store::gone), filter.get()));
        Self {
            feed,
            filter,
            needle: Memo::new(move |_| filter.with(|filter| filter.text.clone())),
            paused: RwSignal::new(false),
            following,
            scroll,
            heights,
            open,
            active,
            seen: RwSignal::new(0),
            list,
            rendered,
            exchange,
            tab_stop,
            places,
            timezone: RwSignal::new(0.0),
        }
    }

    /// Sets whether the newest row is kept in view.
    pub(crate) fn follow(self, follow: bool) {
        if self.following.get_untracked() == follow {
            return;
        }
        if !follow {
            self.scroll.set(self.list.with_untracked(VirtualList::end));
            self.seen.set(self.feed.read(Store::next_id));
        }
        self.following.set(follow);
    }

    /// The number of rows that have arrived since the user scrolled away.
    pub(crate) fn unseen(self) -> usize {
        let seen = self.seen.get();
        self.feed.watch(|store| store.shown_since(seen))
    }

    /// Unfolds or folds a row.
    pub(crate) fn toggle(self, id: u64) {
        let open = self.open.get_untracked() == Some(id);
        self.active.set(Some(id));
        self.open.set((!open).then_some(id));
        if !open {
            self.reveal(id);
        }
    }

    /// Scrolls a row into view, and stops following the newest.
    pub(crate) fn reveal(self, id: u64) {
        let Some(index) = self.feed.read(|store| store.index_of(id)) else { return };
        self.follow(false);
        let scroll = self.scroll.get_untracked();
        self.scroll.set(self.list.with_untracked(|list| list.reveal(index, scroll)));
    }

    /// The position of the row with this id, from 1; tracked.
    pub(crate) fn place(self, id: u64) -> Option<usize> {
        self.places.track();
        self.feed.read(|store| store.index_of(id)).map(|index| index + 1)
    }

    /// Moves the keyboard's row by `rows`, or to the newest if there was none; returns its id.
    pub(crate) fn move_by(self, rows: isize) -> Option<u64> {
        let from = self.active.get_untracked();
        let id = self.feed.read(|store| {
            let last = store.shown().checked_sub(1)?;
            let from = from.and_then(|id| store.index_of(id));
            store.id_at(from.map_or(last, |from| from.saturating_add_signed(rows).min(last)))
        })?;
        self.active.set(Some(id));
        self.reveal(id);
        Some(id)
    }

    /// Changes the filter.
    pub(crate) fn change_filter(self, change: impl FnOnce(&mut Filter)) {
        self.filter.update(change);
        self.feed.change(|store| store.set_filter(self.filter.get_untracked()));
    }

    /// Stops showing new rows, or shows them again.
    pub(crate) fn pause(self, paused: bool) {
        self.paused.set(paused);
        self.feed.change(|store| store.pause(paused));
    }

    /// Empties the log.
    pub(crate) fn clear(self) {
        self.open.set(None);
        self.active.set(None);
        self.feed.change(Store::clear);
        self.following.set(true);
    }

    /// The value of `data-link` of a row: its place between the request and the last answer of the
    /// unfolded row.
    pub(crate) fn link(self, id: u64, answers: Option<u64>) -> Option<&'static str> {
        let (request, last) = self.exchange.get()?;
        match id {
            _ if id < request || id > last => None,
            _ if request == last => Some("only"),
            _ if id == request => Some("start"),
            _ if id == last => Some("end"),
            _ if answers == Some(request) => Some("join"),
            _ => Some("pass"),
        }
    }
}
