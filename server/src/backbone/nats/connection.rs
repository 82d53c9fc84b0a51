//! One connection to a server, until it breaks. `async-nats` would connect again by itself and go on
//! with its subscriptions, before anything has checked that the log is the same one. So a connection
//! that has broken is not used again: [`Connection::is_over`] is set before the client takes up a
//! new one.

use super::{error::StartError, key, settings::Settings};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr, ServerInfo};
use bytes::Bytes;
use std::{
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};
use tokio_rustls::rustls::crypto::ring;
use tokio_util::sync::CancellationToken;

/// For the whole handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A server that does not answer two of these in a row is given up.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Messages that may wait in one subscription: more than one answer has (`direct::MOST`), few
/// enough that one slow topic does not take all memory.
pub(super) const SUBSCRIPTION: usize = 2_048;

/// Headers beside the key: names, line ends, and what the server adds.
const OTHER_HEADERS: usize = 512;

/// The time that the client waits before it connects again by itself. By then it is dropped.
const NEVER_MIND: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Connection {
    client: Client,
    life: Arc<Life>,
}

#[derive(Debug, Default)]
struct Life {
    is_over: AtomicBool,
    /// Cancelled at the end.
    end: CancellationToken,
    /// A subscription has lost messages.
    lagging: Notify,
}

impl Life {
    fn end(&self) {
        self.is_over.store(true, SeqCst);
        self.end.cancel();
    }
}

impl Connection {
    /// Connects to one server and checks what it is.
    ///
    /// # Errors
    /// [`StartError`]
    pub(super) async fn open(settings: &Settings, server: &ServerAddr) -> Result<Self, StartError> {
        // The handshake uses the installed one; another part of the process may have installed it.
        let _installed = ring::default_provider().install_default();
        let life = Arc::<Life>::default();
        let options = options(settings, life.clone()).await?;
        let connecting = timeout(CONNECT_TIMEOUT, options.connect(server.clone()));
        let client = match connecting.await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(refusal(server, &error)),
            Err(_) => {
                return Err(StartError::Unreachable(format!("{}: timed out", shown(server))));
            }
        };
        check(settings, &client.server_info())?;
        Ok(Self { client, life })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it has broken: what comes from now on is not to be trusted.
    pub(super) fn is_over(&self) -> bool {
        self.life.is_over.load(SeqCst)
    }

    /// Gives it up.
    pub(super) fn end(&self) {
        self.life.end();
    }

    /// Until it has broken. Cancel-safe.
    pub(super) fn until_over(&self) -> impl Future<Output = ()> + Send + use<> {
        let end = self.life.end.clone();
        async move { end.cancelled().await }
    }

    /// Until one of its subscriptions has lost a message. Cancel-safe.
    pub(super) async fn until_lagging(&self) {
        self.life.lagging.notified().await;
    }

    /// A request with one answer. `None`: it did not come in time, or the connection has ended.
    pub(super) async fn ask(
        &self,
        subject: String,
        payload: Bytes,
        headers: Option<async_nats::HeaderMap>,
        limit: Duration,
    ) -> Option<async_nats::Message> {
        let mut request = async_nats::Request::new().payload(payload).timeout(None);
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        let answer = timeout(limit, self.client.send_request(subject, request));
        tokio::select! {
            answer = answer => answer.ok()?.ok(),
            () = self.until_over() => None,
        }
    }
}

async fn options(settings: &Settings, life: Arc<Life>) -> Result<ConnectOptions, StartError> {
    let options = match &settings.credentials_file {
        None => ConnectOptions::new(),
        Some(path) => {
            let refused = |reason: io::Error| StartError::Credentials {
                path: path.display().to_string(),
                reason: reason.to_string(),
            };
            let text = tokio::fs::read_to_string(path).await.map_err(refused)?;
            ConnectOptions::with_credentials(&text).map_err(refused)?
        }
    };
    let (of_events, of_attempts) = (life.clone(), life);
    let is_first = AtomicBool::new(true);
    Ok(options
        .name("micro-socket")
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .subscription_capacity(SUBSCRIPTION)
        .ignore_discovered_servers()
        .max_reconnects(1)
        // Called by the client's own task before it connects, so before it receives anything of a
        // new connection.
        .reconnect_delay_callback(move |_| {
            if is_first.swap(false, SeqCst) {
                return Duration::ZERO;
            }
            of_attempts.end();
            NEVER_MIND
        })
        .event_callback(move |event| {
            match event {
                Event::Disconnected | Event::Closed | Event::LameDuckMode => of_events.end(),
                Event::SlowConsumer(_) => of_events.lagging.notify_one(),
                _ => {}
            }
            std::future::ready(())
        }))
}

fn refusal(server: &ServerAddr, error: &async_nats::ConnectError) -> StartError {
    let text = format!("{}: {error}", shown(server));
    match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            StartError::Refused(text)
        }
        _ => StartError::Unreachable(text),
    }
}

/// Without user and password.
fn shown(server: &ServerAddr) -> String {
    format!("{}:{}", server.host(), server.port())
}

fn check(settings: &Settings, info: &ServerInfo) -> Result<(), StartError> {
    if !is_new_enough(&info.version) {
        return Err(StartError::TooOld(info.version.clone()));
    }
    let headers = key::MAX_LENGTH + OTHER_HEADERS;
    if settings.max_frame + headers > info.max_payload {
        return Err(StartError::MaxPayload {
            max_frame: settings.max_frame,
            headers,
            max_payload: info.max_payload,
        });
    }
    if !info.jetstream { Err(StartError::NoJetStream) } else { Ok(()) }
}

/// 2.11 has direct gets in batches.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (2, 11)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_from_2_11_on_are_new_enough() {
        for (version, expected) in [
            ("2.9.10", false),
            ("2.10.29", false),
            ("2.11.0", true),
            ("2.11.0-RC.1", true),
            ("2.15.1", true),
            ("3.0.0", true),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), expected, "{version}");
        }
    }
}
