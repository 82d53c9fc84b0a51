//! Every frame in both directions. [`store`] and the modules that it uses are plain data, tested
//! without a browser; [`feed`] notifies views at most once per animation frame; [`log_view`] is the
//! state of the view; the other modules show it.

mod bar;
mod cells;
pub(crate) mod clock;
mod correlation;
mod detail;
mod empty_state;
pub(crate) mod entry;
mod explain;
mod export;
mod feed;
mod filter;
mod log_view;
mod pane;
mod row;
mod rows;
mod status_bar;
mod store;
mod summary;
mod virtual_list;

pub(crate) use bar::FIND;
pub(crate) use feed::Feed;
pub(crate) use log_view::LogView;
pub(crate) use pane::LogPane;
