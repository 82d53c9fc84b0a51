//! A fleet on this machine: a NATS server and several gateways, until ctrl-c, which the terminal sends
//! to all of them.

use std::{
    fs,
    process::{Child, Command},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    process,
    server::{self, Profile},
    setup, workspace,
};

const NATS_PORT: u16 = 4299;

/// Starts NATS, with nothing stored, and the gateways.
///
/// # Errors
/// If one of them cannot be started, or ends while the others run.
pub(crate) fn run(gateways: u16) -> Result<()> {
    let nats_server = setup::nats_server()?;
    let folder = workspace::target().join("fleet");
    // What the last fleet has stored.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let mut nats = Command::new(nats_server);
    nats.args(["--addr", "127.0.0.1", "--port", &NATS_PORT.to_string(), "--jetstream"])
        .arg("--store_dir")
        .arg(folder.join("nats"))
        .arg("--log")
        .arg(folder.join("nats.log"));
    let mut members = vec![Member::start("the NATS server", &mut nats)?];
    let url = format!("nats://127.0.0.1:{NATS_PORT}");
    let ports: Vec<u16> = (1..=gateways).map(|number| 3000 + number).collect();
    for port in &ports {
        let mut gateway = Command::new(server::binary(Profile::Dev));
        gateway
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .env("MICRO_SOCKET_BACKBONE__KIND", "nats")
            .env("MICRO_SOCKET_BACKBONE__URL", &url);
        members.push(Member::start(&format!("the gateway at {port}"), &mut gateway)?);
    }
    process::announce("a fleet; ctrl-c ends it");
    for port in &ports {
        println!("http://127.0.0.1:{port}/docs");
    }
    println!("What is published at one is delivered at the others.");
    loop {
        for member in &mut members {
            if let Some(status) = member.process.try_wait()? {
                bail!("{} has ended: {status}", member.name);
            }
        }
        // Nothing tells when one of several processes ends, so look again.
        sleep(Duration::from_millis(200));
    }
}

/// A process of the fleet, which ends with this.
struct Member {
    name: String,
    process: Child,
}

impl Member {
    fn start(name: &str, command: &mut Command) -> Result<Self> {
        let process = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Self { name: name.to_owned(), process })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
