//! JSON for people: what a text consists of, how it reads best, where it is wrong. Works on the
//! text itself, so that the precision of numbers, the order of keys and the escapes stay as they
//! came; never recursive, so that depth costs nothing.

mod fault;
mod paint;
mod pretty;
mod tokens;

pub(crate) use fault::Fault;
pub(crate) use paint::{MAX_PAINTED, escaped, paint};
pub(crate) use pretty::pretty;
pub(crate) use tokens::{Token, TokenKind, tokens};
