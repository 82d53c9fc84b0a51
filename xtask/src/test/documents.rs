//! The OpenAPI and AsyncAPI documents that a gateway serves, against the linters of
//! `server/tests/documents/`.

use std::process::Command;

use anyhow::Result;

use super::Tally;
use crate::{
    process,
    server::{self, Profile},
    setup, workspace,
};

pub(super) fn run(arguments: &[String]) -> Result<Tally> {
    let folder = workspace::root().join("server/tests/documents");
    setup::node()?;
    setup::npm_packages(&folder)?;
    server::build(Profile::Dev)?;
    process::announce("linters");
    let mut node = Command::new("node");
    node.current_dir(&folder).args(["--test", "documents.test.js"]).args(arguments);
    process::run(node.env("DOCUMENTS_BINARY", server::binary(Profile::Dev)))?;
    Ok(Tally::SUCCESS)
}
