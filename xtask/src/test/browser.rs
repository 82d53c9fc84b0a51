//! The Playwright suite of `end2end/`, its types, and the size of the page. Playwright starts the
//! server at the path that it is given, and stops it.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
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
    let checks = check(page::weigh()) + check(types(&suite));
    process::announce("playwright");
    let mut playwright = Command::new("npx");
    playwright
        .current_dir(&suite)
        .args(["playwright", "test"])
        .args(arguments)
        .env("END2END_BINARY", server::binary(Profile::Dev))
        .env("END2END_PORT", free_port()?.to_string());
    let (status, lines) = process::watch(&mut playwright)?;
    Ok(checks + Tally::of(status, &lines))
}

/// Checks the suite's types; Playwright itself runs it without type checks.
fn types(suite: &Path) -> Result<()> {
    process::announce("types of the browser tests");
    process::run(Command::new("npm").current_dir(suite).args(["run", "--silent", "check"]))
}

/// Counts a check that is no test as one test.
fn check(result: Result<()>) -> Tally {
    match result {
        Ok(()) => Tally::SUCCESS,
        Err(error) => {
            println!("{error:#}");
            Tally::FAILURE
        }
    }
}

/// A free port, so that the suite does not use a server that is already running.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
