//! All rows: their work, their sides, and the gateway's goals.

use crate::{
    figure::Metric,
    goal::{Bound, Goal},
    side::{FLEET_1, FLEET_3, GATEWAY, GATEWAY_1, Side},
    work::{
        Access, Attack, Churn, Fairness, FanOut, Frames, IdleMemory, Latency, Memory, Outrun,
        PingPong, Publishes, Replay, Topics, UnderAttack, Waves, Work,
    },
};
use std::time::Duration;

/// A row of the report.
#[derive(Clone, Debug)]
pub struct Row {
    /// A short name, for files and the command line.
    pub name: &'static str,
    /// The title in the report.
    pub title: &'static str,
    /// What a reader should know about the row.
    pub note: &'static str,
    /// The work.
    pub work: Work,
    /// The sides that do the work.
    pub sides: Vec<Side>,
    /// The gateway's goals.
    pub goals: Vec<Goal>,
    /// Environment variables that the sides are started with.
    pub settings: &'static [(&'static str, &'static str)],
}

impl Row {
    /// Inserts the program of `--beside` after the gateway.
    pub fn beside(&mut self) {
        let with = |side: &Side| match *side {
            Side::Gateway { workers } => vec![*side, Side::Beside { workers }],
            side => vec![side],
        };
        self.sides = self.sides.iter().flat_map(with).collect();
    }
}

/// The amount of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Enough for figures.
    Full,
    /// A short run that shows that all rows work.
    Quick,
}

impl Scale {
    /// The number of measurements of each side in a row.
    pub fn rounds(self) -> usize {
        match self {
            Self::Full => 5,
            Self::Quick => 1,
        }
    }

    /// `full`, or a twentieth of it in a quick run, but at least `least`.
    fn of(self, full: u64, least: u64) -> u64 {
        match self {
            Self::Full => full,
            Self::Quick => (full / 20).max(least),
        }
    }

    fn count(self, full: usize, least: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Quick => (full / 20).max(least),
        }
    }

    fn all(self) -> Vec<Side> {
        match self {
            Self::Full => {
                vec![
                    GATEWAY,
                    GATEWAY_1,
                    Side::Elysia,
                    Side::NodeWs,
                    Side::AxumBroadcast,
                    Side::Nats,
                    Side::NatsWebSocket,
                    Side::Nchan,
                ]
            }
            Self::Quick => vec![GATEWAY, GATEWAY_1],
        }
    }

    fn with_limit(self) -> Vec<Side> {
        let mut sides = self.all();
        sides.insert(2, Side::SendLimit);
        sides
    }

    /// The sides that speak the gateway's protocol.
    fn same_protocol(self) -> Vec<Side> {
        let others = [Side::Nats, Side::NatsWebSocket, Side::Nchan];
        self.all().into_iter().filter(|side| !others.contains(side)).collect()
    }

    fn encrypted(self) -> Vec<Side> {
        match self {
            Self::Full => vec![Side::GatewayTls, Side::NodeWsTls],
            Self::Quick => vec![Side::GatewayTls],
        }
    }
}

/// All rows.
pub fn rows(scale: Scale) -> Vec<Row> {
    let mut rows = fan_outs(scale);
    rows.extend(waiting(scale));
    rows.extend(sizes(scale));
    rows.extend(under_pressure(scale));
    rows.extend(attacked(scale));
    rows.extend(encrypted(scale));
    rows.extend(fleets(scale));
    rows
}

const fn goal(side: Side, metric: Metric, bound: Bound) -> Goal {
    Goal { side, metric, bound }
}

const fn per_delivery(bound: Bound) -> Goal {
    goal(GATEWAY, Metric::PerDelivery, bound)
}

fn fan_out(
    scale: Scale,
    subscribers: usize,
    publishers: usize,
    in_flight: u64,
    messages: u64,
) -> Work {
    let subscribers = scale.count(subscribers, 10);
    Work::FanOut(FanOut { subscribers, publishers, in_flight, messages: scale.of(messages, 64) })
}

