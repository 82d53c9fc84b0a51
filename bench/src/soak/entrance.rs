//! How the clients of a soak connect: they wait while the gateway is full.

use super::scene::Scene;
use crate::socket::{Arrival, Socket};
use anyhow::{Result, bail};
use protocol::{ClientFrame, ServerFrame, Setup};
use std::time::Duration;
use tokio::time::sleep;

/// The wait of a client that was refused because the gateway is full.
const FULL: Duration = Duration::from_millis(100);

/// The close code of a gateway that is full.
const FULL_CODE: u16 = 1013;

/// The answer to a setup.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) socket: Socket,
    pub(super) session: String,
    pub(super) resumed: Option<bool>,
    /// The frames before `ready`.
    pub(super) answers: Vec<String>,
}

impl Socket {
    /// Opens a WebSocket and sets it up; waits while the gateway is full.
    pub(super) async fn enter(scene: &Scene, path: &str, setup: &Setup<'_>) -> Result<Entered> {
        Self::enter_narrow(scene, path, setup, None).await
    }

    pub(super) async fn enter_narrow(
        scene: &Scene,
        path: &str,
        setup: &Setup<'_>,
        receive_buffer: Option<u32>,
    ) -> Result<Entered> {
        let frame = ClientFrame::Setup(setup.clone());
        loop {
            let mut socket = Self::open(scene.address, path, receive_buffer).await?;
            socket.say(&frame).await?;
            let mut answers = Vec::new();
            let entered = loop {
                match socket.next().await? {
                    Arrival::Text(text) => match ServerFrame::parse(&text)? {
                        ServerFrame::Ready(ready) => {
                            break Some((ready.session_id.into_owned(), ready.resumed));
                        }
                        ServerFrame::Message(_) => bail!("a message before ready: {text}"),
                        _ => answers.push(text),
                    },
                    Arrival::Close(Some(FULL_CODE)) => break None,
                    other => bail!("no ready, but {other:?}"),
                }
            };
            if let Some((session, resumed)) = entered {
                scene.tally.connections.add(1);
                return Ok(Entered { socket, session, resumed, answers });
            }
            scene.tally.full.add(1);
            sleep(FULL).await;
        }
    }
}
