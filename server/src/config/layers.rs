//! Lays the sources over one another, the weakest first, and remembers which one each value came
//! from.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Sources;
use super::error::{ConfigError, Place, Problem};
use super::keys::{self, Config, Key};
use super::kind::{AuthMode, BackboneKind, Found, Keeper};
use super::service_link::is_service_link;
use crate::text_file;

const PREFIX: &str = "MICRO_SOCKET_";

/// Instead of a value that may be a secret.
const NOT_SHOWN: &str = "something that is not shown";

pub(super) fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut layers = Layers::default();
    if let Some(path) = &sources.file {
        layers.file(path);
    }
    layers.environment(&sources.environment);
    if !sources.listen.is_empty() {
        layers.text("listen", Place::Flag("--listen"), &sources.listen.join(","));
    }
    layers.finish()
}

/// A configuration that is being put together.
#[derive(Default)]
struct Layers {
    config: Config,
    /// By key, where it is not the default.
    places: HashMap<String, Place>,
    problems: Vec<Problem>,
}

impl Layers {
    fn file(&mut self, path: &Path) {
        let source = match text_file::read(path) {
            Ok(source) => source,
            Err(reason) => {
                return self.problems.push(Problem::Unreadable { path: path.to_owned(), reason });
            }
        };
        let at = |offset: usize| Place::File(path.to_owned(), line(&source, offset));
        let table = match DeTable::parse(&source) {
            Ok(table) => table,
            Err(error) => {
                let place = at(error.span().map_or(0, |span| span.start));
                return self
                    .problems
                    .push(Problem::Syntax { place, reason: error.message().to_owned() });
            }
        };
        for (name, value) in table.get_ref() {
            let place = at(name.span().start);
            match value.get_ref().as_table() {
                Some(section) if is_section(name.get_ref()) => {
                    for (key, value) in section {
                        let place = at(key.span().start);
                        self.toml(
                            &format!("{}.{}", name.get_ref(), key.get_ref()),
                            place,
                            value,
                            &source,
                        );
                    }
                }
                None if is_section(name.get_ref()) => self.problems.push(Problem::Value {
                    place,
                    key: name.get_ref().to_string(),
                    found: if has_secrets(name.get_ref()) {
                        NOT_SHOWN.to_owned()
                    } else {
                        written(value, &source)
                    },
                    allowed: format!("a section, begun by a line [{}]", name.get_ref()),
                }),
                _ => self.toml(name.get_ref(), place, value, &source),
            }
        }
    }

