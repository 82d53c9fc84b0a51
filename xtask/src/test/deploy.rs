//! The compose file and the Kubernetes manifests of `deploy/`, by the tests of `server/tests/deploy/`.

use std::process::Command;

use anyhow::Result;

use super::Tally;
use crate::{
    process,
    server::{self, Profile},
    setup, workspace,
};

pub(super) fn run(arguments: &[String]) -> Result<Tally> {
    let folder = workspace::root().join("server/tests/deploy");
    setup::node()?;
    setup::npm_packages(&folder)?;
    setup::deploy_checkers()?;
    server::build(Profile::Dev)?;
    process::announce("compose file and manifests");
    let tools = workspace::target().join("tools");
    let mut node = Command::new("node");
    node.current_dir(&folder).args(["--test", "compose.test.js", "kubernetes.test.js"]);
    node.args(arguments)
        .env("DEPLOY_BINARY", server::binary(Profile::Dev))
        .env("DEPLOY_COMPOSE", tools.join("docker-compose"))
        .env("DEPLOY_SCHEMA", tools.join("kubernetes.json"));
    process::run(&mut node)?;
    Ok(Tally::SUCCESS)
}
