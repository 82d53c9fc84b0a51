//! The Playwright suite of `end2end/`. Playwright starts the server that it is pointed to, and stops it.

use std::{
    net::{Ipv4Addr, TcpListener},
    process::Command,
};

use anyhow::Result;

use super::Tally;
use crate::{
    page, process,
    server::{self, Profile},
    setup, workspace,
};

pub(super) fn run(arguments: &[String]) -> Result<Tally> {
    let suite = workspace::root().join("end2end");
    setup::node()?;
    setup::npm_packages(&suite)?;
    setup::chromium(&suite)?;
    page::build()?;
    server::build(Profile::Dev)?;
    process::announce("playwright");
    let mut playwright = Command::new("npx");
    playwright
        .current_dir(&suite)
        .args(["playwright", "test"])
        .args(arguments)
        .env("END2END_BINARY", server::binary(Profile::Dev))
        .env("END2END_PORT", free_port()?.to_string());
    let (status, lines) = process::watch(&mut playwright)?;
    Ok(Tally::of(status, &lines))
}

/// A port that nobody listens on now, so that the suite does not meet a server that is running already.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
