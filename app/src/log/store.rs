//! All rows, limited in number and bytes, and those that the filter shows. Does not know the view.

use super::{
    correlation::Correlation,
    entry::{Checked, Content, Direction, Entry, Facts, Verdict},
    filter::Filter,
};
use protocol::ServerFrame;
use std::collections::VecDeque;

/// The most rows that are kept; the oldest are removed first.
pub(crate) const MAX_ENTRIES: usize = 50_000;
/// The most bytes of frames that are kept.
const MAX_BYTES: usize = 64 << 20;
/// The bytes that are kept of a binary frame.
const BINARY_HEAD: usize = 64;

/// Counts since the log was last cleared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Frames and events.
    pub(crate) entries: usize,
    pub(crate) bytes_in: usize,
    pub(crate) bytes_out: usize,
    pub(crate) errors: usize,
    /// Signatures that were verified.
    pub(crate) checked: Checked,
}

/// The rows of the page's connections.
#[derive(Debug)]
pub(crate) struct Store {
    entries: VecDeque<Entry>,
    /// The id of the next row; ids are consecutive.
    next: u64,
    bytes: usize,
    filter: Filter,
    /// Ids of the rows that are shown, rising.
    shown: VecDeque<u64>,
    /// Rows from this id on wait until the pause ends.
    shown_to: u64,
    paused: bool,
    /// Shown rows that were removed because they were the oldest, since the filter was set.
    gone: u64,
    totals: Totals,
    correlation: Correlation,
    max_entries: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self::bounded(MAX_ENTRIES)
    }
}

