//! All keys: section, name, type, default, allowed values. The only place where any of them stands.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::history::{self, HistoryOverride, HistoryOverrides};
use super::hosts::{HOSTS, HostName};
use super::kind::{
    AuthMode, BackboneKind, Choice, Count, Filter, Found, Keeper, Kind, LogFormat, OriginList,
    Period, Prefix, Size, Switch,
};
use super::list::FILES;
use super::listen::{self, ListenAddress, ListenAddresses};
use super::networks::{NetworkList, Networks};
use super::optional::{ADDRESS, FILE, SwitchOrAuto, TEXT};
use super::origins::AllowedOrigins;
use super::redis_url::{RedisAddress, RedisUrl};
use super::rules::RULES;
use super::secret::{Hidden, Secret};
use super::secret_url::{SecretUrl, WebAddress};
use super::servers::{ServerList, Servers};
use super::units::{GIB, KIB, MIB};
use crate::access::Rule;

/// One key, as reading, writing and error texts need it.
pub(super) struct Key {
    /// The table it stands in; empty for the top of the file.
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// Takes the value over, or says what is allowed.
    pub(super) set: fn(&mut Config, &Found<'_>) -> Result<(), String>,
    /// Whether nobody may see its value.
    pub(super) is_secret: bool,
    /// The present value as it is written in a file.
    pub(super) show: fn(&Config) -> String,
}

impl Key {
    /// `limits.max_frame`
    pub(super) fn path(&self) -> String {
        match self.section {
            "" => self.name.to_owned(),
            section => format!("{section}.{}", self.name),
        }
    }
}

/// All keys in the order of the file: the top first, each section in one piece.
pub(super) fn all() -> &'static [Key] {
    KEYS
}

