//! Clients that break the protocol, or stop in the middle: each gets the documented answer, and no
//! other client is affected.

use super::Scene;
use crate::soak::limits::{FRAME, INVALID_FRAMES, SETUP};
use crate::socket::{Arrival, PATIENCE, Socket, binary, upgrade};
use crate::wire::websocket::{TEXT, put_masked};
use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use std::{iter::repeat_with, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};

/// The mean time between two of them.
const BETWEEN: Duration = Duration::from_millis(150);

pub(super) async fn send(scene: Rc<Scene>, mut chance: Rng) -> Result<()> {
    if !scene.pause_about(&mut chance, BETWEEN.div_f64(scene.rate)).await {
        return Ok(());
    }
    let kind = chance.choice(Kind::ALL).context("no kind of garbage")?;
    let done = tokio::select! {
        () = scene.stopped() => return Ok(()),
        done = kind.send(&scene, &mut chance) => done,
    };
    done.with_context(|| format!("{kind:?}"))?;
    scene.tally.garbage.add(1);
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Bytes that are not HTTP.
    NoHttp,
    /// A request that ends in its middle.
    HalfHandshake,
    /// A request sent byte by byte, slowly.
    SlowHeader,
    /// An upgrade that is refused.
    OldVersion,
    /// Random bytes after a good handshake; for some of them after a setup.
    NoFrames,
    /// A connection that sends nothing.
    NoSetup,
    Unmasked,
    Binary,
    NotUtf8,
    Huge,
    /// Broken JSON, invalid frames, unknown types.
    NotUnderstood,
    WrongTokens,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::NoHttp,
        Self::HalfHandshake,
        Self::SlowHeader,
        Self::OldVersion,
        Self::NoFrames,
        Self::NoSetup,
        Self::Unmasked,
        Self::Binary,
        Self::NotUtf8,
        Self::Huge,
        Self::NotUnderstood,
        Self::WrongTokens,
    ];

    async fn send(self, scene: &Scene, chance: &mut Rng) -> Result<()> {
        let half = &upgrade("/ws")[..chance.usize(5..80)];
        match self {
            Self::NoHttp => {
                let mut noise = noise(chance, 200);
                noise.extend(b"\r\n\r\n");
                refused(scene, &noise, &[]).await
            }
            Self::HalfHandshake => in_time(refused(scene, half.as_bytes(), &[])).await,
            Self::SlowHeader => in_time(refused(scene, b"G", half.as_bytes())).await,
            Self::OldVersion => {
                let answer = answer(
                    scene,
                    upgrade("/ws").replace("Version: 13", "Version: 8").as_bytes(),
                    &[],
                )
                .await?;
                ensure!(
                    answer.starts_with(b"HTTP/1.1 400 "),
                    "{}",
                    String::from_utf8_lossy(&answer)
                );
                Ok(())
            }
            Self::NoFrames => {
                let bytes = noise(chance, 300);
                let setup = if chance.bool() {
                    text(br#"{"type":"setup","token":"garbage","topics":[]}"#)
                } else {
                    Vec::new()
                };
                let code =
                    code_for(scene, &[setup.as_slice(), &bytes].concat(), chance.bool()).await?;
                // `None`: a close frame without a code, or half a frame until the end.
                ensure!(
                    matches!(code, None | Some(1000 | 1002 | 1003 | 1007 | 1009 | 4400 | 4408)),
                    "closed with {code:?}"
                );
                Ok(())
            }
            Self::NoSetup => expect(scene, &[], 4408).await,
            Self::Unmasked => expect(scene, b"\x81\x02{}", 1002).await,
            Self::Binary => expect(scene, &binary(&noise(chance, 100)), 1003).await,
            Self::NotUtf8 => expect(scene, &text(&[b'"', 0xC3, 0x28, b'"']), 1007).await,
            Self::Huge => {
                let announced = u64::try_from(FRAME + 1)? << chance.u32(..40);
                expect(
                    scene,
                    &[&[0x81, 0xFF], &announced.to_be_bytes()[..], &[0; 4]].concat(),
                    1009,
                )
                .await
            }
            Self::NotUnderstood => {
                let unread = br#"{"type":"publish","topic":"t","messageId":"m","data":1}"#;
                let broken: [&[u8]; 5] =
                    [b"nonsense", b"{}", br#"{"type":"shout"}"#, unread, b"[[[[[[[["];
                let frames: Vec<u8> = repeat_with(|| text(broken[chance.usize(..broken.len())]))
                    .take(INVALID_FRAMES)
                    .flatten()
                    .collect();
                expect(scene, &frames, 4400).await
            }
            Self::WrongTokens => {
                expect(scene, &text(br#"{"type":"setup","token":""}"#).repeat(3), 4401).await
            }
        }
    }
}

fn noise(chance: &mut Rng, most: usize) -> Vec<u8> {
    let len = chance.usize(1..most);
    repeat_with(|| chance.u8(..)).take(len).collect()
}

fn text(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_masked(&mut out, TEXT, &[payload]);
    out
}

/// Sends bytes that are not a request, some at once and some one by one; returns all that the
/// gateway sends until it closes.
async fn answer(scene: &Scene, at_once: &[u8], one_by_one: &[u8]) -> Result<Vec<u8>> {
    let stream = Socket::tcp(scene.address, None).await?;
    let (mut reading, mut writing) = stream.into_split();
    let mut answer = Vec::new();
    let sending = async {
        writing.write_all(at_once).await?;
        for byte in one_by_one {
            sleep(Duration::from_millis(100)).await;
            writing.write_all(&[*byte]).await?;
        }
        writing.flush().await
    };
    let whole = async {
        loop {
            match reading.read_buf(&mut answer).await {
                Ok(0) | Err(_) => return,
                // A refused upgrade does not end its connection.
                Ok(_)
                    if answer.starts_with(b"HTTP/1.1 4")
                        && answer.windows(4).any(|bytes| bytes == b"\r\n\r\n") =>
                {
                    return;
                }
                Ok(_) => {}
            }
        }
    };
    // The gateway may close before everything was sent.
    let (_, ended) = tokio::join!(async { sending.await.ok() }, timeout(PATIENCE, whole));
    ended.context("neither answered nor closed")?;
    Ok(answer)
}

/// The connection is closed, with or without an HTTP error.
async fn refused(scene: &Scene, at_once: &[u8], one_by_one: &[u8]) -> Result<()> {
    let answer = answer(scene, at_once, one_by_one).await?;
    ensure!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
        "answered by {}",
        String::from_utf8_lossy(&answer)
    );
    Ok(())
}

/// The refusal does not come before the time limit of a request's header.
async fn in_time(refused: impl Future<Output = Result<()>>) -> Result<()> {
    let since = Instant::now();
    refused.await?;
    ensure!(
        since.elapsed() + Duration::from_millis(50) >= SETUP,
        "closed after {:?}",
        since.elapsed()
    );
    Ok(())
}

async fn expect(scene: &Scene, bytes: &[u8], code: u16) -> Result<()> {
    let found = code_for(scene, bytes, false).await?;
    ensure!(found == Some(code), "closed with {found:?} instead of {code}");
    Ok(())
}

/// The close code of a WebSocket on which these bytes are sent.
async fn code_for(scene: &Scene, bytes: &[u8], ends_behind_them: bool) -> Result<Option<u16>> {
    loop {
        let mut socket = Socket::open(scene.address, "/ws", None).await?;
        socket.ignore_pings();
        socket.put_bytes(bytes);
        // The gateway may close before everything was sent.
        let _ = socket.flush().await;
        if ends_behind_them {
            socket.finish().await?;
        }
        let end = Instant::now() + PATIENCE;
        let code = loop {
            match tokio::time::timeout_at(end, socket.next()).await.context("not closed in time")? {
                Ok(Arrival::Text(_)) => {}
                Ok(Arrival::Close(code)) => break code,
                Ok(Arrival::End) => break None,
                Err(error) => bail!("{error:#}"),
            }
        };
        if code != Some(1013) {
            return Ok(code);
        }
        scene.tally.full.add(1);
        if !scene.pause(Duration::from_millis(100)).await {
            bail!("the gateway was full to the end");
        }
    }
}
