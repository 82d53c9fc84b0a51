//! A way between two programs that can be cut, held up and slowed down: a TCP proxy.

use anyhow::Result;
use std::{net::SocketAddr, rc::Rc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    select,
    sync::watch,
    task::{AbortHandle, spawn_local},
    time::sleep,
};

/// What a link does with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Bytes pass.
    Open,
    /// Bytes pass after this time.
    Slow(Duration),
    /// Connections stay open, but no byte passes: half-open.
    Stalled,
    /// Connections are closed, and new ones are closed at once.
    Cut,
}

/// A proxy to one address; it ends with this.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) address: SocketAddr,
    state: watch::Sender<State>,
    task: AbortHandle,
}

impl Link {
    /// Listens on a free port of 127.0.0.1, for connections to `target`.
    pub(super) async fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = watch::Sender::new(State::Open);
        let task = spawn_local(accept(listener, target, state.subscribe())).abort_handle();
        Ok(Self { address, state, task })
    }

    pub(super) fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, state: watch::Receiver<State>) {
    // A connection that cannot be accepted is one that has failed: its client tries again.
    while let Ok((near, _)) = listener.accept().await {
        if *state.borrow() != State::Cut {
            spawn_local(join(near, target, state.clone()));
        }
    }
}

async fn join(near: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    let states = (state.clone(), state.clone());
    let passes = async {
        let far = TcpStream::connect(target).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        select! {
            end = pass(near_in, far_out, states.0) => end,
            end = pass(far_in, near_out, states.1) => end,
        }
    };
    select! {
        // Either end has closed: both are closed.
        _ = passes => {}
        _ = state.wait_for(|state| *state == State::Cut) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let now = *state.borrow();
        if let State::Slow(time) = now {
            sleep(time).await;
        }
        if state.wait_for(|state| *state != State::Stalled).await.is_err() {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}

/// Links that fail together.
#[derive(Debug, Clone, Default)]
pub(super) struct Links(Rc<Vec<Rc<Link>>>);

impl Links {
    pub(super) fn new(links: Vec<Rc<Link>>) -> Self {
        Self(Rc::new(links))
    }

    pub(super) fn set(&self, state: State) {
        self.0.iter().for_each(|link| link.set(state));
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|link| link.address)
    }
}
