//! What is measured: metrics, with their names and units, and the figures of one measurement.

use std::{fmt, time::Duration};

/// What a figure tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The server's CPU time for one message to one subscriber.
    PerDelivery,
    /// The server's CPU time for one publish and all that comes of it.
    PerPublish,
    /// The server's CPU time for a subscribe and an unsubscribe.
    PerPair,
    /// The server's CPU time for one message that is replayed.
    PerReplayed,
    /// The server's CPU time for the largest frame of a kind and its answers.
    PerLargestFrame,
    /// The same in times of what a frame of a tenth of its size costs.
    FrameGrowth,
    /// From `ping` to `pong`, of half of all.
    PingP50,
    /// From `ping` to `pong`, of 99 %.
    PingP99,
    /// The p99 from `ping` to `pong` under an attack, in times of what it is at rest.
    PingGrowth,
    /// Cores that the server keeps busy.
    ServerBusy,
    /// Cores that the load generator keeps busy.
    GeneratorBusy,
    /// From publish to ack, of half of all.
    AckP50,
    /// From publish to ack, of 99 %.
    AckP99,
    /// From publish to the subscriber, of half of all.
    DeliveryP50,
    /// From publish to the subscriber, of 99 %.
    DeliveryP99,
    /// Memory of one connection.
    PerConnection,
    /// Memory of one topic with one subscription.
    PerTopic,
    /// Memory of one more subscription to a topic.
    PerSubscription,
    /// Memory of one message: in the history, and its claim.
    PerMessage,
    /// The most memory above what the server had at rest.
    Peak,
    /// Readers that stood still and did not get everything.
    Dropped,
    /// From the start of the program to its first answer.
    Start,
}

impl Metric {
    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::PerDelivery => "CPU per delivery",
            Self::PerPublish => "CPU per publish",
            Self::PerPair => "CPU per pair",
            Self::PerReplayed => "CPU per replayed message",
            Self::PerLargestFrame => "CPU per largest frame",
            Self::FrameGrowth => "against a tenth of its size",
            Self::PingP50 => "ping p50",
            Self::PingP99 => "ping p99",
            Self::PingGrowth => "ping p99 against rest",
            Self::ServerBusy => "server busy",
            Self::GeneratorBusy => "load generator busy",
            Self::AckP50 => "ack p50",
            Self::AckP99 => "ack p99",
            Self::DeliveryP50 => "delivery p50",
            Self::DeliveryP99 => "delivery p99",
            Self::PerConnection => "memory per connection",
            Self::PerTopic => "memory per topic and first subscription",
            Self::PerSubscription => "memory per further subscription",
            Self::PerMessage => "memory per message and claim",
            Self::Peak => "peak memory above rest",
            Self::Dropped => "stalled readers given up",
            Self::Start => "start",
        }
    }

    /// What it is counted in.
    pub fn unit(self) -> &'static str {
        match self {
            Self::PerDelivery | Self::PerPublish | Self::PerPair | Self::PerReplayed => "µs",
            Self::AckP50
            | Self::AckP99
            | Self::DeliveryP50
            | Self::DeliveryP99
            | Self::PingP50
            | Self::PingP99 => "ms",
            Self::PerLargestFrame | Self::Start => "ms",
            Self::FrameGrowth | Self::PingGrowth => "×",
            Self::ServerBusy | Self::GeneratorBusy => "cores",
            Self::PerConnection => "KiB",
            Self::PerTopic | Self::PerSubscription | Self::PerMessage => "B",
            Self::Peak => "MiB",
            Self::Dropped => "",
        }
    }
}

/// What tells the figures of one measurement apart: a metric and, if it was taken more than once,
/// at what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// What it tells.
    pub metric: Metric,
    /// At what it was taken.
    pub at: Option<At>,
}

/// One of several for which the same is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A size of the work.
    Size(u64),
    /// A kind of work; for people.
    Case(&'static str),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => size.fmt(f),
            Self::Case(case) => case.fmt(f),
        }
    }
}

/// For people.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric.name();
        match self.at {
            None => f.write_str(name),
            Some(At::Size(size)) => write!(f, "{name} at {size}"),
            Some(At::Case(case)) => write!(f, "{name}, {case}"),
        }
    }
}

/// The figures of one measurement, in the order of their importance.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<(Key, f64)>);

impl Figures {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Key, f64)> {
        self.0.iter().copied()
    }

    /// One of them.
    pub fn get(&self, key: Key) -> Option<f64> {
        self.iter().find_map(|(other, figure)| (other == key).then_some(figure))
    }

    pub(crate) fn add(&mut self, metric: Metric, figure: f64) {
        self.0.push((Key { metric, at: None }, figure));
    }

    /// Those of a measurement at one of several sizes or cases.
    pub(crate) fn add_at(&mut self, at: At, figures: Self) {
        self.0.extend(figures.iter().map(|(key, figure)| (Key { at: Some(at), ..key }, figure)));
    }

    /// Median and p99 of times, in milliseconds.
    pub(crate) fn add_times(&mut self, median: Metric, high: Metric, times: &mut [Duration]) {
        for (metric, share) in [(median, 0.5), (high, 0.99)] {
            self.add(metric, crate::measure::spread::percentile(times, share).as_secs_f64() * 1e3);
        }
    }
}

impl<const N: usize> From<[(Metric, f64); N]> for Figures {
    fn from(figures: [(Metric, f64); N]) -> Self {
        let mut all = Self::default();
        figures.into_iter().for_each(|(metric, figure)| all.add(metric, figure));
        all
    }
}
