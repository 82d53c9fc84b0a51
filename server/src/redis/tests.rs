//! Against real servers.

use super::{Attempt, Claims, Lost, Redis, Settings, StartError, Verdict, connection::Connection};
use crate::{
    config::{Config, Keeper, RedisUrl},
    dedup::Place,
    redis_server::RedisServer,
};
use hub::topic::Name;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};

/// Within this, a gateway notices what has happened to its server.
const SOON: Duration = Duration::from_secs(2);

fn settings(url: &str) -> Settings {
    let mut config = Config::default();
    config.dedup.kind = Keeper::Redis;
    config.redis.url = RedisUrl::parse(url).unwrap();
    Settings::new(&config).unwrap().unwrap()
}

async fn start(server: &RedisServer) -> Redis {
    start_with(settings(&server.url())).await.unwrap()
}

async fn start_with(settings: Settings) -> Result<Redis, StartError> {
    let redis = Redis::new(settings);
    redis.start().await.map(|()| redis)
}

async fn claim(claims: &Claims, attempt: &Attempt) -> Result<Verdict, Lost> {
    let (reply, answer) = oneshot::channel();
    claims.claim(attempt, Box::new(reply));
    timeout(Duration::from_secs(10), answer).await.unwrap().unwrap_or(Err(Lost))
}

fn topic(name: &'static str) -> Name {
    Name::new(name).unwrap()
}

fn place(name: &'static str, seq_no: u64) -> Place {
    Place { topic: Arc::new(topic(name)), seq_no }
}

