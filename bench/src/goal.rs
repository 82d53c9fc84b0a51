//! The gateway's goals in a row, and whether they are met. Only figures of the same round are
//! compared; the median of their ratios counts.

use crate::{
    figure::{Key, Metric},
    measure::spread::Spread,
    run::{Measured, Outcome},
    side::Side,
};

/// A bound on one of a side's metrics.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// The side.
    pub side: Side,
    /// The metric.
    pub metric: Metric,
    /// The bound.
    pub bound: Bound,
}

/// What a figure is compared with.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// At most this multiple of the same metric of another side.
    Times(f64, Side),
    /// At most this much above the same metric of another side.
    Above(f64, Side),
    /// At most this multiple of another metric of the same side.
    TimesOwn(f64, Metric),
    /// At most this figure, in each of several cases.
    AtMost(f64),
    /// At the largest size, at most this multiple of the figure at the smallest.
    Growth(f64),
    /// At most this multiple of another side's growth.
    GrowthOf(f64, Side),
}

/// The result of comparing figures with a goal.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The goal in words.
    pub goal: String,
    /// The measured ratio or figure; `None` if a side is missing.
    pub measured: Option<f64>,
    /// Whether it is within the bound.
    pub met: bool,
}

impl Goal {
    /// Compares the outcomes of a row with the goal.
    pub fn judge(&self, outcomes: &[(Side, Outcome)]) -> Verdict {
        let of = |side: Side| {
            outcomes
                .iter()
                .find_map(|(other, outcome)| (*other == side).then(|| outcome.measured()).flatten())
        };
        let own = of(self.side);
        let key = Key { metric: self.metric, at: None };
        let (factor, measured, against) = match self.bound {
            Bound::Times(factor, side) => (
                factor,
                own.zip(of(side)).and_then(|(own, other)| ratio(own, key, other, key)),
                side.name(),
            ),
            Bound::Above(difference, side) => (
                difference,
                own.zip(of(side)).and_then(|(own, other)| above(own, other, key)),
                side.name(),
            ),
            Bound::TimesOwn(factor, metric) => (
                factor,
                own.and_then(|own| ratio(own, key, own, Key { metric, at: None })),
                metric.name(),
            ),
            Bound::AtMost(figure) => {
                (figure, own.and_then(|own| highest(own, self.metric)), self.metric.unit())
            }
            Bound::Growth(factor) => {
                (factor, own.and_then(|own| growth(own, self.metric)), "at the smallest size")
            }
            Bound::GrowthOf(factor, side) => {
                let growth =
                    |of: Option<&Measured>| of.and_then(|measured| growth(measured, self.metric));
                (
                    factor,
                    growth(own).zip(growth(of(side))).map(|(own, other)| own / other),
                    side.name(),
                )
            }
        };
        let relation = match self.bound {
            Bound::AtMost(_) => String::new(),
            Bound::Above(..) => format!("{} above ", self.metric.unit()),
            Bound::GrowthOf(..) => "× the growth of ".to_owned(),
            _ => "× ".to_owned(),
        };
        Verdict {
            goal: format!(
                "{}, {} ≤ {factor} {relation}{against}",
                self.side.name(),
                self.metric.name()
            ),
            measured,
            met: measured.is_some_and(|measured| measured <= factor),
        }
    }
}

/// The median ratio over the rounds.
fn ratio(own: &Measured, key: Key, other: &Measured, other_key: Key) -> Option<f64> {
    let pairs = own.rounds(key).zip(other.rounds(other_key));
    Spread::of(pairs.map(|(own, other)| own / other)).map(|spread| spread.median)
}

/// The median difference over the rounds.
fn above(own: &Measured, other: &Measured, key: Key) -> Option<f64> {
    let pairs = own.rounds(key).zip(other.rounds(key));
    Spread::of(pairs.map(|(own, other)| own - other)).map(|spread| spread.median)
}

/// The median of the case with the highest one.
fn highest(own: &Measured, metric: Metric) -> Option<f64> {
    let keys = own.keys().into_iter().filter(|key| key.metric == metric);
    keys.filter_map(|key| own.median(key)).reduce(f64::max)
}

