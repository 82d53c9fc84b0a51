//! What the gateway takes from the configuration for its Redis server.

use super::error::StartError;
use crate::{
    config::{Config, Keeper, RedisUrl},
    text_file,
};
use std::{path::Path, time::Duration};

/// The longest pause of a gateway, or of a server of the backbone, for which a lease still protects: a
/// process that is stopped, a machine that is moved.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How the server is reached, and how long what is kept there.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(super) url: RedisUrl,
    /// All keys begin with it.
    pub(super) prefix: String,
    /// How long the place of a message is remembered.
    pub(super) window: Duration,
    /// How long a publish whose fate is unknown keeps its message id.
    pub(super) lease: Duration,
}

/// How long the key stays by which a gateway finds out whether the server takes writes.
const PROBE_TTL: Duration = Duration::from_secs(10);

impl Settings {
    /// A write that shows whether the server takes writes, which a full one does not.
    pub(super) fn write(&self) -> ::redis::Cmd {
        let mut command = ::redis::cmd("SET");
        let key = format!("{}:probe", self.prefix);
        command.arg(key).arg("").arg("PX").arg(PROBE_TTL.as_millis() as u64);
        command
    }

    /// As the configuration says; `None`: it needs no Redis server. Reads `redis.url_file`.
    ///
    /// # Errors
    /// [`StartError::UrlFile`]
    pub fn new(config: &Config) -> Result<Option<Self>, StartError> {
        if ![config.dedup.kind, config.session.kind].contains(&Keeper::Redis) {
            return Ok(None);
        }
        let url = match &config.redis.url_file {
            None => config.redis.url.clone(),
            Some(path) => read(path)?,
        };
        Ok(Some(Self {
            url,
            prefix: config.backbone.name.clone(),
            window: config.dedup.window,
            lease: config.backbone.publish_timeout + LONGEST_PAUSE,
        }))
    }
}

fn read(path: &Path) -> Result<RedisUrl, StartError> {
    let refused = |reason: String| StartError::UrlFile { path: path.display().to_string(), reason };
    let text = text_file::read(path).map_err(|error| refused(error.to_string()))?;
    RedisUrl::parse(text.trim()).ok_or_else(|| {
        refused(format!("its content is not allowed; allowed: {}", RedisUrl::ALLOWED))
    })
}
