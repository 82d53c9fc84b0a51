//! [`Shared`] against the contract, and against a server that fails in every way that it may.

use super::*;
use crate::session::{
    contract_tests::{Client, Gateway, Subject, had, limits, pass, tests_of_store},
    double::{Faults, Link, Server, When},
    records::RecordName,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::collections::BTreeMap;
use tokio::task::yield_now;

const TTL: Duration = Duration::from_secs(120);

/// Two gateways of a fleet, on virtual time.
struct Fleet {
    faults: Faults,
}

const GOOD: Fleet = Fleet { faults: NO_FAULTS };

const NO_FAULTS: Faults = Faults {
    delay: Duration::from_millis(1),
    stale: When::Never,
    refused: When::Never,
    lost_reply: When::Never,
    hang: When::Never,
};

impl Subject for Fleet {
    async fn stores(&self, limits: Limits) -> [Arc<dyn Store>; 2] {
        let server = Arc::new(Server::default());
        [1, 2].map(|seed| {
            let link = Link::new(server.clone(), seed);
            link.set(self.faults);
            let store = Shared::new(link, limits, Timing::default(), Clock::start());
            Arc::new(store) as Arc<dyn Store>
        })
    }

    fn ttl(&self) -> Duration {
        TTL
    }

    fn notice(&self) -> Duration {
        Timing::default().lease / 5 + Timing::default().call
    }

    fn positions(&self) -> Duration {
        Timing::default().positions
    }

    fn lease(&self) -> Duration {
        Timing::default().lease
    }
}

mod contract {
    use super::*;

    tests_of_store!(tokio::test(start_paused = true), GOOD, shared);
}

/// The same, if reads are often out of date and answers take their time.
mod contract_with_stale_reads {
    use super::*;

    const STALE: Fleet = Fleet {
        faults: Faults {
            delay: Duration::from_millis(20),
            stale: When::Sometimes(0.4),
            ..NO_FAULTS
        },
    };

    tests_of_store!(tokio::test(start_paused = true), STALE, shared);
}

/// A server, and two gateways whose links can be broken.
struct Parts {
    server: Arc<Server>,
    links: [Arc<Link>; 2],
    stores: [Arc<Shared>; 2],
    gateways: [Gateway; 2],
}

fn parts() -> Parts {
    parts_with(1)
}

fn parts_with(seed: u64) -> Parts {
    let server = Arc::new(Server::default());
    let links = [seed, seed + 1].map(|seed| Link::new(server.clone(), seed));
    links.iter().for_each(|link| link.set(NO_FAULTS));
    let stores = links
        .clone()
        .map(|link| Arc::new(Shared::new(link, limits(&GOOD), Timing::default(), Clock::start())));
    let gateways = stores.clone().map(|store| Gateway::new(store));
    Parts { server, links, stores, gateways }
}

#[tokio::test(start_paused = true)]
async fn positions_are_written_once_a_second_and_at_the_end() {
    let Parts { server, gateways: [a, b], .. } = parts();
    let client = a.client("u", None).await;
    client.put("a", 0);
    pass(Duration::from_secs(2)).await;
    let before = server.session_writes();
    for number in 1..=10_000 {
        client.put("a", number);
        pass(Duration::from_millis(1)).await;
    }
    let writes = server.session_writes() - before;
    assert!((9..=10).contains(&writes), "{writes} writes in 10 s");
    let before = server.session_writes();
    let id = client.leave();
    pass(Duration::from_millis(50)).await;
    assert_eq!(server.session_writes() - before, 1, "the last one at once");
    assert_eq!(b.client("u", Some(id)).await.resumed, had(&[("a", 10_000)]));
}

#[tokio::test(start_paused = true)]
async fn a_setup_with_many_topics_is_few_writes() {
    let Parts { server, gateways: [a, _b], .. } = parts();
    let client = a.client("u", None).await;
    let before = server.session_writes();
    for number in 0..500 {
        client.put(Box::leak(format!("t{number}").into_boxed_str()), 0);
        if number % 100 == 0 {
            yield_now().await;
        }
    }
    pass(Duration::from_secs(1)).await;
    assert!(server.session_writes() - before <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_at_rest_costs_no_write_but_its_refresh() {
    let Parts { server, gateways: [a, _b], .. } = parts();
    let client = a.client("u", None).await;
    pass(Duration::from_secs(1)).await;
    let before = server.session_writes();
    pass(Timing::default().refresh * 10).await;
    let writes = server.session_writes() - before;
    assert!((9..=14).contains(&writes), "{writes}");
    assert!(!client.is_overtaken());
}

#[tokio::test(start_paused = true)]
async fn without_records_nothing_is_opened_and_nothing_is_lost() {
    let Parts { links, gateways: [a, b], .. } = parts();
    let (client, leaving) = (a.client("u", None).await, a.client("u", None).await);
    client.put("a", 1);
    leaving.put("a", 1);
    a.flush().await;
    for broken in
        [Faults { refused: When::Always, ..NO_FAULTS }, Faults { hang: When::Always, ..NO_FAULTS }]
    {
        links.iter().for_each(|link| link.set(broken));
        for wanted in [None, Some(client.session.id()), Some(Id::random())] {
            for gateway in [&a, &b] {
                assert_eq!(gateway.open("u", wanted).await.err(), Some(Unavailable));
            }
        }
    }
    client.put("a", 2);
    client.put("b", 1);
    leaving.put("a", 5);
    let left = leaving.leave();
    pass(TTL / 3).await;
    links.iter().for_each(|link| link.set(NO_FAULTS));
    pass(Duration::from_secs(15)).await;
    assert!(!client.is_overtaken());
    assert_eq!(b.client("u", Some(left)).await.resumed, had(&[("a", 5)]));
    assert_eq!(b.client("u", Some(client.vanish())).await.resumed, had(&[("a", 2), ("b", 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_detached_while_the_records_were_away_lives_no_longer() {
    let Parts { links: [link, _], gateways: [a, b], .. } = parts();
    let client = a.client("u", None).await;
    client.put("a", 1);
    a.flush().await;
    link.set(Faults { refused: When::Always, ..NO_FAULTS });
    let id = client.leave();
    pass(TTL * 3 / 4).await;
    link.set(NO_FAULTS);
    pass(TTL * 3 / 8).await;
    assert_eq!(b.client("u", Some(id)).await.resumed, None);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_recognised() {
    let Parts { links: [link, _], gateways: [a, b], .. } = parts();
    let client = a.client("u", None).await;
    link.set(Faults { lost_reply: When::Next(3), ..NO_FAULTS });
    client.put("a", 1);
    pass(Duration::from_secs(5)).await;
    client.put("b", 1);
    pass(Duration::from_secs(1)).await;
    assert!(!client.is_overtaken(), "by itself");
    assert_eq!(b.client("u", Some(client.leave())).await.resumed, had(&[("a", 1), ("b", 1)]));
}

#[tokio::test(start_paused = true)]
async fn an_opening_whose_answer_was_lost_is_found_again() {
    let Parts { server, links: [link_a, link_b], gateways: [a, b], .. } = parts();
    let client = a.client("u", None).await;
    client.put("a", 1);
    b.client("v", None).await.session.end();
    let id = client.leave();
    a.flush().await;
    b.flush().await;
    link_b.set(Faults { lost_reply: When::Next(1), ..NO_FAULTS });
    assert_eq!(b.open("u", Some(id)).await.err(), Some(Unavailable));
    pass(Duration::from_secs(1)).await;
    assert_eq!(b.client("u", Some(id)).await.resumed, had(&[("a", 1)]));
    // One that nobody resumes ends like one that has lost its connection; a new one at once.
    link_a.set(Faults { lost_reply: When::Next(1), ..NO_FAULTS });
    assert_eq!(a.open("u", Some(id)).await.err(), Some(Unavailable));
    link_a.set(Faults { lost_reply: When::Next(1), ..NO_FAULTS });
    assert_eq!(a.open("u", None).await.err(), Some(Unavailable));
    pass(TTL + Duration::from_secs(35)).await;
    a.expire();
    b.expire();
    assert_eq!(a.client("w", Some(id)).await.resumed, None);
    assert!(server.len() <= 4, "leases, an end, and the last client's: {}", server.len());
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_failed_does_not_stand_for_the_next_one() {
    for millis in 1..=20 {
        let Parts { links: [link, _], gateways: [a, b], .. } = parts();
        let client = a.client("u", None).await;
        client.put("a", 1);
        let id = client.leave();
        a.flush().await;
        let delay = Duration::from_millis(millis);
        link.set(Faults { delay, ..NO_FAULTS });
        let refuse_one = async {
            // Both have begun to read the record.
            pass(Duration::ZERO).await;
            link.set(Faults { delay, refused: When::Next(1), ..NO_FAULTS });
        };
        let (first, second, ()) =
            tokio::join!(a.open("u", Some(id)), a.open("u", Some(id)), refuse_one);
        link.set(NO_FAULTS);
        let Ok(client) = first.or(second) else { continue };
        pass(TTL * 2).await;
        a.expire();
        client.put("a", 2);
        pass(Duration::from_secs(5)).await;
        assert!(!client.is_overtaken(), "by an opening of the same generation");
        assert_eq!(b.client("u", Some(client.leave())).await.resumed, had(&[("a", 2)]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_notice_arrives_although_a_replica_does_not_have_the_lease_yet() {
    for seed in 0..20 {
        let Parts { links: [_, link], gateways: [a, b], .. } = parts_with(seed);
        let client = a.client("u", None).await;
        let _next = b.client("u", Some(client.session.id())).await;
        // The first look at the lease finds an older one, or none.
        link.set(Faults { stale: When::Next(1), ..NO_FAULTS });
        client.learns(GOOD.notice()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_heeded_at_once_although_writes_have_failed_for_long() {
    for seconds in 60..80 {
        let Parts { links: [link, _], gateways: [a, b], .. } = parts();
        let client = a.client("u", None).await;
        pass(Duration::from_secs(1)).await;
        link.set(Faults { refused: When::Always, ..NO_FAULTS });
        client.put("a", 1);
        pass(Duration::from_secs(seconds)).await;
        link.set(NO_FAULTS);
        let _next = b.client("u", Some(client.session.id())).await;
        client.learns(GOOD.notice()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_were_lost_are_written_again() {
    let Parts { server, gateways: [a, b], .. } = parts();
    let client = a.client("u", None).await;
    client.put("a", 1);
    a.flush().await;
    server.lose_everything();
    client.put("b", 1);
    pass(Duration::from_secs(5)).await;
    assert!(!client.is_overtaken());
    assert_eq!(b.client("u", Some(client.vanish())).await.resumed, had(&[("a", 1), ("b", 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_no_session() {
    let Parts { server, gateways: [a, b], .. } = parts();
    let client = a.client("u", None).await;
    client.put("a", 1);
    let id = client.leave();
    a.flush().await;
    server.change_values(|name, value| {
        if let RecordName::Session(_) = name {
            value[0] = 200;
        }
    });
    assert_eq!(b.client("u", Some(id)).await.resumed, None);
}

#[tokio::test(start_paused = true)]
async fn without_a_notice_the_overtaken_is_found_by_its_refresh() {
    let Parts { gateways: [a, b], .. } = parts();
    let client = a.client("u", None).await;
    a.flush().await;
    // Its notices are lost with it.
    b.kill();
    pass(Duration::from_secs(1)).await;
    let _new = b.client("u", Some(client.session.id())).await;
    pass(GOOD.notice()).await;
    assert!(!client.is_overtaken(), "no notice came");
    client.learns(Timing::default().refresh).await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_was_away_for_long_does_not_take_its_sessions_back() {
    let Parts { links: [link, _], gateways: [a, b], .. } = parts();
    let (resumed, kept) = (a.client("u", None).await, a.client("u", None).await);
    resumed.put("a", 1);
    kept.put("a", 1);
    a.flush().await;
    link.set(Faults { hang: When::Always, ..NO_FAULTS });
    pass(TTL / 2).await;
    let new = b.client("u", Some(resumed.session.id())).await;
    assert_eq!(new.resumed, had(&[("a", 1)]));
    new.put("a", 2);
    resumed.put("a", 9);
    kept.put("a", 2);
    pass(Duration::from_secs(5)).await;
    link.set(NO_FAULTS);
    resumed.learns(Duration::from_secs(15)).await;
    assert!(!new.is_overtaken() && !kept.is_overtaken());
    assert_eq!(a.client("u", Some(new.leave())).await.resumed, had(&[("a", 2)]));
    assert_eq!(b.client("u", Some(kept.leave())).await.resumed, had(&[("a", 2)]));
}

#[tokio::test(start_paused = true)]
async fn what_a_store_knows_goes_with_its_sessions() {
    let Parts { links, stores, gateways, .. } = parts();
    let [a, b] = &gateways;
    for round in 0..3 {
        let faults =
            Faults { lost_reply: When::Sometimes(0.3), refused: When::Sometimes(0.3), ..NO_FAULTS };
        links.iter().for_each(|link| link.set(faults));
        let mut ids = Vec::new();
        for number in 0..40 {
            let gateway = if number % 2 == 0 { a } else { b };
            let wanted = ids.get(number / 2).copied().filter(|_| round > 0 || number > 10);
            if let Ok(client) = gateway.open("u", wanted).await {
                client.put("a", 1);
                ids.push(client.session.id());
                if number % 3 == 0 {
                    client.session.end()
                } else {
                    client.leave();
                }
            }
        }
    }
    links.iter().for_each(|link| link.set(NO_FAULTS));
    pass(TTL * 2).await;
    for (store, gateway) in stores.iter().zip(&gateways) {
        gateway.expire();
        assert_eq!((store.known.len(), store.ending.load(Relaxed)), (0, 0));
        assert_eq!(store.counts(), Counts { dropped: store.counts().dropped, ..Counts::default() });
        assert!(store.schedule.is_empty());
    }
}

/// What a client may rely on, whatever the server does within its contract.
async fn clients_of_a_faulty_fleet(seed: u64) -> Result<(), TestCaseError> {
    struct Known {
        id: Id,
        client: Option<(usize, Client)>,
        /// The highest position that a client has written, by topic.
        topics: BTreeMap<&'static str, u64>,
        /// Another opening has failed since, which may have taken it over.
        is_doubtful: bool,
    }
    let mut random = StdRng::seed_from_u64(seed);
    let Parts { links, gateways, .. } = parts();
    let mut sessions = Vec::<Known>::new();
    for _ in 0..60 {
        let faults = Faults {
            delay: Duration::from_millis(random.random_range(0..100)),
            stale: *[When::Never, When::Sometimes(0.5)].choose(&mut random).unwrap(),
            refused: *[When::Never, When::Sometimes(0.3), When::Always]
                .choose(&mut random)
                .unwrap(),
            lost_reply: *[When::Never, When::Sometimes(0.3)].choose(&mut random).unwrap(),
            hang: *[When::Never, When::Never, When::Sometimes(0.2)].choose(&mut random).unwrap(),
        };
        let at = random.random_range(0..2);
        if random.random_bool(0.3) {
            links[at].set(if random.random_bool(0.6) { NO_FAULTS } else { faults });
        }
        match random.random_range(0..6) {
            0 if sessions.len() < 5 => {
                if let Ok(client) = gateways[at].open("u", None).await {
                    let (id, client) = (client.session.id(), Some((at, client)));
                    sessions.push(Known {
                        id,
                        client,
                        topics: BTreeMap::new(),
                        is_doubtful: false,
                    });
                }
            }
            1 | 2 if !sessions.is_empty() => {
                let index = random.random_range(0..sessions.len());
                let known = &mut sessions[index];
                if let Some((_, client)) = &known.client
                    && !client.is_overtaken()
                {
                    let topic = *["a", "b", "c"].choose(&mut random).unwrap();
                    let highest = known.topics.entry(topic).or_default();
                    *highest += 1;
                    client.put(topic, *highest);
                }
            }
            3 | 4 if !sessions.is_empty() => {
                let index = random.random_range(0..sessions.len());
                let known = &mut sessions[index];
                let opened = gateways[at].open("u", Some(known.id)).await;
                let Ok(client) = opened else {
                    known.is_doubtful = true;
                    continue;
                };
                let resumed = client.resumed.clone();
                prop_assert!(resumed.is_some(), "it lives, so it is never none");
                for (topic, position) in resumed.into_iter().flatten() {
                    let highest = known.topics.get(topic.as_str());
                    prop_assert!(Some(&position) <= highest, "never less than the client needs");
                }
                (known.client, known.is_doubtful) = (Some((at, client)), false);
            }
            5 if !sessions.is_empty() => {
                let index = random.random_range(0..sessions.len());
                if random.random() {
                    sessions[index].client = None;
                }
            }
            _ => {}
        }
        if random.random_bool(0.5) {
            pass(Duration::from_millis(random.random_range(0..700))).await;
        }
    }
    links.iter().for_each(|link| link.set(NO_FAULTS));
    pass(Duration::from_secs(20)).await;
    for known in &mut sessions {
        let Some((at, client)) = known.client.take() else { continue };
        if known.is_doubtful && client.is_overtaken() {
            prop_assert!(gateways[1 - at].client("u", Some(known.id)).await.resumed.is_some());
            continue;
        }
        prop_assert!(!client.is_overtaken(), "the last one that opened it has it");
        client.put("a", 1000);
        drop(client);
        gateways[at].flush().await;
        let next = gateways[1 - at].client("u", Some(known.id)).await;
        let a = next.resumed.into_iter().flatten().find(|(topic, _)| topic == "a");
        prop_assert_eq!(a, Some(("a".to_owned(), 1000)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_session_survives_a_faulty_server(seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(clients_of_a_faulty_fleet(seed))?;
    }
}
