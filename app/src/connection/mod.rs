//! The page's one WebSocket: its address, its state, why it failed or ended. [`driver`] drives it;
//! [`pane`] shows it.

mod address;
mod diagnosis;
mod driver;
mod liveness;
mod pane;
mod resume;
mod retry;
mod signatures;
mod socket;
mod state;

pub(crate) use address::{Endpoint, PageOrigin};
pub(crate) use driver::Connection;
pub(crate) use liveness::watch_liveness;
pub(crate) use pane::ConnectionPane;
pub(crate) use retry::should_reconnect;
pub(crate) use signatures::words as signature_words;
pub(crate) use state::{CloseInfo, ConnectionState, unnamed};
