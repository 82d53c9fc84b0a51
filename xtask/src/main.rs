//! `cargo xtask build|run|fleet|test|bench|soak|deny|mutants`: everything that a fresh machine needs,
//! from the compiler's wasm target to the tests.

mod bench;
mod deny;
mod fleet;
mod mutants;
mod page;
mod process;
mod server;
mod setup;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;

use server::Profile;

/// Build, run and test Micro Socket.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Build the page, then the server.
    Build {
        /// Build target/release/micro-socket, optimised and with the page inside: it needs no other
        /// file.
        #[arg(long)]
        release: bool,
    },
    /// Build the page and the server, then serve on 127.0.0.1:3000.
    Run {
        /// The server's own arguments.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Build the page and the server, then run a NATS server and several gateways on it, on
    /// 127.0.0.1:3001 and the ports after it.
    Fleet {
        /// How many gateways.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
        gateways: u16,
    },
    /// Run all tests, or those of one stage.
    Test {
        /// The stage; if it is left out, all of them, in this order.
        stage: Option<test::Stage>,
        /// Further arguments for the stage's test program, such as a filter.
        #[arg(last = true, requires = "stage")]
        arguments: Vec<String>,
    },
    /// Compare the gateway with other servers; writes bench/REPORT.md.
    Bench {
        /// A short run of every row, with debug builds and without peers: shows that all rows work.
        /// The report goes to target/bench.
        #[arg(long)]
        quick: bool,
        /// The load generator's own arguments, such as `--row fan-out-1`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Put one gateway under load for a long time, with clients of every kind at once. Fails if it
    /// breaks a guarantee or leaks.
    Soak {
        #[command(flatten)]
        time: bench::Time,
        /// Instead: several gateways on NATS, whose parts break one after the other.
        #[arg(long)]
        fleet: bool,
        /// Write bench/SOAK.md, or bench/FLEET_SOAK.md.
        #[arg(long)]
        report: bool,
        /// The program's own arguments, such as `--seed 7 --rate 2`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check the licences, sources and duplicates of the dependencies.
    Deny {
        /// Arguments of `cargo deny check`, such as `--hide-inclusion-graph`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Change the code in one place at a time, and print each change that no library test notices.
    Mutants {
        /// Test each change of `websocket` and `hub` with the simulation, too, which is in the
        /// server's library tests: minutes for each change, instead of seconds.
        #[arg(long)]
        simulation: bool,
        /// cargo-mutants' own arguments, such as `--file hub/src/topic.rs` or `--shard 0/8`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Build { release } => build(if release { Profile::Release } else { Profile::Dev }),
        Command::Run { arguments } => {
            build(Profile::Dev)?;
            server::run(Profile::Dev, &arguments)
        }
        Command::Fleet { gateways } => {
            build(Profile::Dev)?;
            fleet::run(gateways)
        }
        Command::Test { stage, arguments } => test::run(stage, &arguments),
        Command::Bench { quick: false, arguments } => bench::full(&arguments),
        Command::Soak { time, fleet, report, arguments } => {
            bench::soak(time, fleet, report, &arguments)
        }
        Command::Deny { arguments } => deny::run(&arguments),
        Command::Mutants { simulation, arguments } => mutants::run(simulation, &arguments),
        Command::Bench { quick: true, arguments } => {
            let (status, _) = bench::quick(&arguments)?;
            ensure!(status.success(), "the gateway failed a row");
            Ok(())
        }
    }
}

fn build(profile: Profile) -> Result<()> {
    page::build()?;
    server::build(profile)
}