fn fan_outs(scale: Scale) -> Vec<Row> {
    let row = |name, title, work, goals| Row {
        name,
        title,
        note: "",
        work,
        sides: scale.with_limit(),
        goals,
        settings: &[],
    };
    let against = |elysia, nats| {
        vec![
            per_delivery(Bound::Times(elysia, Side::Elysia)),
            per_delivery(Bound::Times(nats, Side::Nats)),
        ]
    };
    let mut first = against(1.0, 0.6);
    first.push(per_delivery(Bound::Times(1.08, Side::SendLimit)));
    let mut second = against(0.95, 0.35);
    second.push(per_delivery(Bound::Times(1.1, GATEWAY_1)));
    vec![
        row(
            "fan-out-1",
            "Fan-out to 1,000, 1 publish in flight",
            fan_out(scale, 1000, 1, 1, 150),
            first,
        ),
        row(
            "fan-out-16",
            "Fan-out to 1,000, 16 publishes in flight",
            fan_out(scale, 1000, 1, 16, 960),
            second,
        ),
        row(
            "fan-out-256",
            "Fan-out to 1,000, 256 publishes in flight",
            fan_out(scale, 1000, 1, 256, 2048),
            against(0.4, 0.25),
        ),
        row(
            "fan-out-10",
            "Fan-out to 10, 16 publishes in flight",
            fan_out(scale, 10, 1, 16, 30_000),
            vec![per_delivery(Bound::Times(0.95, Side::Elysia))],
        ),
        row(
            "publishers-8",
            "8 publishers on one topic, each 1 in flight, 1,000 subscribers",
            fan_out(scale, 1000, 8, 1, 400),
            vec![per_delivery(Bound::Times(0.5, Side::Elysia))],
        ),
        row(
            "publishers-64",
            "64 publishers on one topic, each 1 in flight, 1,000 subscribers",
            fan_out(scale, 1000, 64, 1, 1280),
            vec![
                per_delivery(Bound::Times(0.65, Side::Elysia)),
                goal(GATEWAY_1, Metric::AckP99, Bound::Times(1.5, Side::Elysia)),
            ],
        ),
    ]
}

fn waiting(scale: Scale) -> Vec<Row> {
    vec![
        Row {
            name: "ping-pong",
            title: "Ping-pong: 64 connections, each publishes to its own topic and waits for ack and message",
            note: "",
            work: Work::PingPong(PingPong { connections: 64, messages: scale.of(1000, 50) }),
            sides: scale.with_limit(),
            goals: vec![goal(GATEWAY, Metric::PerPublish, Bound::Times(0.7, Side::Elysia))],
            settings: &[],
        },
        Row {
            name: "latency",
            title: "Delivery latency: 100 publishes a second to 500 subscribers",
            note: "The load generator reads the subscribers one after the other on one thread; that is part of the figure, the same for each side.",
            work: Work::Latency(Latency {
                subscribers: scale.count(500, 50),
                pause: Duration::from_millis(10),
                messages: scale.of(300, 50),
            }),
            sides: scale.all(),
            goals: vec![goal(GATEWAY, Metric::DeliveryP50, Bound::Times(1.1, Side::Elysia))],
            settings: &[],
        },
        Row {
            name: "start",
            title: "Start: from exec to the first answer",
            note: "",
            work: Work::Start,
            sides: scale.all(),
            goals: vec![goal(GATEWAY, Metric::Start, Bound::AtMost(100.0))],
            settings: &[],
        },
    ]
}

