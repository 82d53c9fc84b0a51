//! Every frame in both directions. [`store`] and the modules that it uses are plain data, tested
//! without a browser; [`feed`] notifies views at most once per animation frame; [`screen`] is the
//! state of the view; the other modules show it.

mod bar;
mod cells;
pub(crate) mod clock;
mod detail;
pub(crate) mod entry;
mod explain;
mod export;
mod feed;
mod filter;
mod foot;
mod lesson;
mod matching;
mod pane;
mod row;
mod rows;
mod screen;
mod store;
mod summary;
mod window;

pub(crate) use bar::FIND;
pub(crate) use feed::Feed;
pub(crate) use pane::LogPane;
pub(crate) use screen::Screen;
