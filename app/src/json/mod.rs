//! JSON for people: its tokens, its indented form, its faults. Works on the text itself, so that
//! the precision of numbers, the order of keys and the escapes are kept; never recursive, so that
//! deep nesting costs no stack.

mod fault;
mod highlight;
mod pretty;
mod tokens;

pub(crate) use fault::Fault;
pub(crate) use highlight::{MAX_HIGHLIGHTED, escaped, highlight};
pub(crate) use pretty::pretty;
pub(crate) use tokens::{Token, TokenKind, tokens};