fn sizes(scale: Scale) -> Vec<Row> {
    let live = FanOut {
        subscribers: scale.count(1000, 50),
        publishers: 1,
        in_flight: 1,
        messages: scale.of(150, 20),
    };
    let growing = |subscribers: usize| FanOut {
        subscribers: scale.count(subscribers, 10),
        publishers: 1,
        in_flight: 1,
        messages: scale.of(200_000 / subscribers as u64, 20),
    };
    let churning = |topics: usize, subscribers: usize| Churn {
        topics: scale.count(topics, 5),
        subscribers: scale.count(subscribers, 5),
        pairs: scale.of(16_000, 800),
    };
    let spread = |topics: usize| Topics {
        topics: scale.count(topics, 1),
        quiet: 0,
        connections: 100,
        subscribers: 10,
        messages: scale.of(20_000, 500),
        in_flight: 1,
    };
    let unheard = |topics: usize| Topics {
        topics: scale.count(topics, 1),
        quiet: 0,
        connections: 0,
        subscribers: 0,
        messages: scale.of(100_000, 1000),
        in_flight: 16,
    };
    vec![
        Row {
            name: "idle-memory",
            title: "An idle connection with one subscription",
            note: "Memory of the server's process; what the kernel keeps for a socket is not in it.",
            work: Work::IdleMemory(IdleMemory {
                before: scale.count(1000, 100),
                connections: scale.count(5000, 200),
            }),
            sides: scale.all(),
            goals: vec![goal(GATEWAY, Metric::PerConnection, Bound::AtMost(3.0))],
            settings: &[],
        },
        Row {
            name: "growth-subscribers",
            title: "Cost of a delivery as subscribers grow, 1 publish in flight",
            note: "The limit's own growth is due to the kernel and the caches.",
            work: Work::FanOuts([10, 100, 1000, 8000].map(growing).to_vec()),
            sides: vec![GATEWAY, GATEWAY_1, Side::SendLimit],
            goals: vec![per_delivery(Bound::GrowthOf(1.15, Side::SendLimit))],
            settings: &[],
        },
        Row {
            name: "growth-topics",
            title: "Cost of a delivery as topics grow, 10 subscribers each, 1 publish in flight",
            note: "100 connections share the subscriptions, up to 1,000 each.",
            work: Work::Topics([1, 100, 10_000].map(spread).to_vec()),
            sides: vec![GATEWAY, GATEWAY_1],
            goals: vec![per_delivery(Bound::Growth(1.15))],
            settings: &[],
        },
        Row {
            name: "growth-publishes",
            title: "Cost of a publish to topics without subscribers as topics grow, 16 publishes in flight",
            note: "Claim, number, history and ack.",
            work: Work::Topics([1, 100, 10_000, 100_000].map(unheard).to_vec()),
            sides: vec![GATEWAY, GATEWAY_1],
            goals: vec![],
            settings: &[],
        },
        Row {
            name: "memory",
            title: "What the gateway keeps: a connection with its session, a topic, a subscription, a message",
            note: "A message of 128 bytes with its names; it is in the history for 10 minutes, its claim for 2. Memory that grows by doubling shows in the spread.",
            work: Work::Memory(Memory {
                before: scale.count(1000, 100),
                connections: scale.count(8000, 100),
                subscriptions: scale.count(500, 20),
                subscribing: scale.count(80, 4),
                messages: scale.of(200_000, 2000),
                published_to: scale.count(400, 20),
            }),
            sides: vec![GATEWAY, GATEWAY_1],
            goals: vec![],
            settings: &[],
        },
        Row {
            name: "churn",
            title: "Subscribe and unsubscribe, 10 topics and 10 subscribers against 1,000 and 1,000",
            note: "16 pairs leave in one write.",
            work: Work::Churn(vec![churning(10, 10), churning(1000, 1000)]),
            sides: scale.same_protocol(),
            goals: vec![goal(GATEWAY, Metric::PerPair, Bound::Growth(1.5))],
            settings: &[],
        },
        Row {
            name: "replay",
            title: "Replay of 1,000 messages to connections that missed them",
            note: "Without `limits.replay_rate`, which would pace it. Beside it a live delivery with one publish in flight.",
            work: Work::Replay(Replay { subscribers: scale.count(500, 20), messages: 1000, live }),
            sides: vec![GATEWAY, GATEWAY_1],
            goals: vec![goal(
                GATEWAY,
                Metric::PerReplayed,
                Bound::TimesOwn(0.1, Metric::PerDelivery),
            )],
            settings: &[("MICRO_SOCKET_LIMITS__REPLAY_RATE", "0")],
        },
    ]
}

