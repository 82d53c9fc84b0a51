//! The Lua scripts: each step is one script over one key, so the server does it as a whole. They are
//! loaded with each connection and called by their hash.

use std::sync::LazyLock;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Claim,
    Commit,
    Release,
    Get,
    Put,
}

/// In the order of [`Script`].
static SOURCES: [&str; 5] = [
    include_str!("scripts/claim.lua"),
    include_str!("scripts/commit.lua"),
    include_str!("scripts/release.lua"),
    include_str!("scripts/get.lua"),
    include_str!("scripts/put.lua"),
];

static HASHES: LazyLock<[String; 5]> =
    LazyLock::new(|| SOURCES.map(|source| ::redis::Script::new(source).get_hash().to_owned()));

impl Script {
    /// A call of it.
    pub(super) fn call(self, key: &[u8], arguments: &[Vec<u8>]) -> ::redis::Cmd {
        let mut command = ::redis::cmd("EVALSHA");
        command.arg(&HASHES[self as usize]).arg(1).arg(key).arg(arguments);
        command
    }
}

/// Makes the server know all of them.
pub(super) fn load_all() -> ::redis::Pipeline {
    let mut pipeline = ::redis::pipe();
    for source in SOURCES {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(source);
    }
    pipeline
}
