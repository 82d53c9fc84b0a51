//! A proxy for one test, between a gateway and a server: it passes bytes on, and can cut
//! connections, delay what comes, or swallow it as a network does that has lost a route.

#![allow(dead_code, reason = "each of the programs that include it uses a part")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// What it does with the bytes of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Each is passed on after this time.
    Delay(Duration),
    /// None arrives, and neither end is told. Bytes that come meanwhile are lost for ever.
    Swallow,
}

pub(crate) struct TcpProxy {
    weather: watch::Sender<Weather>,
    connections: Arc<Mutex<JoinSet<()>>>,
    listening: tokio::task::JoinHandle<()>,
}

/// Pieces on their way in one direction; then the sender is not read.
const PIECES: usize = 1_024;

impl TcpProxy {
    /// From a port of 127.0.0.1 to another one.
    pub(crate) async fn start(from: u16, to: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, from));
        let listener = TcpListener::bind(address).await.unwrap();
        let (weather, of) = watch::channel(Weather::Delay(Duration::ZERO));
        let connections = Arc::<Mutex<JoinSet<()>>>::default();
        let all = connections.clone();
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let of = of.clone();
                all.lock().unwrap().spawn(async move {
                    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else {
                        return;
                    };
                    let _ = client.set_nodelay(true);
                    let _ = server.set_nodelay(true);
                    let (client, server) = (client.into_split(), server.into_split());
                    // The first end ends both directions.
                    tokio::select! {
                        () = pass(client.0, server.1, of.clone()) => {}
                        () = pass(server.0, client.1, of) => {}
                    }
                });
            }
        });
        Self { weather, connections, listening }
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Ends all connections; new ones are taken.
    pub(crate) fn cut(&self) {
        self.connections.lock().unwrap().abort_all();
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, weather: watch::Receiver<Weather>) {
    let (put, mut take) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let read = async {
        let mut buffer = vec![0; 64 * 1024];
        let mut is_broken = false;
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let present = *weather.borrow();
            match present {
                // What follows a piece that was lost is of no use: a half-open connection.
                Weather::Swallow => is_broken = true,
                Weather::Delay(_) if is_broken => {}
                Weather::Delay(delay) => {
                    let piece = (Instant::now() + delay, buffer[..length].to_vec());
                    if put.send(piece).await.is_err() {
                        return;
                    }
                }
            }
        }
    };
    let write = async {
        while let Some((at, piece)) = take.recv().await {
            sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}
