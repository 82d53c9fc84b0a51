//! Every frame both ways, on one wire. [`store`] and what it relies on is plain data and tested as
//! such; [`feed`] tells at most once a frame that there is more of it; [`screen`] is what the
//! reader sees of it; the rest shows it.

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
