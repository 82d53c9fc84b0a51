//! `cargo xtask build|run|test`: everything that a fresh machine needs, from the compiler's wasm target to the tests.

mod page;
mod process;
mod server;
mod workspace;

use anyhow::Result;
use clap::Parser;

/// Build, run and test Micro Socket.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Build the page, then the server with the page inside.
    Build {
        /// Optimised and complete: `target/release/micro-socket` needs no other file.
        #[arg(long)]
        release: bool,
    },
    /// Build the page and the server, then serve on 127.0.0.1:3000.
    Run {
        /// What the server is given on its command line.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Build { release } => {
            let profile = server::Profile::of(release);
            page::build(profile)?;
            server::build(profile)
        }
        Command::Run { arguments } => {
            let profile = server::Profile::Dev;
            page::build(profile)?;
            server::build(profile)?;
            server::run(profile, &arguments)
        }
    }
}
