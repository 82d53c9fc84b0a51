//! The NATS servers: one, or a cluster whose servers reach each other only over links.

use super::{
    link::{Link, Links},
    process::Process,
};
use crate::side::free_address;
use anyhow::{Result, ensure};
use nix::sys::signal::Signal;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{io::AsyncReadExt, net::TcpStream, time::sleep};

/// How long a server may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(20);

/// All servers.
#[derive(Debug)]
pub(super) struct Brokers {
    pub(super) servers: Vec<Broker>,
}

/// One server.
#[derive(Debug)]
pub(super) struct Broker {
    program: PathBuf,
    folder: PathBuf,
    pub(super) address: SocketAddr,
    /// From and to the other servers.
    pub(super) routes: Links,
    process: Process,
}

impl Brokers {
    /// Starts `count` servers, which store below `folder`.
    pub(super) async fn start(program: &Path, folder: &Path, count: usize) -> Result<Self> {
        let ports: Vec<_> =
            (0..count).map(|_| Ok((free_address()?, free_address()?))).collect::<Result<_>>()?;
        let mut links = vec![Vec::new(); count];
        let mut routes = vec![Vec::new(); count];
        for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))) {
            if from != to {
                let link = Rc::new(Link::to(ports[to].1).await?);
                routes[from].push(format!("nats-route://{}", link.address));
                links[from].push(link.clone());
                links[to].push(link);
            }
        }
        let mut servers = Vec::new();
        for (index, ((address, cluster), (routes, links))) in
            ports.into_iter().zip(routes.into_iter().zip(links)).enumerate()
        {
            let folder = folder.join(format!("nats-{index}"));
            fs::create_dir_all(&folder)?;
            fs::write(
                folder.join("server.conf"),
                configuration(index, address, cluster, &folder, &routes),
            )?;
            servers.push(Broker {
                program: program.to_owned(),
                folder,
                address,
                routes: Links::new(links),
                process: Process::default(),
            });
        }
        let mut brokers = Self { servers };
        for server in &mut brokers.servers {
            server.begin()?;
        }
        for server in &brokers.servers {
            server.greets().await?;
        }
        Ok(brokers)
    }
}

impl Broker {
    /// Starts it, with what it has stored.
    pub(super) fn begin(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.folder.join("server.conf"));
        self.process.start(&mut command, &self.folder.join("log"))
    }

    pub(super) fn kill(&mut self) {
        self.process.kill();
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Forgets what it has stored. It must have been killed.
    pub(super) fn forget(&self) -> Result<()> {
        Ok(fs::remove_dir_all(self.data())?)
    }

    /// Keeps a copy of what it has stored. It must have been killed.
    pub(super) fn save(&self) -> Result<()> {
        copy(&self.data(), &self.folder.join("saved"))
    }

    /// Goes back to the copy, if there is one. It must have been killed.
    pub(super) fn set_back(&self) -> Result<()> {
        let saved = self.folder.join("saved");
        if saved.exists() { copy(&saved, &self.data()) } else { Ok(()) }
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Waits until it answers.
    async fn greets(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Ok(mut stream) = TcpStream::connect(self.address).await
                && stream.read_u8().await.is_ok()
            {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "the NATS server at {} is silent", self.address);
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Servers know each other only by the links: they tell neither each other nor clients of any other
/// address.
fn configuration(
    index: usize,
    address: SocketAddr,
    cluster: SocketAddr,
    folder: &Path,
    routes: &[String],
) -> String {
    let data = folder.join("data");
    let alone = format!(
        "server_name: nats-{index}\nlisten: \"{address}\"\njetstream {{ store_dir: {data:?} }}\n"
    );
    if routes.is_empty() {
        return alone;
    }
    let routes = routes.join("\", \"");
    format!(
        "{alone}cluster {{ name: fleet, listen: \"{cluster}\", no_advertise: true, pool_size: -1, routes: [\"{routes}\"] }}\n"
    )
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