async fn becomes(redis: &Redis, is_reachable: bool) {
    let begin = Instant::now();
    while redis.is_reachable() != is_reachable {
        assert!(begin.elapsed() < SOON, "is_reachable is not {is_reachable} within {SOON:?}");
        // Nothing tells when it changes, so ask again.
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_message_id_belongs_to_one_topic_until_its_message_is_stored() {
    let server = RedisServer::start();
    let gateways = [start(&server).await, start(&server).await];
    let [a, b] = [gateways[0].claims(), gateways[1].claims()];
    let first = a.attempt("1:uone", topic("x"));
    assert_eq!(claim(&a, &first).await, Ok(Verdict::Go));
    let elsewhere = b.attempt("1:uone", topic("y"));
    let Ok(Verdict::Leased(left)) = claim(&b, &elsewhere).await else { panic!("not leased") };
    let most = Duration::from_secs(35);
    assert!(left > most - SOON && left <= most, "publish_timeout and 30 s: {left:?}");
    assert_eq!(claim(&b, &b.attempt("1:uone", topic("x"))).await, Ok(Verdict::Go), "a repeat");
    assert_eq!(b.commit(elsewhere.clone(), place("y", 9)).await, Err(Lost), "not its lease");
    assert_eq!(a.commit(first, place("x", 7)).await, Ok(place("x", 7)));
    assert_eq!(claim(&b, &elsewhere).await, Ok(Verdict::Duplicate(place("x", 7))));
    assert_eq!(b.commit(elsewhere, place("y", 9)).await, Ok(place("x", 7)), "the first one stays");
    assert_eq!(claim(&b, &b.attempt("1:vone", topic("y"))).await, Ok(Verdict::Go), "another user");
}

#[tokio::test]
async fn only_the_single_holder_of_a_lease_releases_it() {
    let server = RedisServer::start();
    let redis = start(&server).await;
    let claims = redis.claims();
    let [own, other] = ["x", "x"].map(|name| claims.attempt("k", topic(name)));
    let elsewhere = claims.attempt("k", topic("y"));
    claim(&claims, &own).await.unwrap();
    claims.release(other.clone());
    claims.release(elsewhere.clone());
    assert!(matches!(claim(&claims, &elsewhere).await, Ok(Verdict::Leased(_))));
    claims.release(own.clone());
    assert_eq!(claim(&claims, &elsewhere).await, Ok(Verdict::Go));
    claims.release(elsewhere.clone());
    // Two publishes at once: the failure of one says nothing of the other.
    claim(&claims, &own).await.unwrap();
    claim(&claims, &other).await.unwrap();
    claims.release(own);
    claims.release(other);
    assert!(matches!(claim(&claims, &elsewhere).await, Ok(Verdict::Leased(_))));
}

#[tokio::test]
async fn leases_and_places_end_by_their_time() {
    let server = RedisServer::start();
    let short = Duration::from_millis(300);
    let settings = Settings { lease: short, window: short, ..settings(&server.url()) };
    let redis = start_with(settings).await.unwrap();
    let claims = redis.claims();
    let [x, y] = ["x", "y"].map(|name| claims.attempt("k", topic(name)));
    assert_eq!(claim(&claims, &x).await, Ok(Verdict::Go));
    sleep(short / 2).await;
    assert!(matches!(claim(&claims, &y).await, Ok(Verdict::Leased(_))));
    // Time is the server's.
    sleep(short).await;
    assert_eq!(claim(&claims, &y).await, Ok(Verdict::Go));
    assert_eq!(claims.commit(y, place("y", 1)).await, Ok(place("y", 1)));
    sleep(short * 3 / 2).await;
    assert_eq!(claim(&claims, &x).await, Ok(Verdict::Go));
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_calls_also_if_the_server_forgets_its_scripts() {
    let server = RedisServer::start();
    let redis = start(&server).await;
    let claims = redis.claims();
    let (tell, mut told) = mpsc::unbounded_channel();
    struct Tell(usize, mpsc::UnboundedSender<(usize, Result<Verdict, Lost>)>);
    impl super::Reply<Verdict> for Tell {
        fn is_wanted(&self) -> bool {
            true
        }
        fn take(self: Box<Self>, answer: Result<Verdict, Lost>) {
            self.1.send((self.0, answer)).unwrap();
        }
    }
    const EACH: usize = 1_000;
    for round in 0..3 {
        for at in 0..EACH {
            let attempt = claims.attempt(&format!("{round}:{at}"), topic("x"));
            claims.claim(&attempt, Box::new(Tell(at, tell.clone())));
        }
        assert_eq!(server.ask("SCRIPT FLUSH"), "+OK\r\n");
        for at in 0..EACH {
            assert_eq!(told.recv().await, Some((at, Ok(Verdict::Go))));
        }
    }
}

#[tokio::test]
async fn a_call_that_nothing_waits_for_any_more_is_not_sent() {
    let server = RedisServer::start();
    let redis = start(&server).await;
    let claims = redis.claims();
    server.signal("STOP");
    becomes(&redis, false).await;
    let (x, y) = (claims.attempt("k", topic("x")), claims.attempt("k", topic("y")));
    let (reply, answer) = oneshot::channel::<Result<Verdict, Lost>>();
    claims.claim(&x, Box::new(reply));
    drop(answer);
    server.signal("CONT");
    becomes(&redis, true).await;
    assert_eq!(claim(&claims, &y).await, Ok(Verdict::Go));
}

#[tokio::test]
async fn a_server_that_hangs_is_noticed_and_its_claims_are_lost() {
    let server = RedisServer::start();
    let redis = start(&server).await;
    becomes(&redis, true).await;
    server.signal("STOP");
    let claims = redis.claims();
    let attempt = claims.attempt("k", topic("x"));
    let begin = Instant::now();
    assert_eq!(claim(&claims, &attempt).await, Err(Lost));
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    becomes(&redis, false).await;
    // For longer than a try to connect takes.
    sleep(SOON).await;
    server.signal("CONT");
    becomes(&redis, true).await;
    assert_eq!(claim(&claims, &attempt).await, Ok(Verdict::Go));
    assert!(redis.figures().reconnects >= 1);
}

#[tokio::test]
async fn what_an_append_only_file_has_survives_a_kill_and_nothing_else_does() {
    let mut with_file = RedisServer::start_with_file();
    let mut without = RedisServer::start();
    for (server, survives) in [(&mut with_file, true), (&mut without, false)] {
        let redis = start(server).await;
        let claims = redis.claims();
        let attempt = claims.attempt("k", topic("x"));
        assert_eq!(claim(&claims, &attempt).await, Ok(Verdict::Go));
        claims.commit(attempt, place("x", 1)).await.unwrap();
        server.kill();
        becomes(&redis, false).await;
        server.begin();
        becomes(&redis, true).await;
        let found = claim(&claims, &claims.attempt("k", topic("y"))).await;
        let expected = if survives { Verdict::Duplicate(place("x", 1)) } else { Verdict::Go };
        assert_eq!(found, Ok(expected));
    }
}

#[tokio::test]
async fn a_full_server_is_not_reachable_and_forgets_nothing() {
    let server = RedisServer::start();
    let redis = start(&server).await;
    let claims = redis.claims();
    let [x, y] = ["x", "y"].map(|name| claims.attempt("k", topic(name)));
    claim(&claims, &x).await.unwrap();
    claims.commit(x, place("x", 1)).await.unwrap();
    assert_eq!(server.ask("CONFIG SET maxmemory 1"), "+OK\r\n");
    becomes(&redis, false).await;
    let next = claims.attempt("next", topic("x"));
    assert_eq!(claim(&claims, &next).await, Err(Lost));
    assert!(redis.figures().refusals >= 1);
    assert_eq!(server.ask("CONFIG SET maxmemory 0"), "+OK\r\n");
    becomes(&redis, true).await;
    assert_eq!(claim(&claims, &next).await, Ok(Verdict::Go));
    assert_eq!(claim(&claims, &y).await, Ok(Verdict::Duplicate(place("x", 1))));
}

#[tokio::test]
async fn with_replicas_a_claim_counts_only_if_one_of_them_has_it() {
    // A replica is given the data at once, not after 5 s.
    let master = RedisServer::start_with(&["--repl-diskless-sync-delay", "0"]);
    let port = master.port().to_string();
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]);
    let follows = async {
        while !master.ask("INFO replication").contains("state=online") {
            // Nothing tells when the replica has caught up.
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), follows).await.unwrap();
    let redis = start(&master).await;
    let claims = redis.claims();
    let first = claims.attempt("a", topic("x"));
    let begin = Instant::now();
    // A replica that has just been given the data confirms nothing for a moment.
    while claim(&claims, &first).await != Ok(Verdict::Go) {
        assert!(begin.elapsed() < SOON);
    }
    becomes(&redis, true).await;
    assert!(replica.ask("GET micro-socket:c:a").contains(":x"), "the replica has it");
    replica.signal("STOP");
    let second = claims.attempt("b", topic("x"));
    assert_eq!(claim(&claims, &second).await, Err(Lost));
    becomes(&redis, false).await;
    replica.signal("CONT");
    becomes(&redis, true).await;
    assert_eq!(claim(&claims, &second).await, Ok(Verdict::Go));
    // A gateway that starts would try for longer, since a replica may become the master.
    let Err(refused) = Connection::open(&settings(&replica.url())).await else {
        panic!("a replica is taken for a master")
    };
    let text = refused.to_string();
    assert!(
        text.ends_with("is a replica, found role:slave; the gateway needs the master"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_drops_keys_is_refused_with_both_values() {
    let server = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let text = start_with(settings(&server.url())).await.unwrap_err().to_string();
    assert!(
        text.starts_with(
            "redis.url: maxmemory-policy of the Redis server: found allkeys-lru; needed: noeviction"
        ),
        "{text}"
    );
}

/// As `docs/redis.md` has it.
const RIGHTS: &str = "resetchannels ~micro-socket:* -@all +evalsha +script|load +get +set +del +pttl +hget +hmget +hset +pexpire +time +info +wait +select";

#[tokio::test]
async fn a_user_with_the_documented_rights_is_enough_and_no_error_shows_the_password() {
    assert!(
        include_str!("../../../docs/redis.md").contains(RIGHTS),
        "docs/redis.md has other rights"
    );
    let server = RedisServer::start();
    assert_eq!(server.ask(&format!("ACL SETUSER gateway on >hunter2 {RIGHTS}")), "+OK\r\n");
    assert_eq!(server.ask("ACL SETUSER default off"), "+OK\r\n");
    let url = |user: &str| server.url().replace("redis://", &format!("redis://{user}@"));
    let redis = start_with(settings(&url("gateway:hunter2"))).await.unwrap();
    let claims = redis.claims();
    let attempt = claims.attempt("k", topic("x"));
    assert_eq!(claim(&claims, &attempt).await, Ok(Verdict::Go));
    assert!(matches!(
        claim(&claims, &claims.attempt("k", topic("y"))).await,
        Ok(Verdict::Leased(_))
    ));
    claims.release(attempt.clone());
    assert_eq!(claim(&claims, &attempt).await, Ok(Verdict::Go));
    assert_eq!(claims.commit(attempt, place("x", 1)).await, Ok(place("x", 1)));
    let records = redis.session_records();
    use crate::session::{
        Id,
        records::{RecordName, Records},
    };
    let name = RecordName::Session(Id::parse(&"A".repeat(22)).unwrap());
    let revision = records.put(name, None, vec![1], SOON).await.unwrap();
    assert_eq!(records.get(name).await.unwrap().unwrap().revision, revision);
    for user in ["gateway:hunter3", "hunter3:x"] {
        let text = start_with(settings(&url(user))).await.unwrap_err().to_string();
        assert!(
            text.starts_with("redis.url: the Redis server refuses the gateway: redis://127.0.0.1:")
                && !text.contains("hunter"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn the_address_may_be_in_a_file_of_its_own_and_that_of_a_unix_socket() {
    let (server, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let path = folder.path().join("url");
    std::fs::write(&path, format!("{}\n", server.url())).unwrap();
    let mut config = Config::default();
    config.session.kind = Keeper::Redis;
    config.redis.url_file = Some(path.clone());
    start_with(Settings::new(&config).unwrap().unwrap()).await.unwrap();
    let socket = folder.path().join("socket");
    let _server = RedisServer::start_with(&["--unixsocket", socket.to_str().unwrap()]);
    std::fs::write(&path, format!("unix://{}", socket.display())).unwrap();
    start_with(Settings::new(&config).unwrap().unwrap()).await.unwrap();
    std::fs::write(&path, "http://ann:hunter2@a").unwrap();
    let text = Settings::new(&config).unwrap_err().to_string();
    assert!(text.starts_with("redis.url_file: /") && !text.contains("hunter2"), "{text}");
}

/// The records of sessions, against the contract of every store.
mod session_records {
    use super::*;
    use crate::session::{
        Id, Limits, Shared, Store,
        contract_tests::{Subject, tests_of_store},
        records::{PutError, RecordName, Records},
        shared::Timing,
    };
    use hub::clock::Clock;
    use parking_lot::Mutex;

    struct Real {
        server: RedisServer,
        running: Mutex<Vec<Redis>>,
    }

    impl Real {
        fn new() -> Self {
            Self { server: RedisServer::start(), running: Mutex::default() }
        }
    }

    const TIMING: fn() -> Timing = || Timing {
        lease: Duration::from_secs(1),
        positions: Duration::from_millis(200),
        ..Timing::default()
    };

    impl Subject for Real {
        async fn stores(&self, limits: Limits) -> [Arc<dyn Store>; 2] {
            let mut stores = Vec::<Arc<dyn Store>>::new();
            for _ in 0..2 {
                let redis = start(&self.server).await;
                let records = Arc::new(redis.session_records());
                stores.push(Arc::new(Shared::new(records, limits, TIMING(), Clock::start())));
                self.running.lock().push(redis);
            }
            stores.try_into().unwrap()
        }

        fn ttl(&self) -> Duration {
            Duration::from_secs(1)
        }

        fn notice(&self) -> Duration {
            TIMING().lease / 5 + TIMING().call
        }

        fn positions(&self) -> Duration {
            TIMING().positions
        }

        fn lease(&self) -> Duration {
            TIMING().lease
        }
    }

    tests_of_store!(tokio::test, Real::new(), shared);

    #[tokio::test]
    async fn a_record_has_an_age_and_an_end_by_the_servers_clock() {
        let server = RedisServer::start();
        let redis = start(&server).await;
        let (records, name) =
            (redis.session_records(), RecordName::Session(Id::parse(&"A".repeat(22)).unwrap()));
        let ttl = Duration::from_millis(500);
        let first = records.put(name, None, vec![0, 255], ttl).await.unwrap();
        assert_eq!(records.put(name, None, vec![], ttl).await, Err(PutError::Conflict));
        // Time is the server's.
        sleep(ttl / 2).await;
        let found = records.get(name).await.unwrap().unwrap();
        assert_eq!((found.revision, found.value), (first, vec![0, 255]));
        assert!(found.age >= ttl / 3 && found.age < ttl, "{:?}", found.age);
        sleep(ttl).await;
        assert!(records.get(name).await.unwrap().is_none());
        let stale = records.put(name, Some(first), vec![], ttl).await;
        assert_eq!(stale, Err(PutError::Conflict), "there is no such record");
        let second = records.put(name, None, vec![], ttl).await.unwrap();
        assert_ne!(first, second, "also after it has gone");
    }
}