fn under_pressure(scale: Scale) -> Vec<Row> {
    vec![
        Row {
            name: "fairness",
            title: "A quiet topic while another one fans out to 8,000 without a pause",
            note: "Both of the machine's cores are busy with the other topic and its readers.",
            work: Work::Fairness(Fairness {
                subscribers: scale.count(8000, 400),
                messages: scale.of(40, 20),
                pause: Duration::from_millis(10),
            }),
            sides: scale.same_protocol(),
            goals: vec![],
            settings: &[],
        },
        Row {
            name: "outrun",
            title: "Publishers outrun subscribers: 100 that read nothing, 10 that read everything",
            note: "4 publishers with 256 publishes of 1 KiB in flight, 16 MiB in all. The gateway closes a reader that does not read (4290), so that it resumes; other servers keep all messages in memory, or lose some.",
            work: Work::Outrun(Outrun {
                stalled: scale.count(100, 10),
                readers: scale.count(10, 1),
                publishers: 4,
                messages: scale.of(16_000, 1600),
                payload: 1024,
            }),
            sides: scale.same_protocol(),
            goals: vec![goal(GATEWAY, Metric::Peak, Bound::AtMost(120.0))],
            settings: &[],
        },
    ]
}

fn attacked(scale: Scale) -> Vec<Row> {
    let sides = || match scale {
        Scale::Full => vec![GATEWAY, GATEWAY_1],
        Scale::Quick => vec![GATEWAY],
    };
    let millis = |full, least| Duration::from_millis(scale.of(full, least));
    let pings = |access, attacks: &[Attack]| {
        Work::UnderAttack(UnderAttack {
            time: millis(3000, 150),
            settling: millis(1000, 20),
            access,
            attacks: attacks.to_vec(),
        })
    };
    vec![
        Row {
            name: "frames",
            title: "The largest frame of each kind, against one of a tenth of its size",
            note: "With the default limits: 64 KiB. Linear work costs ten times as much. The frame's answers are part of it.",
            work: Work::Frames(Frames { repeats: scale.count(10, 1) }),
            sides: sides(),
            goals: vec![
                goal(GATEWAY, Metric::PerLargestFrame, Bound::AtMost(10.0)),
                goal(GATEWAY, Metric::FrameGrowth, Bound::AtMost(20.0)),
            ],
            settings: &[],
        },
        Row {
            name: "under-attack",
            title: "The `ping` of a client that behaves well while others attack",
            note: ATTACKERS,
            work: pings(Access::Demo, &Attack::ALL),
            sides: sides(),
            goals: vec![goal(GATEWAY, Metric::PingGrowth, Bound::AtMost(5.0))],
            settings: &[],
        },
        Row {
            name: "under-attack-jwt",
            title: "The `ping` of a client that behaves well while others try tokens that are signed by a wrong key",
            note: ATTACKERS,
            work: pings(Access::Jwt, &[Attack::BadTokens]),
            sides: sides(),
            goals: vec![goal(GATEWAY, Metric::PingGrowth, Bound::AtMost(5.0))],
            settings: &[
                ("MICRO_SOCKET_AUTH__MODE", "jwt"),
                ("MICRO_SOCKET_AUTH__JWT_PUBLIC_KEY_FILE", Access::PUBLIC_KEY),
            ],
        },
    ]
}

/// The note of the rows with attacks.
const ATTACKERS: &str = "Attackers have threads of their own in the load generator and are paced, so that they leave time on the machine's two cores: otherwise this would measure the kernel's scheduler. What both keep busy is in the table.";

