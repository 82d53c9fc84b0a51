//! A client that behaves well, at rest and while others attack the same server: how long does it
//! wait for the `pong` to its `ping`?
//!
//! The client has the measurement's thread, each attack one of its own. Attacks are paced, and only
//! as large as it takes to keep the server busy: if the load generator used all cores of the
//! machine, the figures would be those of the kernel's scheduler. The load of both is measured too.
//! Each attack checks that it is answered as documented.

mod bad_tokens;
mod descriptor_flood;
mod replay_storm;
mod setup_storm;
mod unread_answers;

use super::crowd::Names;
use crate::{
    figure::{At, Figures, Metric},
    measure::{process::Processes, spread::percentile},
    side::{Server, Target},
    socket::Socket,
};
use anyhow::{Context, Result, anyhow, ensure};
use protocol::ClientFrame;
use std::{
    convert::Infallible,
    net::SocketAddr,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::{
    sync::{oneshot, watch},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// How long an attack may take to begin.
const BEGINNING: Duration = Duration::from_secs(20);

/// The time between a `pong` and the next `ping`.
const PAUSE: Duration = Duration::from_millis(5);

/// The case without an attack.
const REST: &str = "at rest";
/// The case with all attacks.
const ALL: &str = "all at once";

/// The amount of work.
#[derive(Clone, Debug)]
pub struct UnderAttack {
    /// How long the client is measured at rest, and under each attack.
    pub time: Duration,
    /// How long each attack runs before it is measured, so that its initial burst is over, and how
    /// long the server has afterwards to clear up.
    pub settling: Duration,
    /// How clients authenticate.
    pub access: Access,
    /// The attacks: one after the other, then all at once.
    pub attacks: Vec<Attack>,
}

/// How clients authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// By their name.
    Demo,
    /// By a token that is signed with ES256. Its key is [`Access::PUBLIC_KEY`].
    Jwt,
}

impl Access {
    /// The path of the public key. The private key was deleted after the tokens had been made,
    /// which expire in the year 2100.
    pub const PUBLIC_KEY: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/src/work/under_attack/public.pem");

    fn good_token(self) -> &'static str {
        match self {
            Self::Demo => "well-behaved",
            Self::Jwt => {
                "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ3ZWxsLWJlaGF2ZWQiLCJleHAiOjQxMDI0NDQ4MDB9.C7g9J1sUarGRyg41Etzn9njyh2ZKp_vp9QOWxJVse-RBlAgwXdbqD3oJ_xQGg59s_n5UDQ2PB-8lQvmA5Yc2Yg"
            }
        }
    }

    /// A token that is empty, or signed by another key.
    fn bad_token(self) -> &'static str {
        match self {
            Self::Demo => "",
            Self::Jwt => {
                "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhdHRhY2tlciIsImV4cCI6NDEwMjQ0NDgwMH0.MToNsaVA9Z0VVY27Y8sPKtnxHS0kWR_KPxGQPvwfRiPDiMUvrt-7eUGK252K5qjjrKcoCZ2rpfhrEWL8yjKhwA"
            }
        }
    }
}

/// The attacks. Each has its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Largest setups.
    SetupStorm,
    /// Requests for everything that is kept, again and again.
    ReplayStorm,
    /// Tokens that are refused.
    BadTokens,
    /// Large documents whose answers are not read.
    UnreadAnswers,
    /// Connections that send nothing.
    DescriptorFlood,
}

impl Attack {
    /// All attacks. Some are made by users, so they need [`Access::Demo`].
    pub const ALL: [Self; 5] = [
        Self::SetupStorm,
        Self::ReplayStorm,
        Self::BadTokens,
        Self::UnreadAnswers,
        Self::DescriptorFlood,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::SetupStorm => "setup storm",
            Self::ReplayStorm => "replay storm",
            Self::BadTokens => "bad tokens",
            Self::UnreadAnswers => "unread answers",
            Self::DescriptorFlood => "descriptor flood",
        }
    }

    /// Attacks until the future is dropped.
    async fn run(self, field: &Field, strikes: &Strikes) -> Result<Infallible> {
        match self {
            Self::SetupStorm => setup_storm::run(field, strikes).await,
            Self::ReplayStorm => replay_storm::run(field, strikes).await,
            Self::BadTokens => bad_tokens::run(field, strikes).await,
            Self::UnreadAnswers => unread_answers::run(field, strikes).await,
            Self::DescriptorFlood => descriptor_flood::run(field, strikes).await,
        }
    }
}

/// What an attack needs to know.
struct Field {
    target: Target,
    access: Access,
    names: Names,
}

/// The number of strikes of an attack.
struct Strikes(watch::Sender<u64>);

impl Strikes {
    /// Strikes repeatedly, at most once per `pace`.
    async fn go_on(
        &self,
        pace: Duration,
        mut strike: impl AsyncFnMut() -> Result<()>,
    ) -> Result<Infallible> {
        let mut ticks = interval(pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            strike().await?;
            self.0.send_modify(|strikes| *strikes += 1);
        }
    }
}