/// From a list of keys: the structs with their defaults, and [`KEYS`].
macro_rules! settings {
    (
        {
            $( $(#[$top_doc:meta])* $top:ident: $top_type:ty = $top_default:expr, $top_kind:expr; )*
        }
        $(
            $(#[$section_doc:meta])*
            $section:ident: $Section:ident {
                $( $(#[$doc:meta])* $key:ident: $type:ty = $default:expr, $kind:expr; )*
            }
        )*
    ) => {
        /// The whole configuration, checked. [`Config::default`] is what an empty file gives.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $( $(#[$top_doc])* pub $top: $top_type, )*
            $( $(#[$section_doc])* pub $section: $Section, )*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $( $top: $top_default, )* $( $section: $Section::default(), )* }
            }
        }

        $(
            $(#[$section_doc])*
            #[derive(Clone, Debug, PartialEq)]
            pub struct $Section { $( $(#[$doc])* pub $key: $type, )* }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $key: $default, )* }
                }
            }
        )*

        static KEYS: &[Key] = &[
            $( settings!(@key "", $top, $top_kind, $top), )*
            $( $( settings!(@key stringify!($section), $key, $kind, $section.$key), )* )*
        ];
    };
    (@key $section:expr, $name:ident, $kind:expr, $($path:tt)+) => {
        Key {
            section: $section,
            name: stringify!($name),
            set: |config, found| {
                config.$($path)+ = $kind.read(found).ok_or_else(|| $kind.allowed())?;
                Ok(())
            },
            is_secret: is_secret(&$kind),
            show: |config| $kind.show(&config.$($path)+),
        }
    };
}

const fn is_secret<K: Kind>(_: &K) -> bool {
    K::SECRET
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn default_servers() -> Servers {
    const LOCAL: &str = "nats://127.0.0.1:4222";
    Servers::parse(LOCAL).unwrap_or_else(|| unreachable!("{LOCAL} is an address"))
}

fn default_redis() -> RedisUrl {
    const LOCAL: &str = "redis://127.0.0.1:6379";
    RedisUrl::parse(LOCAL).unwrap_or_else(|| unreachable!("{LOCAL} is an address"))
}

const KEEPER: Choice<Keeper> =
    Choice { of: &[("backbone", Keeper::Backbone), ("redis", Keeper::Redis)], note: "" };

/// Below this, a timer says nothing about the other side any more.
const SHORTEST: Duration = Duration::from_millis(10);
const HOUR: Duration = seconds(3600);

settings! {
    {
        /// The addresses to listen on.
        listen: Vec<ListenAddress> = listen::both_loopback_addresses(), ListenAddresses;
    }

    /// What the process runs on.
    runtime: Runtime {
        /// Threads that serve; 0: one for each core.
        workers: usize = 0, Count(0..=1_024);
    }

    /// Who is who.
    auth: Auth {
        /// How a token becomes a user.
        mode: AuthMode = AuthMode::Demo, Choice {
            of: &[("demo", AuthMode::Demo), ("jwt", AuthMode::Jwt)],
            note: "",
        };
        /// The secret of tokens signed by HS256.
        jwt_secret: Option<Secret> = None, Hidden;
        /// A file with that secret.
        jwt_secret_file: Option<PathBuf> = None, FILE;
        /// A public key in PEM, for tokens signed by RS256, ES256 or EdDSA.
        jwt_public_key_file: Option<PathBuf> = None, FILE;
        /// Where a set of public keys (JWK) is fetched.
        jwks_url: Option<SecretUrl> = None, WebAddress;
        /// The claim `iss` that tokens must have.
        issuer: Option<String> = None, TEXT;
        /// The claim `aud` that tokens must have.
        audience: Option<String> = None, TEXT;
        /// By how much the clocks of issuer and gateway may differ.
        leeway: Duration = seconds(30), Period(Duration::ZERO..=seconds(600));
        /// A key that is not in the set makes the gateway fetch it, but no more often than this.
        jwks_min_refresh: Duration = seconds(10), Period(Duration::from_millis(100)..=HOUR);
        /// Failed setups of one address in a minute. Above it, setups of that address are checked after those of all other addresses.
        auth_failures_per_ip: usize = 100, Count(1..=10_000_000);
    }

    /// Who may reach the gateway.
    access: Access {
        /// Web origins whose pages may open a WebSocket, besides those that always may.
        allowed_origins: AllowedOrigins = AllowedOrigins::default(), OriginList;
        /// Names in `Host` that the gateway answers to. None: any, but on a loopback listener in demo mode only loopback names.
        allowed_hosts: Vec<HostName> = Vec::new(), HOSTS;
        /// Proxies whose `X-Forwarded-For` is believed.
        trusted_proxies: Networks = Networks::default(), NetworkList;
        /// What users may subscribe to whose token has no claim `topics`.
        default_subscribe: Vec<Rule> = Vec::new(), RULES;
        /// What users may publish to whose token has no claim `topics`.
        default_publish: Vec<Rule> = Vec::new(), RULES;
    }

    /// What one connection, one topic and the process may hold.
    limits: Limits {
        /// WebSocket connections at once, set up or not.
        max_connections: usize = 100_000, Count(1..=10_000_000);
        /// Connections at once from one address, from accept on; IPv6 by /64; 0: no limit.
        max_connections_per_ip: usize = 0, Count(0..=10_000_000);
        /// WebSocket connections at once of one user; a connection beyond the limit is closed with 1013; 0: no limit.
        max_connections_per_user: usize = 10_000, Count(0..=10_000_000);
        /// Connections that were accepted and are not (yet) upgraded to WebSocket.
        max_http_connections: usize = 2_000, Count(1..=10_000_000);
        /// Bytes of unfinished messages of all connections together that have no good `setup` yet.
        unfinished_bytes: usize = 64 * MIB, Size(KIB..=1024 * GIB);
        /// Frames of any kind that are read from one connection in a second; above it the client is read more slowly; 0: no limit.
        frame_rate: usize = 0, Count(0..=10_000_000);
        /// Bytes of the largest frame that a client may send, payload included.
        max_frame: usize = 64 * KIB, Size(KIB..=16 * MIB);
        /// Topics that one connection may be subscribed to.
        max_subscriptions: usize = 1_000, Count(1..=1_000_000);
        /// Levels of nesting that a payload may have; 0: no limit.
        max_depth: usize = protocol::parse::MAX_DEPTH, Count(0..=1_000_000);
        /// Topics known at once, those included that are only remembered.
        max_topics: usize = 1_000_000, Count(1..=100_000_000);
        /// Topics known at once that one user has brought into being.
        max_topics_per_user: usize = 100_000, Count(1..=100_000_000);
        /// Bytes of memory that may wait for one connection that reads too slowly.
        send_queue: usize = MIB, Size(KIB..=GIB);
        /// Publishes of one connection in a second, on average; 0: no limit.
        publish_rate: usize = 0, Count(0..=10_000_000);
        /// Publishes of one connection that may come at once, where there is a limit.
        publish_burst: usize = 100, Count(1..=10_000_000);
        /// Publishes in a row, refused for their rate, that end a connection.
        rate_refusals: usize = 1_000, Count(1..=10_000_000);
        /// Publishes of one connection that wait for the backbone; then it is not read.
        inflight: usize = 1_024, Count(1..=1_000_000);
        /// Messages of a second that are replayed to one connection; 0: no limit.
        replay_rate: usize = 20_000, Count(0..=100_000_000);
        /// Bytes of a second that are replayed to one connection, and a quarter of what one user's connections get together; 0: no limit.
        replay_bytes: usize = 16 * MIB, Size(0..=GIB);
        /// Broken frames in a row that end a connection.
        invalid_frames: usize = 20, Count(1..=1_000_000);
        /// Bytes of one topic that are numbered but not yet fanned out, from which on its publishers wait.
        topic_backlog: usize = MIB, Size(KIB..=GIB);
    }

    /// How long the gateway waits for the other side.
    timeouts: Timeouts {
        /// From the connection to a good `setup`; for the body of a request too.
        setup: Duration = seconds(10), Period(SHORTEST..=HOUR);
        /// From the first byte of a WebSocket message to its last.
        message: Duration = seconds(30), Period(SHORTEST..=HOUR);
        /// For a client to take an HTTP answer, and for an HTTP connection without a request.
        http: Duration = seconds(30), Period(SHORTEST..=HOUR);
        /// From one WebSocket ping to the next; a connection from which nothing came for twice as long is closed.
        ping: Duration = seconds(25), Period(SHORTEST..=HOUR);
        /// For connections to take what waits for them when the gateway stops.
        drain: Duration = seconds(20), Period(Duration::ZERO..=HOUR);
        /// From SIGTERM, when `/readyz` begins to answer 503, to the first connection that is closed, at least.
        unready: Duration = Duration::ZERO, Period(Duration::ZERO..=HOUR);
    }

    /// What is remembered of a topic. The first limit reached drops the oldest messages.
    history: History {
        /// Messages kept of one topic; 0: none.
        messages: usize = 1_000, history::MESSAGES;
        /// How long a message is kept.
        age: Duration = seconds(600), history::AGE;
        /// Bytes kept of one topic, as they are sent.
        bytes: usize = 4 * MIB, history::BYTES;
        /// Bytes of memory that the messages of all topics may take.
        total_bytes: usize = 512 * MIB, Size(0..=1024 * GIB);
        /// How long the numbering of a topic is kept that has neither subscriber nor messages.
        meta_ttl: Duration = HOUR, Period(SHORTEST..=seconds(30 * 24 * 3600));
        /// What is different for single topics.
        topics: Vec<HistoryOverride> = Vec::new(), HistoryOverrides;
    }

    /// What outlives a connection, so that its client can go on where it stopped.
    session: Session {
        /// How long a session outlives its connection; 0: not at all.
        ttl: Duration = seconds(120), Period(Duration::ZERO..=seconds(24 * 3600));
        /// Sessions without a connection that are kept, the oldest out first.
        max: usize = 100_000, Count(0..=100_000_000);
        /// Subscriptions of all sessions without a connection, the oldest session out first.
        subscriptions: usize = 1_000_000, Count(0..=1_000_000_000);
        /// `backbone`: in this process, or in the backbone's servers. `redis`: in a Redis server.
        kind: Keeper = Keeper::Backbone, KEEPER;
        /// Sessions of one user without a connection that are kept; then that user's oldest goes first.
        max_per_user: usize = 1_000, Count(0..=100_000_000);
        /// Subscriptions of one user's sessions without a connection; then that user's oldest session goes first.
        subscriptions_per_user: usize = 20_000, Count(0..=1_000_000_000);
    }

    /// How long and how many message ids are remembered, so that a repeat is known as one.
    dedup: Dedup {
        /// `backbone`: by this process, or by the backbone's servers. `redis`: by a Redis server.
        kind: Keeper = Keeper::Backbone, KEEPER;
        /// How long a message id is remembered after its publish.
        window: Duration = seconds(120), Period(SHORTEST..=seconds(24 * 3600));
        /// Message ids remembered in all, the oldest out first.
        max_keys: usize = 1_000_000, Count(1..=100_000_000);
        /// Message ids remembered of one user, the oldest out first.
        max_keys_per_user: usize = 100_000, Count(1..=100_000_000);
    }

    /// Where message ids or sessions are kept if their `kind` is `redis`.
    redis: Redis {
        /// The Redis server.
        url: RedisUrl = default_redis(), RedisAddress;
        /// A file with its address, instead of `url`.
        url_file: Option<PathBuf> = None, FILE;
    }

    /// What numbers the topics.
    backbone: Backbone {
        /// `memory`: this process, which shares its topics with no other. `nats`: NATS JetStream, for several gateways. `kafka`: Kafka, the same.
        kind: BackboneKind = BackboneKind::Memory, Choice {
            of: &[("memory", BackboneKind::Memory), ("nats", BackboneKind::Nats), ("kafka", BackboneKind::Kafka)],
            note: "",
        };
        /// The servers: addresses of NATS, or `host:port` of Kafka's brokers.
        url: Servers = default_servers(), ServerList;
        /// Streams and subjects of NATS begin with it, Kafka's topic is called so: gateways with the same one are one fleet.
        name: String = "micro-socket".to_owned(), Prefix;
        /// Copies of each stream or partition, for a cluster of at least as many servers.
        replicas: usize = 1, Count(1..=5);
        /// How long a publish waits for the backbone's answer; then its fate is unknown, and the client may repeat it.
        publish_timeout: Duration = seconds(5), Period(SHORTEST..=HOUR);
        /// How long attaching a topic, or a question about its log, may take.
        attach_timeout: Duration = seconds(5), Period(SHORTEST..=HOUR);
        /// An attached topic without subscribers is detached after this.
        detach_after: Duration = seconds(30), Period(SHORTEST..=HOUR);
        /// Reads of the log at once, for clients that resume below what the gateway has.
        reads: usize = 64, Count(1..=100_000);
        /// Streams, or partitions, among which topics are spread by hash.
        shards: usize = 1, Count(1..=64);
        /// A credentials file of NATS, with a JWT and a seed.
        credentials_file: Option<PathBuf> = None, FILE;
    }

    /// HTTPS and WSS, where both files are given.
    tls: Tls {
        /// The certificate chain in PEM, the server's own first.
        cert_file: Option<PathBuf> = None, FILE;
        /// The private key in PEM: PKCS#8, PKCS#1 or SEC1.
        key_file: Option<PathBuf> = None, FILE;
    }

    /// Ed25519 signatures of messages.
    signing: Signing {
        /// The private key, PKCS#8 in PEM or DER.
        key_file: Option<PathBuf> = None, FILE;
        /// Former private or public keys, still listed for clients that hold messages signed by them.
        previous_key_files: Vec<PathBuf> = Vec::new(), FILES;
    }

    /// Which of the HTTP routes exist, and where.
    http: Http {
        /// The keys of backends, one a line. If it is not given, `POST /publish` does not exist.
        api_keys_file: Option<PathBuf> = None, FILE;
        /// Messages of one request to `POST /publish`.
        publish_batch: usize = 1_000, Count(1..=100_000);
        /// Bytes of one request to `POST /publish`.
        publish_body: usize = 16 * MIB, Size(KIB..=GIB);
        /// `/demo/publish/{topic}`. `None`: in demo mode only.
        demo: Option<bool> = None, SwitchOrAuto;
        /// `/docs`, `/openapi` and the redirect from `/`
        docs: bool = true, Switch;
        /// Where `/metrics` and `/stats` are, and nowhere else.
        admin_listen: Option<SocketAddr> = None, ADDRESS;
    }

    /// What the gateway is to reach.
    slo: Slo {
        /// From a publish to the sockets of its subscribers, for 99 of 100 deliveries.
        delivery_p99: Duration = Duration::from_millis(50), Period(Duration::from_millis(1)..=HOUR);
    }

    /// What is written to standard error.
    log: Log {
        /// Lines for people, or one JSON object a line.
        format: LogFormat = LogFormat::Text, Choice {
            of: &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            note: "",
        };
        /// A level for all, and directives for single modules.
        level: String = "info".to_owned(), Filter;
        /// Lines that may wait to be written; above it lines are dropped and counted.
        queue: usize = 10_000, Count(1..=10_000_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_that_is_allowed() {
        let mut config = Config::default();
        for key in all() {
            let text = (key.show)(&config);
            let value = toml::de::DeValue::parse(&text).unwrap();
            assert_eq!(
                (key.set)(&mut config, &Found::Toml(value.get_ref())),
                Ok(()),
                "{}",
                key.path()
            );
        }
        assert_eq!(config, Config::default());
    }
}
