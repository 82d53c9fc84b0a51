//! The HTTP side of the real binary, held against its own documents.

mod asyncapi;
mod demo;
mod errors;
mod gateway;
mod openapi;
mod origins;
mod pages;
mod schema;
