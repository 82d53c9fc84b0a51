//! Runs rows: all sides in turn, round after round, so that a slow phase of the machine affects all
//! of them.

use crate::{
    figure::{Figures, Key},
    measure::spread::Spread,
    plan::Row,
    side::{Environment, Server, Side, Unavailable},
};
use anyhow::Result;

/// The outcome of a side in a row.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// All rounds were completed.
    Measured(Measured),
    /// It lost or reordered a message, or broke off; with the reason.
    Failed(String),
    /// It is not installed; with the reason.
    Skipped(String),
}

impl Outcome {
    /// The figures, if there are any.
    pub fn measured(&self) -> Option<&Measured> {
        match self {
            Self::Measured(measured) => Some(measured),
            _ => None,
        }
    }
}

/// The figures of all rounds.
#[derive(Clone, Debug, Default)]
pub struct Measured(Vec<Figures>);

impl Measured {
    /// The figures of these rounds.
    pub fn new(rounds: Vec<Figures>) -> Self {
        Self(rounds)
    }

    /// The keys of the figures that were measured.
    pub fn keys(&self) -> Vec<Key> {
        self.0
            .first()
            .map(|figures| figures.iter().map(|(key, _)| key).collect())
            .unwrap_or_default()
    }

    /// One figure in each round.
    pub fn rounds(&self, key: Key) -> impl Iterator<Item = f64> {
        self.0.iter().filter_map(move |figures| figures.get(key))
    }

    /// Lowest, median and highest of a figure over the rounds.
    pub fn spread(&self, key: Key) -> Option<Spread> {
        Spread::of(self.rounds(key))
    }

    /// The median of a figure over the rounds.
    pub fn median(&self, key: Key) -> Option<f64> {
        self.spread(key).map(|spread| spread.median)
    }
}

/// A row and the outcomes of its sides.
#[derive(Clone, Debug)]
pub struct RowResult {
    /// The row.
    pub row: Row,
    /// The outcomes, in the row's order of sides.
    pub outcomes: Vec<(Side, Outcome)>,
}

/// One side of a row that is running.
struct Contestant<'a> {
    side: Side,
    row: &'a Row,
    environment: &'a Environment,
    /// `None` if each measurement needs a server of its own.
    server: Option<Server>,
    outcome: Outcome,
}

/// Runs a row. Failures are part of the result.
pub fn row(row: &Row, environment: &Environment, rounds: usize) -> RowResult {
    println!("\n{}", row.title);
    let mut contestants: Vec<_> =
        row.sides.iter().map(|side| Contestant::new(*side, row, environment)).collect();
    contestants.iter_mut().for_each(Contestant::warm_up);
    for _ in 0..rounds {
        contestants.iter_mut().for_each(Contestant::measure);
    }
    let outcomes: Vec<_> =
        contestants.into_iter().map(|contestant| (contestant.side, contestant.outcome)).collect();
    outcomes.iter().for_each(|(side, outcome)| println!("  {:<24}{}", side.name(), line(outcome)));
    RowResult { row: row.clone(), outcomes }
}

impl<'a> Contestant<'a> {
    fn new(side: Side, row: &'a Row, environment: &'a Environment) -> Self {
        Self {
            side,
            row,
            environment,
            server: None,
            outcome: Outcome::Measured(Measured::default()),
        }
    }

    fn start(&self) -> Result<Server> {
        Server::start(self.side, self.environment, self.row.settings)
    }

    fn warm_up(&mut self) {
        let is_fresh = self.row.work.needs_a_fresh_server();
        let warmed = self.start().and_then(|server| {
            if !is_fresh {
                self.row.work.warm_up().run(&server)?;
            }
            Ok(server)
        });
        match warmed {
            Ok(server) => self.server = (!is_fresh).then_some(server),
            Err(error) => self.fail(&error),
        }
    }

    fn measure(&mut self) {
        if self.outcome.measured().is_none() {
            return;
        }
        let figures = match &self.server {
            Some(server) => self.row.work.run(server),
            None => self.start().and_then(|server| self.row.work.run(&server)),
        };
        match (figures, &mut self.outcome) {
            (Ok(figures), Outcome::Measured(measured)) => measured.0.push(figures),
            (Err(error), _) => self.fail(&error),
            (Ok(_), _) => {}
        }
    }

    fn fail(&mut self, error: &anyhow::Error) {
        self.server = None;
        let reason = format!("{error:#}");
        self.outcome = if error.is::<Unavailable>() {
            Outcome::Skipped(reason)
        } else {
            Outcome::Failed(reason)
        };
    }
}

/// One line for the terminal.
fn line(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed(reason) => format!("failed: {reason}"),
        Outcome::Skipped(reason) => format!("skipped: {reason}"),
        Outcome::Measured(measured) => {
            let figure = |key: Key| {
                let spread = measured.spread(key)?;
                let unit = key.metric.unit();
                Some(format!(
                    "{key} {:.3} {unit} ({:.3} to {:.3})",
                    spread.median, spread.low, spread.high
                ))
            };
            measured.keys().into_iter().filter_map(figure).collect::<Vec<_>>().join("; ")
        }
    }
}
