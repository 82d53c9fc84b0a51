//! The configuration: what the gateway may do, where each value comes from, and why one is refused.
//!
//! Every key stands once, in `keys`, with its type, default and allowed values; the structs, the
//! environment variables, the error texts and the output of `check` all follow from there.
//! Precedence: command line, environment, file, default. Knows nothing of the rest of the server.

mod authority;
mod error;
mod exposed;
mod history;
mod hosts;
mod keys;
mod kind;
mod layers;
mod list;
mod listen;
mod networks;
mod optional;
mod origins;
mod redis_url;
mod rules;
mod secret;
mod secret_url;
mod servers;
mod service_link;
mod shown_url;
mod units;

use keys::Key;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use authority::Authority;
pub use error::{ConfigError, Problem};
pub use exposed::{ExposedFile, exposed_files};
pub use history::HistoryOverride;
pub use hosts::HostName;
pub use keys::{
    Access, Auth, Backbone, Config, Dedup, History, Http, Limits, Log, Redis, Runtime, Session,
    Signing, Slo, Timeouts, Tls,
};
pub use kind::{AuthMode, BackboneKind, Keeper, LogFormat};
pub use listen::ListenAddress;
pub use networks::Networks;
pub use origins::{AllowedOrigins, Origin};
pub use redis_url::RedisUrl;
pub use secret::Secret;
pub use secret_url::SecretUrl;
pub use servers::Servers;
pub use units::parse_period;

/// Where a configuration is read from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file of `--config`. It must exist where it is given.
    pub file: Option<PathBuf>,
    /// The process environment; variables without the prefix `MICRO_SOCKET_` are left alone.
    pub environment: Vec<(OsString, OsString)>,
    /// The values of `--listen`; none if it is not given.
    pub listen: Vec<String>,
}

impl Config {
    /// Reads the sources in their order of precedence and checks the whole.
    ///
    /// # Errors
    /// Every problem that was found, not only the first: each names file and line, variable or
    /// flag, the key, what was found and what is allowed.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        layers::load(sources)
    }

    /// Whether `/demo/publish/{topic}` exists: if the configuration does not say, in demo mode.
    #[must_use]
    pub fn has_demo(&self) -> bool {
        self.http.demo.unwrap_or(self.auth.mode == AuthMode::Demo)
    }

    /// How long the backbone's log keeps a message: the longest time for which something is asked
    /// of it.
    #[must_use]
    pub fn log_retention(&self) -> Duration {
        self.history.age.max(self.dedup.window).max(self.history.meta_ttl)
    }

    /// The keys, with their sections, that have another value in `other`. Of a secret only shows
    /// whether it is given.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        keys::all()
            .iter()
            .filter(|key| (key.show)(self) != (key.show)(other))
            .map(Key::path)
            .collect()
    }

    /// The effective configuration as TOML: a file with this content gives this configuration.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for key in keys::all() {
            if key.section != section {
                section = key.section;
                text.push_str(&format!("\n[{section}]\n"));
            }
            text.push_str(&format!("{} = {}\n", key.name, (key.show)(self)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_defaults_are_read_back_as_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, Config::default().to_toml()).unwrap();
        let sources = Sources { file: Some(file), ..Sources::default() };
        assert_eq!(Config::load(&sources).unwrap(), Config::default());
    }

    #[test]
    fn what_has_changed_is_named() {
        let mut other = Config::default();
        assert!(Config::default().differences(&other).is_empty());
        other.log.level = "debug".to_owned();
        other.limits.max_frame += 1;
        assert_eq!(Config::default().differences(&other), ["limits.max_frame", "log.level"]);
    }

    /// A row of the table is `| key | default | meaning |`; both are held against the code.
    #[test]
    fn the_user_documentation_lists_every_key_with_its_default() {
        let page = include_str!("../../../docs/configuration.md");
        let rows: Vec<(String, String)> = page
            .lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
                let name = cells.next()?.trim_matches('`').to_owned();
                Some((name, cells.next()?.trim_matches('`').to_owned()))
            })
            .collect();
        let defaults = Config::default();
        let keys: Vec<_> =
            keys::all().iter().map(|key| (key.path(), (key.show)(&defaults))).collect();
        assert_eq!(rows, keys, "docs/configuration.md (left) against the keys (right)");
    }
}
