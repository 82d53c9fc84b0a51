//! `axum-broadcast ADDR`: a plain implementation of the gateway's protocol with axum and tokio: a
//! broadcast channel for each topic, a task for each subscription, and a task that writes. It
//! numbers and deduplicates; it has no other feature of the gateway.

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes, WebSocket},
    },
    routing::get,
};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    net::TcpListener,
    sync::{broadcast, mpsc},
    task::{AbortHandle, JoinHandle},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The most messages that a subscriber may be behind before it loses some.
const CAPACITY: usize = 4096;

type Shared<T> = Arc<Mutex<T>>;

struct Topic {
    seq_no: Mutex<u64>,
    messages: broadcast::Sender<Utf8Bytes>,
}

#[derive(Clone, Default)]
struct Gateway {
    topics: Shared<HashMap<String, Arc<Topic>>>,
    published: Shared<HashSet<(String, String)>>,
}

/// Any request. One struct for all kinds, because `RawValue` does not work in serde's tagged enums.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    token: Option<&'a str>,
    topics: Option<Vec<&'a str>>,
    topic: Option<&'a str>,
    message_id: Option<&'a str>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).context("usage: axum-broadcast ADDR")?;
    let upgrade = |upgrade: WebSocketUpgrade, State(gateway): State<Gateway>| async move {
        upgrade.on_upgrade(|socket| async move { serve(gateway, socket).await })
    };
    let router = Router::new().route("/ws", get(upgrade)).with_state(Gateway::default());
    axum::serve(ListenerWithoutDelay(TcpListener::bind(address).await?), router).await?;
    Ok(())
}

/// Disables Nagle's algorithm on each connection.
struct ListenerWithoutDelay(TcpListener);

impl axum::serve::Listener for ListenerWithoutDelay {
    type Io = tokio::net::TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        // Fails only for a closed socket, which the next read reports.
        let _ = stream.set_nodelay(true);
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// One connection: this task reads, another one writes.
async fn serve(gateway: Gateway, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let (frames, mut queue) = mpsc::channel::<Message>(256);
    let writer: JoinHandle<()> = tokio::spawn(async move {
        while let Some(frame) = queue.recv().await {
            if sink.feed(frame).await.is_err() || (queue.is_empty() && sink.flush().await.is_err())
            {
                return;
            }
        }
    });
    let mut connection =
        Connection { gateway, frames, user: String::new(), subscriptions: HashMap::new() };
    while let Some(Ok(message)) = stream.next().await {
        let Message::Text(text) = message else { continue };
        if connection.handle(&text).await.is_none() {
            break;
        }
    }
    connection.subscriptions.values().for_each(AbortHandle::abort);
    writer.abort();
}

struct Connection {
    gateway: Gateway,
    frames: mpsc::Sender<Message>,
    user: String,
    subscriptions: HashMap<String, AbortHandle>,
}

impl Connection {
    /// `None` ends the connection.
    async fn handle(&mut self, text: &str) -> Option<()> {
        let request: Request<'_> = serde_json::from_str(text).ok()?;
        match request.kind {
            "setup" => {
                self.user = request.token?.to_owned();
                for topic in request.topics.unwrap_or_default() {
                    self.subscribe(topic).await?;
                }
                self.answer(r#"{"type":"ready"}"#.to_owned()).await
            }
            "subscribe" => self.subscribe(request.topic?).await,
            "unsubscribe" => {
                let topic = request.topic?;
                if let Some(subscription) = self.subscriptions.remove(topic) {
                    subscription.abort();
                }
                self.answer(format!(r#"{{"type":"unsubscribed","topic":"{topic}"}}"#)).await
            }
            "publish" => {
                let (topic, message_id) = (request.topic?, request.message_id?);
                let is_new = lock(&self.gateway.published)
                    .insert((self.user.clone(), message_id.to_owned()));
                if is_new {
                    self.gateway.topic(topic).publish(
                        topic,
                        message_id,
                        request.payload.map_or("null", RawValue::get),
                    );
                }
                let status = if is_new { "ok" } else { "duplicate" };
                self.answer(format!(
                    r#"{{"type":"ack","messageId":"{message_id}","status":"{status}"}}"#
                ))
                .await
            }
            _ => None,
        }
    }

    async fn answer(&self, text: String) -> Option<()> {
        self.frames.send(Message::Text(text.into())).await.ok()
    }

    async fn subscribe(&mut self, topic: &str) -> Option<()> {
        let mut messages = self.gateway.topic(topic).messages.subscribe();
        self.answer(format!(r#"{{"type":"subscribed","topic":"{topic}"}}"#)).await?;
        let frames = self.frames.clone();
        let task = tokio::spawn(async move {
            while let Ok(message) = messages.recv().await {
                if frames.send(Message::Text(message)).await.is_err() {
                    return;
                }
            }
            // It has lost messages. If the connection is closed already, the client need not be
            // told.
            let _ = frames.send(Message::Close(None)).await;
        });
        if let Some(former) = self.subscriptions.insert(topic.to_owned(), task.abort_handle()) {
            former.abort();
        }
        Some(())
    }
}

impl Gateway {
    fn topic(&self, name: &str) -> Arc<Topic> {
        let mut topics = lock(&self.topics);
        if let Some(topic) = topics.get(name) {
            return topic.clone();
        }
        let topic =
            Arc::new(Topic { seq_no: Mutex::new(0), messages: broadcast::Sender::new(CAPACITY) });
        topics.insert(name.to_owned(), topic.clone());
        topic
    }
}

impl Topic {
    fn publish(&self, topic: &str, message_id: &str, data: &str) {
        let mut seq_no = lock(&self.seq_no);
        *seq_no += 1;
        let text = format!(
            r#"{{"type":"message","topic":"{topic}","seqNo":{seq_no},"messageId":"{message_id}","data":{data}}}"#
        );
        // Fails only without a subscriber.
        let _ = self.messages.send(text.into());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
