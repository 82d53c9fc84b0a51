//! Clients, one after the other, that try as many bad tokens as allowed and are closed for it.

use super::{Field, Strikes, setup};
use crate::socket::{Arrival, Socket};
use anyhow::{Result, ensure};
use std::{convert::Infallible, time::Duration};

/// The time between two clients.
const PACE: Duration = Duration::from_millis(5);

/// The attempts that a connection has.
const ATTEMPTS: usize = 3;

/// "Not authenticated".
const CLOSED: Option<u16> = Some(4401);

pub(super) async fn run(field: &Field, strikes: &Strikes) -> Result<Infallible> {
    let setup = setup(field.access.bad_token(), "");
    strikes.go_on(PACE, async || strike(field, &setup).await).await
}

async fn strike(field: &Field, setup: &str) -> Result<()> {
    let mut socket = Socket::open(field.target.address, "/ws", None).await?;
    for _ in 0..ATTEMPTS {
        socket.put_text(setup.as_bytes());
    }
    socket.flush().await?;
    for _ in 0..ATTEMPTS {
        let answer = socket.text().await?;
        ensure!(answer.contains(r#""code":"AUTH_FAILED""#), "a bad token was answered by {answer}");
    }
    let end = socket.next().await?;
    ensure!(end == Arrival::Close(CLOSED), "after {ATTEMPTS} bad tokens came {end:?}");
    Ok(())
}
