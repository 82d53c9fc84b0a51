//! The page's one WebSocket: its address, its state, why it failed or ended. [`line`] drives it;
//! [`pane`] shows it.

mod address;
mod diagnosis;
mod line;
mod pane;
mod resume;
mod retry;
mod signatures;
mod socket;
mod state;
mod watch;

pub(crate) use address::{Endpoint, Page};
pub(crate) use line::Line;
pub(crate) use pane::ConnectionPane;
pub(crate) use retry::goes_on;
pub(crate) use signatures::words as signature_words;
pub(crate) use state::{Ending, Link, unnamed};
pub(crate) use watch::watch;