fn encrypted(scale: Scale) -> Vec<Row> {
    let row = |name, title, work| Row {
        name,
        title,
        note: "",
        work,
        sides: scale.encrypted(),
        goals: vec![],
        settings: &[],
    };
    vec![
        row(
            "tls-fan-out-1",
            "TLS: fan-out to 1,000, 1 publish in flight",
            fan_out(scale, 1000, 1, 1, 150),
        ),
        row(
            "tls-fan-out-16",
            "TLS: fan-out to 1,000, 16 publishes in flight",
            fan_out(scale, 1000, 1, 16, 800),
        ),
        row(
            "tls-idle-memory",
            "TLS: an idle connection with one subscription",
            Work::IdleMemory(IdleMemory {
                before: scale.count(200, 50),
                connections: scale.count(2000, 50),
            }),
        ),
    ]
}

/// Several servers that share a broker.
fn fleets(scale: Scale) -> Vec<Row> {
    const ONE: Side = Side::SocketIo { servers: 1 };
    const THREE: Side = Side::SocketIo { servers: 3 };
    // The first side has all figures, so that the table has a column for each.
    let sides = |own: &[Side], peers: &[Side]| match scale {
        Scale::Full => [own, peers].concat(),
        Scale::Quick => own.to_vec(),
    };
    let spread = |name, title, together, messages| Row {
        name,
        title,
        note: BROKER,
        work: Work::Waves(Waves {
            subscribers: scale.count(1000, 10),
            together,
            messages: scale.of(messages, 64),
        }),
        sides: sides(&[FLEET_1, FLEET_3, GATEWAY], &[THREE, Side::WsNats { servers: 3 }]),
        goals: vec![
            goal(FLEET_1, Metric::PerDelivery, Bound::Times(1.1, GATEWAY)),
            goal(FLEET_3, Metric::PerDelivery, Bound::Times(1.1, FLEET_1)),
        ],
        settings: &[],
    };
    let publishes = |heard| Publishes { heard, in_flight: 256, messages: scale.of(40_000, 1000) };
    let live = Topics {
        topics: scale.count(100, 5),
        quiet: 0,
        connections: 100,
        subscribers: 10,
        messages: scale.of(4000, 100),
        in_flight: 1,
    };
    vec![
        spread("fleet-fan-out-1", "A fleet: fan-out to 1,000, one message at a time", 1, 150),
        spread("fleet-fan-out-16", "A fleet: fan-out to 1,000, 16 messages at a time", 16, 960),
        Row {
            name: "fleet-publishes",
            title: "A fleet: 256 publishes of one connection in flight, one subscriber",
            note: BROKER,
            work: Work::Publishes(publishes(true)),
            sides: sides(&[FLEET_1, FLEET_3, GATEWAY], &[ONE, THREE]),
            goals: vec![
                goal(FLEET_1, Metric::PerPublish, Bound::Times(0.3, ONE)),
                goal(FLEET_3, Metric::PerPublish, Bound::Times(0.3, THREE)),
            ],
            settings: &[],
        },
        Row {
            name: "fleet-publishes-unheard",
            title: "A fleet: 256 publishes of one connection in flight, no subscriber",
            note: "Without what the subscription costs. Peers that answer before their broker are not compared here: part of their work would come later.",
            work: Work::Publishes(publishes(false)),
            sides: vec![FLEET_1, GATEWAY],
            goals: vec![goal(FLEET_1, Metric::PerPublish, Bound::Above(12.0, GATEWAY))],
            settings: &[],
        },
        Row {
            name: "fleet-topics",
            title: "A fleet: a delivery beside attached topics without messages, 100 live topics with 10 subscribers each",
            note: "",
            work: Work::Topics(vec![live, Topics { quiet: scale.count(99_900, 900), ..live }]),
            sides: vec![FLEET_1],
            goals: vec![goal(FLEET_1, Metric::PerDelivery, Bound::Growth(1.1))],
            settings: &[("MICRO_SOCKET_BACKBONE__ATTACH_TIMEOUT", "30s")],
        },
    ]
}

/// The note of the rows with a broker.
const BROKER: &str = "CPU is that of the gateways or servers together; what they share is in a column of its own. NATS stores every message in files before it is acknowledged, Redis stores in memory only, core NATS stores nothing. Subscribers are spread evenly over the servers. Except in `fleet-publishes`, the next publishes wait until all subscribers have the last ones.";