/// A running attack, on a thread of its own.
struct Front {
    attack: Attack,
    strikes: watch::Receiver<u64>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Front {
    fn open(attack: Attack, field: Field) -> Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (sender, strikes) = watch::channel(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name(attack.name().to_owned()).spawn(move || {
            let strikes = Strikes(sender);
            runtime.block_on(async {
                tokio::select! {
                    ended = attack.run(&field, &strikes) => ended.map(|never| match never {}),
                    _ = stopped => Ok(()),
                }
            })
        })?;
        Ok(Self { attack, strikes, stop, thread })
    }

    /// Waits until it has struck, or has failed, which [`end`](Self::end) reports.
    async fn begins(&mut self) -> Result<()> {
        let begun = timeout(BEGINNING, self.strikes.wait_for(|strikes| *strikes > 0)).await;
        // The thread has ended: `end` has the error.
        begun.map(|_| ()).with_context(|| format!("{} does not begin", self.attack.name()))
    }

    /// Blocks for a moment; nothing else has to run on this thread.
    fn end(self) -> Result<()> {
        // Fails only if the attack has failed and is gone already.
        let _ = self.stop.send(());
        let ended = self.thread.join().map_err(|_| anyhow!("its thread has panicked"));
        ended.flatten().with_context(|| self.attack.name())
    }
}

/// The CPU time of server and load generator.
struct Load {
    begin: Instant,
    server: Duration,
    generator: Duration,
}

impl Load {
    fn now(server: &Server) -> Result<Self> {
        Ok(Self {
            begin: Instant::now(),
            server: server.processes.cpu()?,
            generator: Processes::this().cpu()?,
        })
    }

    /// The load since then, in cores.
    fn since(&self, server: &Server) -> Result<Figures> {
        let now = Self::now(server)?;
        let cores = |before: Duration, after: Duration| {
            (after - before).as_secs_f64() / (now.begin - self.begin).as_secs_f64()
        };
        let (of_server, of_generator) =
            (cores(self.server, now.server), cores(self.generator, now.generator));
        Ok([(Metric::ServerBusy, of_server), (Metric::GeneratorBusy, of_generator)].into())
    }
}

impl UnderAttack {
    pub(super) async fn run(&self, server: &Server) -> Result<Figures> {
        let mut client = WellBehaved::enter(server.target.address, self.access).await?;
        let mut at_rest = client.ping(self.time).await?;
        let mut figures = Figures::default();
        add(&mut figures, REST, &mut at_rest);
        let rest = percentile(&mut at_rest, 0.99);
        let each = self.attacks.iter().map(|attack| (attack.name(), std::slice::from_ref(attack)));
        let together = (self.attacks.len() > 1).then_some((ALL, self.attacks.as_slice()));
        for (name, attacks) in each.chain(together) {
            let (mut times, load) = self.watch(&mut client, server, attacks).await.context(name)?;
            add(&mut figures, name, &mut times);
            let growth = percentile(&mut times, 0.99).as_secs_f64() / rest.as_secs_f64();
            figures.add_at(At::Case(name), [(Metric::PingGrowth, growth)].into());
            figures.add_at(At::Case(name), load);
            sleep(self.settling).await;
        }
        Ok(figures)
    }

    /// The client's times while these attacks run, and the load of server and load generator.
    async fn watch(
        &self,
        client: &mut WellBehaved,
        server: &Server,
        attacks: &[Attack],
    ) -> Result<(Vec<Duration>, Figures)> {
        let mut fronts = Vec::new();
        for attack in attacks {
            let field =
                Field { target: server.target.clone(), access: self.access, names: Names::new() };
            fronts.push(Front::open(*attack, field)?);
        }
        for front in &mut fronts {
            front.begins().await?;
        }
        sleep(self.settling).await;
        let before = Load::now(server)?;
        let times = client.ping(self.time).await?;
        let load = before.since(server)?;
        fronts.into_iter().try_for_each(Front::end)?;
        Ok((times, load))
    }
}

fn add(figures: &mut Figures, case: &'static str, times: &mut [Duration]) {
    let mut pings = Figures::default();
    pings.add_times(Metric::PingP50, Metric::PingP99, times);
    figures.add_at(At::Case(case), pings);
}

/// The client that must not be affected.
struct WellBehaved(Socket);

impl WellBehaved {
    async fn enter(address: SocketAddr, access: Access) -> Result<Self> {
        let mut socket = Socket::open(address, "/ws", None).await?;
        socket.put_text(setup(access.good_token(), "").as_bytes());
        socket.flush().await?;
        let answer = socket.text().await?;
        ensure!(is(&answer, "ready"), "no ready, but {answer}");
        Ok(Self(socket))
    }

    /// Pings for `time`; returns the times.
    async fn ping(&mut self, time: Duration) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        let begin = Instant::now();
        while begin.elapsed() < time {
            sleep(PAUSE).await;
            let sent = Instant::now();
            self.0.say(&ClientFrame::Ping).await?;
            let answer = self.0.text().await?;
            times.push(sent.elapsed());
            ensure!(is(&answer, "pong"), "no pong, but {answer}");
        }
        Ok(times)
    }
}

/// A setup with these topics, given as JSON.
fn setup(token: &str, topics: &str) -> String {
    format!(r#"{{"type":"setup","token":"{token}","topics":[{topics}]}}"#)
}

/// Whether the frame is of this type.
fn is(frame: &str, kind: &str) -> bool {
    frame
        .strip_prefix(r#"{"type":""#)
        .and_then(|rest| rest.strip_prefix(kind))
        .is_some_and(|rest| rest.starts_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Protocol;

    #[test]
    fn frames_are_told_apart_by_their_type() {
        assert!(is(r#"{"type":"pong"}"#, "pong"));
        assert!(!is(r#"{"type":"pongs"}"#, "pong") && !is(r#"{"topic":"pong"}"#, "pong"));
    }

    #[test]
    fn an_attack_that_is_not_answered_as_documented_fails() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let nowhere = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        let target = Target { address: nowhere, protocol: Protocol::Gateway, tls: None };
        let field = Field { target, access: Access::Demo, names: Names::new() };
        let mut front = Front::open(Attack::BadTokens, field).unwrap();
        runtime.block_on(front.begins()).unwrap();
        assert!(format!("{:#}", front.end().unwrap_err()).starts_with("bad tokens: "));
    }
}