fn growth(own: &Measured, metric: Metric) -> Option<f64> {
    let keys = own.keys();
    let mut sizes = keys.iter().filter(|key| key.metric == metric && key.at.is_some());
    let (smallest, largest) = (sizes.next()?, sizes.next_back()?);
    ratio(own, *largest, own, *smallest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        figure::{At, Figures},
        side::{GATEWAY, GATEWAY_1},
    };

    fn measured(rounds: &[f64]) -> Outcome {
        Outcome::Measured(Measured::new(
            rounds.iter().map(|figure| Figures::from([(Metric::PerDelivery, *figure)])).collect(),
        ))
    }

    fn judge(bound: Bound, outcomes: &[(Side, Outcome)]) -> Verdict {
        Goal { side: GATEWAY, metric: Metric::PerDelivery, bound }.judge(outcomes)
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        // In the second round the machine is twice as slow; the ratio does not change.
        let outcomes =
            [(GATEWAY, measured(&[1.0, 2.0, 1.0])), (GATEWAY_1, measured(&[2.0, 4.0, 2.0]))];
        let verdict = judge(Bound::Times(0.5, GATEWAY_1), &outcomes);
        assert_eq!((verdict.measured, verdict.met), (Some(0.5), true));
        assert!(!judge(Bound::Times(0.4, GATEWAY_1), &outcomes).met);
        assert!(judge(Bound::AtMost(1.0), &outcomes).met);
        assert!(!judge(Bound::AtMost(0.9), &outcomes).met);
    }

    #[test]
    fn differences_are_of_the_same_round() {
        let outcomes =
            [(GATEWAY, measured(&[3.0, 9.0, 4.0])), (GATEWAY_1, measured(&[1.0, 7.0, 2.0]))];
        let verdict = judge(Bound::Above(2.0, GATEWAY_1), &outcomes);
        assert_eq!((verdict.measured, verdict.met), (Some(2.0), true));
        assert!(!judge(Bound::Above(1.9, GATEWAY_1), &outcomes).met);
        assert!(verdict.goal.ends_with("≤ 2 µs above Micro Socket, 1 worker"), "{}", verdict.goal);
    }

    #[test]
    fn a_side_that_is_missing_meets_nothing() {
        let outcomes = [
            (GATEWAY, measured(&[1.0])),
            (GATEWAY_1, Outcome::Failed("lost a message".to_owned())),
        ];
        let verdict = judge(Bound::Times(9.0, GATEWAY_1), &outcomes);
        assert_eq!((verdict.measured, verdict.met), (None, false));
    }

    #[test]
    fn growth_is_from_the_smallest_to_the_largest() {
        let mut figures = Figures::default();
        for (size, figure) in [(1, 2.0), (10, 9.0), (100, 3.0)] {
            figures.add_at(At::Size(size), Figures::from([(Metric::PerDelivery, figure)]));
        }
        let outcomes = [(GATEWAY, Outcome::Measured(Measured::new(vec![figures])))];
        assert_eq!(judge(Bound::Growth(1.5), &outcomes).measured, Some(1.5));
        let faster = outcomes.iter().map(|(_, outcome)| (GATEWAY_1, outcome.clone()));
        let both: Vec<_> = outcomes.iter().cloned().chain(faster).collect();
        assert_eq!(judge(Bound::GrowthOf(1.1, GATEWAY_1), &both).measured, Some(1.0));
    }

    #[test]
    fn a_figure_has_to_be_reached_in_each_case() {
        let mut figures = Figures::default();
        for (case, figure) in [("a", 2.0), ("b", 9.0), ("c", 3.0)] {
            figures.add_at(At::Case(case), Figures::from([(Metric::PerDelivery, figure)]));
        }
        let outcomes = [(GATEWAY, Outcome::Measured(Measured::new(vec![figures])))];
        let verdict = judge(Bound::AtMost(8.0), &outcomes);
        assert_eq!((verdict.measured, verdict.met), (Some(9.0), false));
        assert!(judge(Bound::AtMost(9.0), &outcomes).met);
    }
}
