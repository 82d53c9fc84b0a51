//! A virtual list: computes which rows of a long list are visible. All rows have the same height;
//! one of them may be unfolded and needs more.

use std::ops::Range;

/// Rows rendered above and below what is visible.
const OVERSCAN: usize = 10;

/// Heights in pixels, measured in the browser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Heights {
    pub(crate) row: f64,
    pub(crate) detail: f64,
    /// The height of the scroller.
    pub(crate) view: f64,
}

impl Default for Heights {
    fn default() -> Self {
        Self { row: 28.0, detail: 252.0, view: 600.0 }
    }
}

/// The list's shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct VirtualList {
    pub(crate) rows: usize,
    /// The unfolded row.
    pub(crate) open: Option<usize>,
    pub(crate) heights: Heights,
}

impl VirtualList {
    /// The place of row `index`.
    pub(crate) fn top(&self, index: usize) -> f64 {
        let unfolded_above = self.open.is_some_and(|open| open < index);
        index as f64 * self.heights.row + if unfolded_above { self.heights.detail } else { 0.0 }
    }

    /// The height of all rows.
    pub(crate) fn total(&self) -> f64 {
        self.top(self.rows)
    }

    /// The scroll position at the end.
    pub(crate) fn end(&self) -> f64 {
        (self.total() - self.heights.view).max(0.0)
    }

    fn at(&self, y: f64) -> usize {
        let plain = |y: f64| (y.max(0.0) / self.heights.row) as usize;
        match self.open {
            Some(open) if y >= self.top(open + 1) => plain(y - self.heights.detail),
            Some(open) => plain(y).min(open),
            None => plain(y),
        }
    }

    /// The rows to render at a scroll position.
    pub(crate) fn rendered(&self, scroll: f64) -> Range<usize> {
        let scroll = scroll.clamp(0.0, self.end());
        let first = self.at(scroll).saturating_sub(OVERSCAN).min(self.rows);
        let last = (self.at(scroll + self.heights.view) + 1 + OVERSCAN).min(self.rows);
        first..last
    }

    /// The nearest scroll position at which row `index`, unfolded or not, can be seen.
    pub(crate) fn reveal(&self, index: usize, scroll: f64) -> f64 {
        let (top, bottom) = (self.top(index), self.top(index + 1));
        if top < scroll || bottom - top > self.heights.view {
            top
        } else {
            scroll.max(bottom - self.heights.view)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: usize, open: Option<usize>) -> VirtualList {
        VirtualList { rows, open, heights: Heights { row: 10.0, detail: 90.0, view: 100.0 } }
    }

    #[test]
    fn short_lists_are_rendered_whole() {
        assert_eq!(list(0, None).rendered(0.0), 0..0);
        assert_eq!(list(5, None).rendered(700.0), 0..5);
    }

    #[test]
    fn long_lists_render_what_is_visible_and_a_margin() {
        let list = list(50_000, None);
        assert_eq!(list.total(), 500_000.0);
        assert_eq!(list.rendered(0.0), 0..21);
        assert_eq!(list.rendered(1000.0), 90..121);
        assert_eq!(list.rendered(list.end()), 49_980..50_000);
        assert_eq!(list.rendered(f64::MAX), 49_980..50_000);
    }

    #[test]
    fn an_unfolded_row_moves_what_is_below() {
        let list = list(100, Some(20));
        assert_eq!((list.top(20), list.top(21)), (200.0, 300.0));
        assert_eq!(list.rendered(250.0), 10..37);
        assert_eq!(list.rendered(300.0), 11..42);
    }

    #[test]
    fn rows_are_revealed_with_the_least_movement() {
        let list = list(100, Some(50));
        assert_eq!(list.reveal(5, 0.0), 0.0);
        assert_eq!(list.reveal(30, 0.0), 210.0);
        assert_eq!(list.reveal(3, 100.0), 30.0);
        assert_eq!(list.reveal(50, 450.0), 500.0);
    }
}
