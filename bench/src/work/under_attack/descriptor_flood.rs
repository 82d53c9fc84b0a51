//! Connections that say nothing: more than there may be without an upgrade. New ones push out the
//! oldest.

use super::{Field, Strikes};
use crate::socket::Socket;
use anyhow::{Context, Result};
use std::{collections::VecDeque, convert::Infallible, time::Duration};

/// Above `limits.max_http_connections`, and far below the descriptors that a process may have.
const HELD: usize = 2500;

/// New ones in one go, once all are there.
const RENEWED: usize = 10;

/// From one such go to the next.
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
