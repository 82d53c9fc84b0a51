//! The gateways: processes, each with links of its own to the NATS servers.

use super::{
    brokers::Brokers,
    link::{Link, Links},
    process::Process,
    tokens::SECRET,
};
use crate::soak::{http, vitals::metrics};
use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// How long a gateway may take until it can serve, once the backbone can be reached.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(10);

/// One gateway.
#[derive(Debug)]
pub(super) struct Gateway {
    program: PathBuf,
    log: PathBuf,
    pub(super) address: SocketAddr,
    /// To the NATS servers.
    pub(super) links: Links,
    replicas: usize,
    process: Process,
}

impl Gateway {
    /// Starts it, and waits until it is ready.
    pub(super) async fn start(
        program: &Path,
        folder: &Path,
        index: usize,
        brokers: &Brokers,
    ) -> Result<Self> {
        let mut links = Vec::new();
        for server in &brokers.servers {
            links.push(Rc::new(Link::to(server.address).await?));
        }
        let mut gateway = Self {
            program: program.to_owned(),
            log: folder.join(format!("gateway-{index}.log")),
            address: crate::side::free_address()?,
            links: Links::new(links),
            replicas: brokers.servers.len(),
            process: Process::default(),
        };
        fs::write(gateway.secret(), SECRET)?;
        gateway.begin()?;
        gateway.is_ready().await?;
        Ok(gateway)
    }

    fn secret(&self) -> PathBuf {
        self.log.with_extension("secret")
    }

    /// Starts its process.
    pub(super) fn begin(&mut self) -> Result<()> {
        let urls: Vec<_> = self.links.addresses().map(|link| format!("nats://{link}")).collect();
        let mut command = Command::new(&self.program);
        command
            .args(["--listen", &self.address.to_string()])
            .env("MICRO_SOCKET_BACKBONE__KIND", "nats")
            .env("MICRO_SOCKET_BACKBONE__URL", urls.join(","))
            .env("MICRO_SOCKET_BACKBONE__REPLICAS", self.replicas.to_string())
            .env("MICRO_SOCKET_BACKBONE__DETACH_AFTER", "2s")
            // A reader of a stopped gateway falls behind by more than the default.
            .env("MICRO_SOCKET_HISTORY__MESSAGES", "100000")
            .env("MICRO_SOCKET_AUTH__MODE", "jwt")
            .env("MICRO_SOCKET_AUTH__JWT_SECRET_FILE", self.secret())
            .env("MICRO_SOCKET_TIMEOUTS__DRAIN", "3s")
            .env("MICRO_SOCKET_RUNTIME__WORKERS", "1");
        self.process.start(&mut command, &self.log)
    }

    /// Starts it again if it has ended: one that is started while no server can be reached ends.
    pub(super) fn revive(&mut self) -> Result<()> {
        if self.process.runs() { Ok(()) } else { self.begin() }
    }

    pub(super) fn kill(&mut self) {
        self.process.kill();
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Drains it.
    pub(super) async fn drain(&mut self) -> Result<()> {
        let has_ended = self.process.end(DRAIN).await?;
        ensure!(has_ended, "the gateway at {} did not end within {DRAIN:?}", self.address);
        Ok(())
    }

    /// Waits until it says that it can serve.
    pub(super) async fn is_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !self.says_ready().await {
            ensure!(
                begun.elapsed() < PATIENCE,
                "the gateway at {} is not ready after {PATIENCE:?}",
                self.address
            );
            self.revive()?;
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn says_ready(&self) -> bool {
        let asked = timeout(Duration::from_secs(2), http::get(self.address, "/readyz")).await;
        asked.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status == 200))
    }

    /// Its `/metrics`.
    pub(super) async fn metrics(&self) -> Result<HashMap<String, f64>> {
        let answer = http::get(self.address, "/metrics").await.context("/metrics")?;
        Ok(metrics(&String::from_utf8(answer.body)?))
    }
}
