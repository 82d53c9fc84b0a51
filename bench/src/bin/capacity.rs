//! `capacity fleet` measures what a fleet costs that holds very many connections; it starts itself
//! as `capacity clients` for the clients of each gateway. Not a part of the tests.

use anyhow::Result;
use bench::{
    capacity::{self, Options, clients},
    side::{Certificate, Environment},
};
use clap::{Parser, Subcommand};
use std::{fs, net::SocketAddr, path::PathBuf};

/// Holds as many connections as descriptors allow.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Starts gateways and clients, and measures.
    Fleet {
        /// The gateway's binary.
        #[arg(long)]
        gateway: PathBuf,
        /// The NATS server.
        #[arg(long)]
        nats: PathBuf,
        /// A folder for logs and data.
        #[arg(long)]
        work: PathBuf,
        /// The number of gateways.
        #[arg(long, default_value_t = 6)]
        gateways: u8,
        /// The connections of each gateway.
        #[arg(long, default_value_t = 16_667, value_parser = clap::value_parser!(u32).range(501..))]
        connections: u32,
        /// The number of messages.
        #[arg(long, default_value_t = 20)]
        messages: u64,
    },
    /// The clients of one gateway.
    Clients {
        /// Its address.
        gateway: SocketAddr,
        /// Their number.
        connections: usize,
    },
}

fn main() -> Result<()> {
    bench::open_files()?;
    match Arguments::parse().command {
        Command::Clients { gateway, connections } => clients::run(gateway, connections),
        Command::Fleet { gateway, nats, work, gateways, connections, messages } => {
            fs::create_dir_all(&work)?;
            let environment = Environment {
                gateway,
                beside: None,
                nats: Some(nats),
                programs: work.clone(),
                scripts: work.clone(),
                certificate: Certificate::generate(&work)?,
                work,
            };
            let options =
                Options { gateways, connections: usize::try_from(connections)?, messages };
            println!("{}", capacity::run(&environment, options)?);
            Ok(())
        }
    }
}
