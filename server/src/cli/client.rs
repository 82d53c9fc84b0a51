//! What `sub` and `pub` have in common: the gateway, the token, and how a command ends.

use clap::Args;
use client::{Builder, Stop, SubSocket, TokenError};
use micro_socket::text_file;
use std::{path::PathBuf, process::ExitCode};

/// How a command has ended. `docs/command-line.md` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    /// The gateway does not accept the token.
    Token = 3,
    /// The gateway has refused the topic or the message.
    Refused = 4,
    /// No answer in time.
    Late = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Stop> for Exit {
    fn from(stop: &Stop) -> Self {
        match stop {
            Stop::Closed => Self::Done,
            Stop::Unauthenticated(_) => Self::Token,
            _ => Self::Failed,
        }
    }
}

#[derive(Args)]
pub(crate) struct Gateway {
    /// The gateway: ws://HOST:PORT, wss://HOST, or HOST:PORT
    #[arg(value_name = "URL|ADDR")]
    address: String,
}

#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct TokenOptions {
    /// The token; in demo mode any user id. Other users of this machine can see it: in earnest use
    /// --token-file
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// A file with the token, read again for each connection and before the token expires
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Gateway {
    /// A client of these topics, by these options.
    pub(crate) fn client(
        &self,
        topics: &[String],
        options: TokenOptions,
    ) -> Result<Builder, String> {
        let builder =
            SubSocket::by_topics(&self.address, topics).map_err(|error| error.to_string())?;
        Ok(match (options.token, options.token_file) {
            (Some(token), _) => builder.token(token),
            (_, Some(file)) => builder.token_from(move || {
                let file = file.clone();
                async move { read(file).await }
            }),
            _ => builder,
        })
    }
}

async fn read(file: PathBuf) -> Result<String, TokenError> {
    let name = file.display().to_string();
    let text = tokio::task::spawn_blocking(move || text_file::read(&file)).await?;
    let text = text.map_err(|error| format!("{name}: cannot be read: {error}"))?;
    Ok(text.trim().to_owned())
}

/// Runs a command on this thread, which may wait for a terminal or a pipe, and its connection on
/// another one, which answers the gateway meanwhile.
pub(crate) fn run(command: impl Future<Output = Exit>) -> Result<Exit, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot start: {error}"))?;
    Ok(runtime.block_on(command))
}