impl Store {
    fn bounded(max_entries: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            next: 0,
            bytes: 0,
            filter: Filter::default(),
            shown: VecDeque::new(),
            shown_to: 0,
            paused: false,
            gone: 0,
            totals: Totals::default(),
            correlation: Correlation::default(),
            max_entries,
        }
    }

    /// Records a sent text frame.
    pub(crate) fn sent(&mut self, at: f64, text: &str) {
        let facts = Facts::of_sent(text);
        self.correlation.sent(self.next, at, &facts);
        self.totals.bytes_out += text.len();
        self.push(at, Some(Direction::Out), Content::Text(text.into()), facts);
    }

    /// Records a received text frame; `frame` is its content if the page knows its kind. Returns
    /// its row.
    pub(crate) fn arrived(&mut self, at: f64, text: &str, frame: Option<&ServerFrame<'_>>) -> u64 {
        let facts = Facts::of_received(frame);
        let answered = self.correlation.received(&facts);
        self.totals.bytes_in += text.len();
        let id = self.push(at, Some(Direction::In), Content::Text(text.into()), facts);
        let Some(answered) = answered else { return id };
        if let Some(request) = self.get_mut(answered.request) {
            request.answered = Some((request.answered.map_or(id, |(first, _)| first), id));
        }
        if let Some(entry) = self.get_mut(id) {
            entry.answers = Some(answered.request);
            entry.took = Some((at - answered.since).max(0.0));
        }
        id
    }

    /// Records the result of verifying the signature of row `id`.
    pub(crate) fn checked(&mut self, id: u64, verdict: Verdict) {
        let Some(entry) = self.get_mut(id) else { return };
        entry.signature = Some(verdict);
        match verdict {
            Verdict::Good => self.totals.checked.good += 1,
            Verdict::Wrong | Verdict::NoKey => self.totals.checked.bad += 1,
        }
    }

    /// Records a received binary frame, which the protocol does not have.
    pub(crate) fn received_binary(&mut self, at: f64, bytes: &[u8]) {
        self.totals.bytes_in += bytes.len();
        let head = bytes[..bytes.len().min(BINARY_HEAD)].into();
        self.push(
            at,
            Some(Direction::In),
            Content::Binary { size: bytes.len(), head },
            Facts::default(),
        );
    }

    /// Records an event of the connection; `took` in milliseconds.
    pub(crate) fn event(&mut self, at: f64, content: Content, took: Option<f64>) {
        if !matches!(content, Content::Opened { .. }) {
            self.correlation.end();
        }
        let id = self.push(at, None, content, Facts::default());
        if let Some(entry) = self.get_mut(id) {
            entry.took = took;
        }
    }

    fn push(
        &mut self,
        at: f64,
        direction: Option<Direction>,
        content: Content,
        facts: Facts,
    ) -> u64 {
        let id = self.next;
        let entry = Entry {
            id,
            at,
            direction,
            content,
            facts,
            answers: None,
            answered: None,
            took: None,
            signature: None,
        };
        self.next += 1;
        self.bytes += entry.size().unwrap_or_default();
        self.totals.entries += 1;
        self.totals.errors += usize::from(entry.is_bad());
        self.entries.push_back(entry);
        self.shrink();
        if !self.paused {
            self.catch_up();
        }
        id
    }

    fn shrink(&mut self) {
        while self.entries.len() > self.max_entries
            || (self.bytes > MAX_BYTES && self.entries.len() > 1)
        {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.bytes -= oldest.size().unwrap_or_default();
            if self.shown.front() == Some(&oldest.id) {
                self.shown.pop_front();
                self.gone += 1;
            }
        }
    }

    fn first(&self) -> u64 {
        self.next - self.entries.len() as u64
    }

    /// Shows the rows that have arrived during the pause.
    fn catch_up(&mut self) {
        let first = self.first();
        for id in self.shown_to.max(first)..self.next {
            if self.filter.shows(&self.entries[(id - first) as usize]) {
                self.shown.push_back(id);
            }
        }
        self.shown_to = self.next;
    }

    /// Shows only the rows that pass `filter`, from now on.
    pub(crate) fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
        self.shown.clear();
        self.gone = 0;
        let (to, first) = (self.shown_to, self.first());
        let before = self.entries.iter().take_while(|entry| entry.id < to);
        self.shown.extend(before.filter(|entry| self.filter.shows(entry)).map(|entry| entry.id));
        self.shown_to = to.max(first);
    }

    /// While paused, new rows are kept and not shown.
    pub(crate) fn pause(&mut self, paused: bool) {
        self.paused = paused;
        if !paused {
            self.catch_up();
        }
    }

    /// Removes all rows. Open requests can still be answered; ids go on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.shown.clear();
        self.bytes = 0;
        self.gone = 0;
        self.shown_to = self.next;
        self.totals = Totals::default();
    }

    /// The row with this id, if it is still kept.
    pub(crate) fn get(&self, id: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(id.checked_sub(self.first())?).ok()?)
    }

    fn get_mut(&mut self, id: u64) -> Option<&mut Entry> {
        let index = usize::try_from(id.checked_sub(self.first())?).ok()?;
        self.entries.get_mut(index)
    }

    /// How many rows are shown.
    pub(crate) fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The id of the shown row `index`.
    pub(crate) fn id_at(&self, index: usize) -> Option<u64> {
        self.shown.get(index).copied()
    }

    /// The position of the row with this id among the shown ones.
    pub(crate) fn index_of(&self, id: u64) -> Option<usize> {
        self.shown.binary_search(&id).ok()
    }

    /// How many of the shown rows have this id or a later one.
    pub(crate) fn shown_since(&self, id: u64) -> usize {
        self.shown.len() - self.shown.partition_point(|&shown| shown < id)
    }

    /// How many rows wait for the end of the pause.
    pub(crate) fn waiting(&self) -> usize {
        (self.next - self.shown_to) as usize
    }

    /// Rows held, shown or not.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The id that the next row will have.
    pub(crate) fn next_id(&self) -> u64 {
        self.next
    }

    /// Shown rows that were removed because they were the oldest, since the filter was set.
    pub(crate) fn gone(&self) -> u64 {
        self.gone
    }

    /// Counts since the log was cleared.
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// The shown rows, oldest first.
    pub(crate) fn iter_shown(&self) -> impl Iterator<Item = &Entry> {
        self.shown.iter().filter_map(|&id| self.get(id))
    }
}

