//! Connections that send nothing: more than are allowed without an upgrade. New ones push out the
//! oldest.

use super::{Field, Strikes};
use crate::socket::Socket;
use anyhow::{Context, Result};
use std::{collections::VecDeque, convert::Infallible, time::Duration};

/// Above `limits.max_http_connections`, and far below the descriptors that a process may have.
const HELD: usize = 2500;

/// New connections per step, once all are open.
const RENEWED: usize = 10;

/// The time between two steps.
const PACE: Duration = Duration::from_millis(10);

pub(super) async fn run(field: &Field, strikes: &Strikes) -> Result<Infallible> {
    let mut held = VecDeque::with_capacity(HELD);
    let strike = async || {
        let missing = HELD - held.len();
        held.drain(..RENEWED.saturating_sub(missing));
        for _ in 0..missing.max(RENEWED) {
            held.push_back(
                Socket::tcp(field.target.address, None).await.context("an idle connection")?,
            );
        }
        Ok(())
    };
    strikes.go_on(PACE, strike).await
}
