//! The HTTP side of the real binary, held against its own documents.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asyncapi;
mod demo;
mod errors;
mod gateway;
mod openapi;
mod origins;
mod pages;
mod schema;