#[cfg(test)]
impl Store {
    /// Records a received text frame.
    pub(crate) fn received(&mut self, at: f64, text: &str) -> u64 {
        self.arrived(at, text, ServerFrame::parse(text).ok().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &str = r#"{"type":"ping"}"#;
    const PONG: &str = r#"{"type":"pong"}"#;

    fn shown(store: &Store) -> Vec<u64> {
        store.iter_shown().map(|entry| entry.id).collect()
    }

    #[test]
    fn answers_know_their_question_and_how_long_it_took() {
        let mut store = Store::default();
        store.sent(10.0, PING);
        store.received(10.5, PONG);
        let pong = store.get(1).unwrap();
        assert_eq!((pong.answers, pong.took), (Some(0), Some(0.5)));
        store.sent(11.0, PING);
        assert_eq!(store.get(0).unwrap().answered, Some((1, 1)));
    }

    #[test]
    fn the_oldest_go_and_the_rest_keep_their_ids() {
        let mut store = Store::bounded(3);
        for _ in 0..5 {
            store.sent(0.0, PING);
        }
        assert_eq!((shown(&store), store.gone(), store.totals().entries), (vec![2, 3, 4], 2, 5));
        assert_eq!((store.get(1), store.index_of(3), store.id_at(0)), (None, Some(1), Some(2)));
        assert_eq!((store.shown_since(3), store.shown_since(0), store.shown_since(9)), (2, 3, 0));
        store.received(1.0, PONG);
        assert_eq!(store.get(5).unwrap().answers, Some(0));
    }

    #[test]
    fn a_filter_holds_for_what_is_there_and_what_comes() {
        let mut store = Store::default();
        store.sent(0.0, PING);
        store.received(0.0, PONG);
        store.event(0.0, Content::Opened { url: "ws://x".into() }, None);
        store.set_filter(Filter { direction: Some(Direction::In), ..Filter::default() });
        store.sent(0.0, PING);
        store.received(0.0, PONG);
        assert_eq!(shown(&store), [1, 2, 4]);
        store.set_filter(Filter { text: "PING".into(), ..Filter::default() });
        assert_eq!(shown(&store), [0, 3]);
        store.set_filter(Filter { kind: Some("open".into()), ..Filter::default() });
        assert_eq!(shown(&store), [2]);
        store.set_filter(Filter::default());
        assert_eq!(shown(&store), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_pause_loses_nothing() {
        let mut store = Store::bounded(4);
        store.sent(0.0, PING);
        store.pause(true);
        for _ in 0..2 {
            store.received(0.0, PONG);
        }
        assert_eq!((shown(&store), store.waiting()), (vec![0], 2));
        store.set_filter(Filter::default());
        assert_eq!(shown(&store), [0]);
        store.pause(false);
        assert_eq!((shown(&store), store.waiting()), (vec![0, 1, 2], 0));
        store.pause(true);
        for _ in 0..9 {
            store.received(0.0, PONG);
        }
        store.pause(false);
        assert_eq!(shown(&store), [8, 9, 10, 11]);
    }

    #[test]
    fn a_line_that_ended_answers_nothing() {
        let mut store = Store::default();
        store.sent(0.0, PING);
        store.event(1.0, Content::Closed { code: 1001, reason: "".into(), asked: false }, None);
        store.received(2.0, PONG);
        assert_eq!(store.get(2).unwrap().answers, None);
    }

    #[test]
    fn clearing_goes_on_with_new_ids() {
        let mut store = Store::default();
        store.sent(0.0, PING);
        store.clear();
        store.received(1.0, PONG);
        assert_eq!((shown(&store), store.len(), store.totals().entries), (vec![1], 1, 1));
        assert_eq!(store.get(1).unwrap().answers, Some(0));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut store = Store::default();
        let megabyte = "x".repeat(1 << 20);
        for _ in 0..70 {
            store.received(0.0, &megabyte);
        }
        assert_eq!(store.len(), 64);
    }
}
