//! One connection to the server, until it breaks. A connection on which an answer did not come in time
//! is not used again: it is not known which answers are still on their way.

use super::{error::StartError, script, server::Server, settings::Settings};
use ::redis::{
    AsyncConnectionConfig, Client, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind,
    Value, aio::MultiplexedConnection,
};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_rustls::rustls::crypto::ring;

/// For the handshake and the checks, each.
const CONNECT: Duration = Duration::from_secs(1);

/// For the answers to one batch of calls. A server that hangs is noticed after this.
const LIMIT: Duration = Duration::from_secs(1);

/// The connection has broken, or the server hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

pub(super) struct Connection(MultiplexedConnection);

/// What a server has said when a connection to it was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) has_append_only_file: bool,
    pub(super) has_replicas: bool,
}

impl Connection {
    /// Connects, checks what the server is, makes it know the scripts, and writes.
    ///
    /// # Errors
    /// [`StartError`]
    pub(super) async fn open(settings: &Settings) -> Result<(Self, Facts), StartError> {
        // The handshake uses the installed one; another part of the process may have installed it.
        let _installed = ring::default_provider().install_default();
        let shown = settings.url.to_string();
        let refusal = |error: RedisError| refusal(&shown, &error);
        let late = |_| StartError::Unreachable(format!("{shown}: timed out"));
        let client = Client::open(settings.url.reveal().clone()).map_err(refusal)?;
        // The limit of a batch is kept here, for all of its answers together.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(None);
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = timeout(CONNECT, connecting).await.map_err(late)?.map_err(refusal)?;
        let facts = timeout(CONNECT, async {
            let info: String =
                ::redis::cmd("INFO").query_async(&mut connection).await.map_err(refusal)?;
            let server = Server::new(&info);
            server.check()?;
            let mut first = script::load_all();
            first.add_command(settings.write());
            first.exec_async(&mut connection).await.map_err(refusal)?;
            Ok(Facts {
                has_append_only_file: server.has_append_only_file(),
                has_replicas: server.has_replicas(),
            })
        });
        let facts = facts.await.map_err(late)??;
        Ok((Self(connection), facts))
    }

    /// Makes the server know the scripts again.
    ///
    /// # Errors
    /// [`Broken`]: do not use this connection again.
    pub(super) async fn load_scripts(&mut self) -> Result<(), Broken> {
        self.run(&mut script::load_all()).await.map(drop)
    }

    /// Sends these commands together; gives the answer to each.
    ///
    /// # Errors
    /// [`Broken`]: some may be done and some not. Do not use this connection again.
    pub(super) async fn run(
        &mut self,
        commands: &mut Pipeline,
    ) -> Result<Vec<RedisResult<Value>>, Broken> {
        let (sent, count) = (Instant::now(), commands.len());
        let answers = commands.ignore_errors().query_async::<Vec<RedisResult<Value>>>(&mut self.0);
        let answers = timeout(LIMIT, answers).await.map_err(|_| Broken)?.map_err(|_| Broken)?;
        // If this process was stopped meanwhile, leases may have ended: an answer is not believed for
        // longer than the limit.
        let is_in_time = sent.elapsed() <= LIMIT;
        (is_in_time && answers.len() == count).then_some(answers).ok_or(Broken)
    }
}

/// Whether the server does not know a script, so that it has done nothing.
pub(super) fn is_unknown_script(answer: &RedisResult<Value>) -> bool {
    let kind = answer.as_ref().err().map(RedisError::kind);
    kind == Some(ErrorKind::Server(ServerErrorKind::NoScript))
}

fn refusal(shown: &str, error: &RedisError) -> StartError {
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => {
            StartError::Refused(format!("{shown}: {}", reason(error)))
        }
        // Of a server that wants a password and gets none.
        _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => {
            StartError::Refused(format!("{shown}: {}", reason(error)))
        }
        _ => StartError::Unreachable(format!("{shown}: {}", reason(error))),
    }
}

/// What the library says of it. It does not know the address' secrets.
fn reason(error: &RedisError) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.category()),
        None => error.to_string(),
    }
}