    fn environment(&mut self, variables: &[(OsString, OsString)]) {
        let ours = variables
            .iter()
            .filter(|(name, _)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
        for (name, value) in ours {
            let place = Place::Variable(name.to_string_lossy().into_owned());
            match (name.to_str().and_then(|name| name.strip_prefix(PREFIX)), value.to_str()) {
                (Some(rest), Some(value)) if is_service_link(rest, value) => {}
                (Some(rest), Some(value)) => {
                    self.text(&rest.to_ascii_lowercase().replace("__", "."), place, value)
                }
                _ => self.problems.push(Problem::NotUtf8 { place }),
            }
        }
    }

    fn toml(&mut self, path: &str, place: Place, value: &Spanned<DeValue<'_>>, source: &str) {
        self.set(path, place, &Found::Toml(value.get_ref()), || written(value, source));
    }

    fn text(&mut self, path: &str, place: Place, text: &str) {
        self.set(path, place, &Found::Text(text), || format!("{text:?}"));
    }

    fn set(&mut self, path: &str, place: Place, found: &Found<'_>, written: impl Fn() -> String) {
        let Some(key) = keys::all().iter().find(|key| key.path() == path) else {
            return self.problems.push(unknown(path, place));
        };
        match (key.set)(&mut self.config, found) {
            Ok(()) => drop(self.places.insert(path.to_owned(), place)),
            Err(allowed) => {
                let found = if key.is_secret { NOT_SHOWN.to_owned() } else { written() };
                self.problems.push(Problem::Value { place, key: path.to_owned(), found, allowed });
            }
        }
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        if self.problems.is_empty() {
            self.check_send_queue();
            self.check_tokens();
            self.check_demo();
            self.check_redis();
            if self.config.backbone.kind != BackboneKind::Memory {
                self.check_servers();
                self.check_shards();
                self.check_retention();
            }
        }
        if self.problems.is_empty() { Ok(self.config) } else { Err(ConfigError(self.problems)) }
    }

    /// A queue that cannot hold the largest frame would end every connection that is sent one.
    fn check_send_queue(&mut self) {
        let limits = &self.config.limits;
        if limits.send_queue < limits.max_frame {
            self.problems.push(Problem::Conflict {
                place: self.place("limits.send_queue"),
                key: "limits.send_queue",
                found: super::units::show_size(limits.send_queue),
                allowed: "at least limits.max_frame".to_owned(),
                of: super::units::show_size(limits.max_frame),
                of_place: self.place("limits.max_frame"),
            });
        }
    }

    /// Tokens need exactly one secret at most, and in `jwt` mode a key at least.
    fn check_tokens(&mut self) {
        let auth = &self.config.auth;
        let has_key = auth.jwt_secret.is_some()
            || auth.jwt_secret_file.is_some()
            || auth.jwt_public_key_file.is_some()
            || auth.jwks_url.is_some();
        if auth.mode == AuthMode::Jwt && !has_key {
            let needs = "needs a key: auth.jwt_secret, auth.jwt_secret_file, auth.jwt_public_key_file or auth.jwks_url";
            self.needs("auth.mode", "\"jwt\"", needs);
        }
        if self.config.auth.jwt_secret.is_some() && self.config.auth.jwt_secret_file.is_some() {
            self.needs(
                "auth.jwt_secret",
                "a secret, and auth.jwt_secret_file",
                "only one of them can be given",
            );
        }
    }

    /// If users have to authenticate, publishing without a key must not be possible.
    fn check_demo(&mut self) {
        let Config { auth, http, .. } = &self.config;
        if auth.mode == AuthMode::Jwt && http.demo == Some(true) && http.api_keys_file.is_none() {
            self.needs(
                "http.demo",
                "true",
                "in jwt mode it needs http.api_keys_file, whose keys it then asks for",
            );
        }
    }

    /// A server that remembers message ids helps only if something else gives the numbers; it has one
    /// address; and it is needed if the backbone keeps no sessions.
    fn check_redis(&mut self) {
        let Config { backbone, dedup, session, .. } = &self.config;
        let kafka_keeps_sessions =
            session.kind == Keeper::Backbone && backbone.kind == BackboneKind::Kafka;
        if dedup.kind == Keeper::Redis && backbone.kind == BackboneKind::Memory {
            let needs = "with backbone.kind = \"memory\" this process numbers its topics itself and remembers their message ids exactly, so only \"backbone\" is possible";
            self.needs("dedup.kind", "\"redis\"", needs);
        }
        if kafka_keeps_sessions {
            let needs = "Kafka keeps no sessions: with backbone.kind = \"kafka\" only \"redis\" is possible";
            self.needs("session.kind", "\"backbone\"", needs);
        }
        let redis = &self.config.redis;
        if redis.url_file.is_some() && self.places.contains_key("redis.url") {
            self.needs(
                "redis.url",
                "an address, and redis.url_file",
                "only one of them can be given",
            );
        }
    }

    /// The servers are those of the backbone.
    fn check_servers(&mut self) {
        let backbone = &self.config.backbone;
        let is_of_kafka = backbone.url.brokers().is_some();
        match backbone.kind {
            BackboneKind::Nats if is_of_kafka => {
                let needs = "addresses of NATS begin with nats:// or tls://";
                self.needs("backbone.url", "host:port", needs);
            }
            BackboneKind::Kafka if !is_of_kafka => {
                let needs = "Kafka's brokers are given as host:port, such as \"10.0.0.1:9092\"; this build speaks to them without TLS";
                self.needs("backbone.url", "an address that begins with nats:// or tls://", needs);
            }
            BackboneKind::Kafka if backbone.credentials_file.is_some() => {
                let needs = "it is for NATS; this build has no authentication for Kafka";
                self.needs("backbone.credentials_file", "a file", needs);
            }
            _ => {}
        }
    }

    /// A stream, or a partition, compares message ids only with its own.
    fn check_shards(&mut self) {
        let Config { backbone, dedup, .. } = &self.config;
        if backbone.shards > 1 && dedup.kind != Keeper::Redis {
            self.problems.push(Problem::Conflict {
                place: self.place("backbone.shards"),
                key: "backbone.shards",
                found: backbone.shards.to_string(),
                allowed: "1, or \"redis\" as dedup.kind".to_owned(),
                of: "\"backbone\"".to_owned(),
                of_place: self.place("dedup.kind"),
            });
        }
    }

    /// A gateway cannot have what the log has dropped.
    fn check_retention(&mut self) {
        let config = &self.config;
        let most = config.log_retention();
        let longest = config.history.topics.iter().filter_map(|own| own.age).max();
        let Some(longest) = longest.filter(|longest| *longest > most) else { return };
        let key = [
            ("history.age", config.history.age),
            ("dedup.window", config.dedup.window),
            ("history.meta_ttl", config.history.meta_ttl),
        ]
        .into_iter()
        .find_map(|(key, period)| (period == most).then_some(key))
        .unwrap_or("history.age");
        self.problems.push(Problem::Conflict {
            place: self.place("history.topics"),
            key: "history.topics",
            found: format!("age = {}", super::units::show_period(longest)),
            allowed: format!(
                "with a backbone at most the longest of history.age, dedup.window and history.meta_ttl, here {key}"
            ),
            of: super::units::show_period(most),
            of_place: self.place(key),
        });
    }

    fn needs(&mut self, key: &'static str, found: &'static str, needs: &'static str) {
        self.problems.push(Problem::Needs { place: self.place(key), key, found, needs });
    }

    fn place(&self, path: &str) -> Place {
        self.places.get(path).cloned().unwrap_or(Place::Default)
    }
}

fn is_section(name: &str) -> bool {
    !name.is_empty() && keys::all().iter().any(|key| key.section == name)
}

fn has_secrets(section: &str) -> bool {
    keys::all().iter().any(|key| key.section == section && key.is_secret)
}

/// As the file has it.
fn written(value: &Spanned<DeValue<'_>>, source: &str) -> String {
    match value.get_ref() {
        DeValue::Table(_) => "a section".to_owned(),
        _ => source.get(value.span()).unwrap_or_default().to_owned(),
    }
}

fn line(source: &str, offset: usize) -> usize {
    source.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn unknown(path: &str, place: Place) -> Problem {
    let section = path.split_once('.').map_or("", |(section, _)| section);
    let choice = if is_section(section) {
        format!(
            "the keys of [{section}] are {}",
            list(|key| (key.section == section).then_some(key.name))
        )
    } else {
        let top = list(|key| key.section.is_empty().then_some(key.name));
        format!(
            "at the top is {top}; the sections are {}",
            list(|key| (!key.section.is_empty()).then_some(key.section))
        )
    };
    let near = nearest(path).map(|key| match place {
        Place::Variable(_) => {
            format!("{PREFIX}{}", key.path().to_ascii_uppercase().replace('.', "__"))
        }
        _ => key.path(),
    });
    Problem::UnknownKey { place, key: path.to_owned(), near, choice }
}

/// The words that `pick` takes from the keys, each once, separated by commas.
fn list(pick: impl Fn(&'static Key) -> Option<&'static str>) -> String {
    let mut words: Vec<&str> = keys::all().iter().filter_map(pick).collect();
    words.dedup();
    words.join(", ")
}

/// The key that is spelt most like `path`, a forgotten section included, if one is close enough to
/// be meant.
fn nearest(path: &str) -> Option<&'static Key> {
    const CLOSE_ENOUGH: f64 = 0.8;
    let likeness = |key: &Key| {
        let whole = strsim::normalized_damerau_levenshtein(path, &key.path());
        if path.contains('.') {
            whole
        } else {
            whole.max(strsim::normalized_damerau_levenshtein(path, key.name))
        }
    };
    keys::all()
        .iter()
        .map(|key| (likeness(key), key))
        .filter(|(likeness, _)| *likeness >= CLOSE_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_named() {
        let near = |path| nearest(path).map(Key::path);
        assert_eq!(near("limits.max_frames").as_deref(), Some("limits.max_frame"));
        assert_eq!(near("limit.max_frame").as_deref(), Some("limits.max_frame"));
        assert_eq!(near("max_frame").as_deref(), Some("limits.max_frame"));
        assert_eq!(near("limits_max_frame").as_deref(), Some("limits.max_frame"));
        assert_eq!(near("lisen").as_deref(), Some("listen"));
        assert_eq!(near("metrics.path"), None);
    }
}
