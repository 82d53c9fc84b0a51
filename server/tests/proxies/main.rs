//! Real proxies with the files of `deploy/` before a real gateway. A test fails if its proxy is not
//! installed; `cargo xtask test` installs all three.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod caddy;
#[path = "../black_box/gateway.rs"]
#[expect(dead_code, reason = "the black-box tests use the rest")]
mod gateway;
mod haproxy;
#[path = "../black_box/issuer.rs"]
#[expect(dead_code, reason = "the black-box tests use the rest")]
mod issuer;
mod nginx;
mod promises;
mod proxy;
mod shipped;
mod site;
