//! `cargo xtask run|test|build`: everything that a fresh machine needs.
fn main() {}
