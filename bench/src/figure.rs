//! The metrics, with their names and units, and the figures of one measurement.

use std::{fmt, time::Duration};

/// What a figure measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The server's CPU time for one message to one subscriber.
    PerDelivery,
    /// The server's CPU time for one publish and all its deliveries.
    PerPublish,
    /// The CPU time of what the servers share for one message to one subscriber.
    BrokerPerDelivery,
    /// The CPU time of what the servers share for one publish.
    BrokerPerPublish,
    /// Publishes that were acknowledged and delivered in a second.
    Rate,
    /// The server's CPU time for a subscribe and an unsubscribe.
    PerPair,
    /// The server's CPU time for one message that is replayed.
    PerReplayed,
    /// The server's CPU time for the largest frame of a kind and its answers.
    PerLargestFrame,
    /// The same as a multiple of the cost of a frame of a tenth of its size.
    FrameGrowth,
    /// The time from `ping` to `pong`, median.
    PingP50,
    /// The time from `ping` to `pong`, 99th percentile.
    PingP99,
    /// The p99 from `ping` to `pong` under an attack, as a multiple of the one at rest.
    PingGrowth,
    /// Cores that the server keeps busy.
    ServerBusy,
    /// Cores that the load generator keeps busy.
    GeneratorBusy,
    /// The time from publish to ack, median.
    AckP50,
    /// The time from publish to ack, 99th percentile.
    AckP99,
    /// The time from publish to the subscriber, median.
    DeliveryP50,
    /// The time from publish to the subscriber, 99th percentile.
    DeliveryP99,
    /// The time until all publishes of a wave are acknowledged and delivered to all, median.
    WaveP50,
    /// The same, 99th percentile.
    WaveP99,
    /// Memory of one connection.
    PerConnection,
    /// Memory of one topic with one subscription.
    PerTopic,
    /// Memory of one more subscription to a topic.
    PerSubscription,
    /// Memory of one message: its copy in the history, and the claim of its id.
    PerMessage,
    /// The peak memory above the server's memory at rest.
    Peak,
    /// Readers that had stopped reading and did not get everything.
    Dropped,
    /// The time from the start of the program to its first answer.
    Start,
}

impl Metric {
    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::PerDelivery => "CPU per delivery",
            Self::PerPublish => "CPU per publish",
            Self::BrokerPerDelivery => "broker's CPU per delivery",
            Self::BrokerPerPublish => "broker's CPU per publish",
            Self::Rate => "publishes",
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
            Self::WaveP50 => "all delivered p50",
            Self::WaveP99 => "all delivered p99",
            Self::PerConnection => "memory per connection",
            Self::PerTopic => "memory per topic and first subscription",
            Self::PerSubscription => "memory per further subscription",
            Self::PerMessage => "memory per message and claim",
            Self::Peak => "peak memory above rest",
            Self::Dropped => "stalled readers given up",
            Self::Start => "start",
        }
    }

    /// Its unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::PerDelivery
            | Self::PerPublish
            | Self::BrokerPerDelivery
            | Self::BrokerPerPublish
            | Self::PerPair
            | Self::PerReplayed => "µs",
            Self::Rate => "1/s",
            Self::AckP50
            | Self::AckP99
            | Self::DeliveryP50
            | Self::DeliveryP99
            | Self::WaveP50
            | Self::WaveP99
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

/// Identifies a figure in a measurement: a metric and, if it was taken at several sizes or cases,
/// which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The metric.
    pub metric: Metric,
    /// The size or case.
    pub at: Option<At>,
}

/// One of several sizes or cases for which the same is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A size of the work.
    Size(u64),
    /// A kind of work, in words.
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

/// In words, for the report.
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

/// The figures of one measurement, the most important first.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<(Key, f64)>);

impl Figures {
    /// All figures.
    pub fn iter(&self) -> impl Iterator<Item = (Key, f64)> {
        self.0.iter().copied()
    }

    /// The figure of `key`.
    pub fn get(&self, key: Key) -> Option<f64> {
        self.iter().find_map(|(other, figure)| (other == key).then_some(figure))
    }

    pub(crate) fn add(&mut self, metric: Metric, figure: f64) {
        self.0.push((Key { metric, at: None }, figure));
    }

    /// Adds the figures of a measurement at one of several sizes or cases.
    pub(crate) fn add_at(&mut self, at: At, figures: Self) {
        self.0.extend(figures.iter().map(|(key, figure)| (Key { at: Some(at), ..key }, figure)));
    }

    /// Adds the median and p99 of `times`, in milliseconds.
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
