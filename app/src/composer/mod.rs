//! One message, as a form made from the protocol's own description of it, and as JSON. [`draft`]
//! converts between form and frame; [`state`] holds the values; the other modules show them.

mod chips;
mod draft;
mod editor;
mod field;
mod kinds;
mod message_id;
mod pairs;
mod pane;
mod send;
mod state;

pub(crate) use editor::Editor;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use kinds::{ELEMENT as KINDS, as_json as kinds};
pub(crate) use pane::MessagePane;
pub(crate) use send::send;
pub(crate) use state::Composer;
