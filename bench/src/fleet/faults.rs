//! What breaks in a fleet, and how it is mended.

use super::{brokers::Brokers, gateways::Gateway, link::State, scene::Scene};
use anyhow::Result;
use fastrand::Rng;
use nix::sys::signal::Signal;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::sleep;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    BrokerKilled,
    BrokerStopped,
    BrokerCutOff,
    BrokerHalfOpen,
    BrokerRestartedEmpty,
    BrokerSetBack,
    LinkCut,
    LinkHalfOpen,
    LinkSlow,
    LinkVerySlow,
    GatewayKilled,
    GatewayStopped,
    GatewayDrained,
    RollingRestart,
}

impl Fault {
    /// Nothing that was acknowledged may be lost by these.
    const HARMLESS: [Self; 10] = [
        Self::BrokerKilled,
        Self::BrokerStopped,
        Self::LinkCut,
        Self::LinkHalfOpen,
        Self::LinkSlow,
        Self::LinkVerySlow,
        Self::GatewayKilled,
        Self::GatewayStopped,
        Self::GatewayDrained,
        Self::RollingRestart,
    ];

    /// Those of a fleet with so many NATS servers.
    pub(super) fn of(servers: usize) -> Vec<Self> {
        let more = match servers {
            1 => [Self::BrokerRestartedEmpty, Self::BrokerSetBack],
            _ => [Self::BrokerCutOff, Self::BrokerHalfOpen],
        };
        Self::HARMLESS.into_iter().chain(more).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Self::BrokerKilled => "a NATS server killed",
            Self::BrokerStopped => "a NATS server stopped for 8 s",
            Self::BrokerCutOff => "a NATS server isolated from the others",
            Self::BrokerHalfOpen => "a NATS server isolated by half-open routes",
            Self::BrokerRestartedEmpty => "NATS restarted empty",
            Self::BrokerSetBack => "NATS set back to an older copy of its data",
            Self::LinkCut => "a gateway cut off from NATS",
            Self::LinkHalfOpen => "a gateway's connections to NATS half-open",
            Self::LinkSlow => "a gateway's way to NATS slow (200 ms)",
            Self::LinkVerySlow => "a gateway's way to NATS very slow (2 s)",
            Self::GatewayKilled => "a gateway killed",
            Self::GatewayStopped => "a gateway stopped for 15 s",
            Self::GatewayDrained => "a gateway drained and started again",
            Self::RollingRestart => "all gateways drained and started again, one after the other",
        }
    }
}

/// The fleet's programs, and what has happened to them.
pub(super) struct Fleet<'a> {
    pub(super) scene: &'a Scene,
    pub(super) brokers: Brokers,
    pub(super) gateways: Vec<Gateway>,
    counts: BTreeMap<Fault, u64>,
}

impl<'a> Fleet<'a> {
    pub(super) fn new(scene: &'a Scene, brokers: Brokers, gateways: Vec<Gateway>) -> Self {
        Self { scene, brokers, gateways, counts: BTreeMap::new() }
    }

    /// How often each fault was made.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(fault, count)| (fault.name(), *count))
    }

    /// Makes a fault, and mends it.
    ///
    /// # Errors
    /// If a program cannot be started, or does not serve afterwards.
    pub(super) async fn suffer(&mut self, fault: Fault, chance: &mut Rng) -> Result<()> {
        println!("{}", fault.name());
        *self.counts.entry(fault).or_default() += 1;
        let server = chance.usize(..self.brokers.servers.len());
        let gateway = chance.usize(..self.gateways.len());
        let some = Duration::from_secs_f64(3.0 + 4.0 * chance.f64());
        match fault {
            Fault::BrokerKilled => {
                self.brokers.servers[server].kill();
                sleep(some / 2).await;
                self.brokers.servers[server].begin()?;
            }
            Fault::BrokerStopped => {
                self.brokers.servers[server].signal(Signal::SIGSTOP)?;
                sleep(Duration::from_secs(8)).await;
                self.brokers.servers[server].signal(Signal::SIGCONT)?;
            }
            Fault::BrokerCutOff | Fault::BrokerHalfOpen => {
                let routes = self.brokers.servers[server].routes.clone();
                let is_cut = fault == Fault::BrokerCutOff;
                routes.set(if is_cut { State::Cut } else { State::Stalled });
                sleep(some * 2).await;
                routes.set(State::Open);
            }
            Fault::BrokerRestartedEmpty => {
                self.scene.may_lose.set(true);
                self.brokers.servers[server].kill();
                self.brokers.servers[server].forget()?;
                self.brokers.servers[server].begin()?;
            }
            Fault::BrokerSetBack => {
                self.scene.may_lose.set(true);
                self.brokers.servers[server].kill();
                self.brokers.servers[server].save()?;
                self.brokers.servers[server].begin()?;
                self.serves().await?;
                sleep(some).await;
                self.brokers.servers[server].kill();
                self.brokers.servers[server].set_back()?;
                self.brokers.servers[server].begin()?;
            }
            Fault::LinkCut | Fault::LinkHalfOpen | Fault::LinkSlow | Fault::LinkVerySlow => {
                let links = self.gateways[gateway].links.clone();
                links.set(match fault {
                    Fault::LinkCut => State::Cut,
                    Fault::LinkHalfOpen => State::Stalled,
                    Fault::LinkSlow => State::Slow(Duration::from_millis(200)),
                    _ => State::Slow(Duration::from_secs(2)),
                });
                sleep(some * 2).await;
                links.set(State::Open);
            }
            Fault::GatewayKilled => {
                self.gateways[gateway].kill();
                sleep(some / 2).await;
                self.gateways[gateway].begin()?;
            }
            Fault::GatewayStopped => {
                self.gateways[gateway].signal(Signal::SIGSTOP)?;
                sleep(Duration::from_secs(15)).await;
                self.gateways[gateway].signal(Signal::SIGCONT)?;
            }
            Fault::GatewayDrained => {
                self.gateways[gateway].drain().await?;
                self.gateways[gateway].begin()?;
            }
            Fault::RollingRestart => {
                for gateway in &mut self.gateways {
                    gateway.drain().await?;
                    gateway.begin()?;
                    gateway.is_ready().await?;
                }
            }
        }
        self.serves().await
    }

    /// Waits until every gateway is ready.
    async fn serves(&mut self) -> Result<()> {
        for gateway in &mut self.gateways {
            gateway.is_ready().await?;
        }
        Ok(())
    }
}
