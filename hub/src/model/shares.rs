//! The state that topics share, and the part of it that one owner may take, against a plain list.

use super::*;

const TOPICS: usize = 12;

#[derive(Debug, Clone)]
enum Action {
    Append(usize, usize),
    Join(usize, usize),
    Leave(prop::sample::Index),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..OWNERS.len(), 0..TOPICS).prop_map(|(owner, topic)| Action::Append(owner, topic)),
        2 => (0..OWNERS.len(), 0..TOPICS).prop_map(|(owner, topic)| Action::Join(owner, topic)),
        2 => any::<prop::sample::Index>().prop_map(Action::Leave),
    ]
}

/// A topic in the model.
#[derive(Debug)]
struct Known {
    topic: usize,
    owner: usize,
    subscribers: usize,
    /// The step in which it was last used without a subscriber.
    used: usize,
}

/// The model: all topics that exist.
#[derive(Debug, Default)]
struct Model(Vec<Known>);

impl Model {
    fn find(&mut self, topic: usize) -> Option<&mut Known> {
        self.0.iter_mut().find(|known| known.topic == topic)
    }

    /// The topic; it is created if it does not exist.
    fn using(
        &mut self,
        limits: &Limits,
        owner: usize,
        topic: usize,
        step: usize,
    ) -> Result<&mut Known, TooManyTopics> {
        if self.find(topic).is_none() {
            let own = self.0.iter().filter(|known| known.owner == owner).count();
            if owner != 0
                && own == limits.max_topics_per_user
                && !self.forget(|known| known.owner == owner)
            {
                return Err(TooManyTopics::OfUser(limits.max_topics_per_user));
            }
            if self.0.len() == limits.max_topics && !self.forget(|_| true) {
                return Err(TooManyTopics::OfAll(limits.max_topics));
            }
            self.0.push(Known { topic, owner, subscribers: 0, used: step });
        }
        Ok(self.find(topic).unwrap())
    }

    /// Forgets the topic that has been unused for the longest, of those that `which` selects.
    fn forget(&mut self, which: impl Fn(&Known) -> bool) -> bool {
        let unused =
            self.0.iter().enumerate().filter(|(_, known)| known.subscribers == 0 && which(known));
        let Some((oldest, _)) = unused.min_by_key(|(_, known)| known.used) else { return false };
        self.0.remove(oldest);
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Time moves with each step, so that exactly one topic is "unused for the longest".
    #[test]
    fn topics_belong_to_who_brought_them_and_only_their_owner_or_all_of_them_push_them_out(
        actions in prop::collection::vec(action(), 1..150),
        max_topics in 3..9usize,
        max_topics_per_user in 1..4usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let limits = Limits { max_topics, max_topics_per_user, ..LIMITS };
        let _inside = runtime.enter();
        let (directory, mut model) = (with_limits(limits, history::Limits::NONE), Model::default());
        let (reader, mut joined) = (Arc::<Reader>::default(), Vec::new());
        for (step, action) in actions.into_iter().enumerate() {
            runtime.block_on(tokio::time::advance(Duration::from_millis(1)));
            match action {
                Action::Append(owner, topic) => {
                    let expected = model.using(&limits, owner, topic, step).map(|known| {
                        if known.subscribers == 0 {
                            known.used = step;
                        }
                    });
                    prop_assert_eq!(append_as(&directory, OWNERS[owner], topic).map(drop), expected);
                }
                Action::Join(..) if joined.len() == TOPICS => {}
                Action::Join(owner, topic) => {
                    let expected = model.using(&limits, owner, topic, step).map(|known| known.subscribers += 1);
                    let found = directory.with(&name(topic), OWNERS[owner], &mut None, |found| found.join(Arc::clone(&reader), Start::NOW));
                    prop_assert_eq!(found.map(|found: Joined<Reader>| joined.push((topic, found.subscription))), expected);
                }
                Action::Leave(_) if joined.is_empty() => {}
                Action::Leave(index) => {
                    let (topic, subscription) = joined.remove(index.index(joined.len()));
                    drop(subscription);
                    let known = model.find(topic).unwrap();
                    known.subscribers -= 1;
                    if known.subscribers == 0 {
                        known.used = step;
                    }
                }
            }
            directory.audit();
            let mut exist: Vec<_> = directory.sizes().into_iter().map(|(name, ..)| name).collect();
            exist.sort();
            let mut expected: Vec<_> = model.0.iter().map(|known| name(known.topic).to_string()).collect();
            expected.sort();
            prop_assert_eq!(exist, expected);
        }
    }
}

/// Memory that one segment of a history takes in these tests, at most: the amount that a topic
/// gives at once.
const SEGMENT: usize = 1000;

const TOTAL: usize = 12_000;

fn publish(directory: &Directory<Reader>, owner: usize, topic: usize, len: usize) {
    let (id, data) = (MessageId::new("m").unwrap(), format!("\"{}\"", "x".repeat(len)));
    let append = |topic: &Arc<Topic<Reader>>| topic.append(topic.shared().now(), &id, &data);
    drop(directory.with(&name(topic), OWNERS[owner], &mut None, append).unwrap());
}

fn endless() -> Directory<Reader> {
    let history =
        history::Limits { messages: usize::MAX, age: Duration::from_secs(3600), bytes: usize::MAX };
    with_limits(Limits { history_bytes: TOTAL, ..LIMITS }, history)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_owner_that_holds_most_gives_first_from_its_largest_topics(
        publishes in prop::collection::vec((0..OWNERS.len(), 0..TOPICS, 1..300usize), 1..300),
    ) {
        let directory = endless();
        for (owner, topic, len) in publishes {
            let before: HashMap<_, _> = directory.sizes().into_iter().map(|(name, _, bytes)| (name, bytes)).collect();
            publish(&directory, owner, topic, len);
            directory.audit();
            prop_assert!(directory.history_bytes() <= TOTAL);
            let sizes = directory.sizes();
            let held = |owner: u64| sizes.iter().filter(|size| size.1 == owner).map(|size| size.2).sum::<usize>();
            let gave = sizes.iter().filter(|(found, _, bytes)| *found != name(topic).as_str() && *bytes < before[found]);
            for (found, owner, bytes) in gave {
                let most = sizes.iter().map(|size| held(size.1)).max().unwrap();
                prop_assert!(held(*owner) + SEGMENT >= most, "{found} gave, and another owner holds {most} in {sizes:?}");
                let largest = sizes.iter().filter(|size| size.1 == *owner).map(|size| size.2).max().unwrap();
                // All sizes below four kilobytes have the same class.
                prop_assert!(2 * (bytes + SEGMENT).max(2048) > largest, "{found} gave, with {bytes} of {largest}");
            }
            prop_assert_eq!(directory.history_of_one(), sizes.iter().map(|size| held(size.1)).max().unwrap());
        }
    }
}

#[test]
fn a_user_that_floods_takes_nothing_of_the_history_of_others() {
    let directory = endless();
    (0..3).for_each(|topic| publish(&directory, 1, topic, 100));
    let of_others = |directory: &Directory<Reader>| {
        directory.sizes().into_iter().filter(|(name, ..)| name.len() == 2).collect::<Vec<_>>()
    };
    let mut before = of_others(&directory);
    for topic in 10..100 {
        (0..10).for_each(|_| publish(&directory, 2, topic, 100));
    }
    let mut after = of_others(&directory);
    before.sort();
    after.sort();
    assert_eq!(before, after);
    assert!(
        directory.history_bytes() > TOTAL - 2 * SEGMENT && directory.history_given() > 0,
        "as much as there may be is kept"
    );
}

#[test]
fn a_topic_that_was_large_and_is_not_any_more_gives_nothing() {
    let history =
        history::Limits { messages: 100, age: Duration::from_secs(3600), bytes: usize::MAX };
    let directory = with_limits(Limits { history_bytes: 60_000, ..LIMITS }, history);
    let size = |topic| {
        directory
            .sizes()
            .into_iter()
            .find(|size| size.0 == name(topic).as_str())
            .map_or(0, |size| size.2)
    };
    (0..100).for_each(|_| publish(&directory, 1, 1, 300));
    let peak = size(1);
    (0..100).for_each(|_| publish(&directory, 1, 1, 100));
    let shrunk = size(1);
    assert!(peak > 1 << 15 && shrunk < 1 << 15, "{peak} {shrunk}: from one class to the next one");
    while directory.history_given() == 0 {
        publish(&directory, 1, 2, 300);
    }
    assert!(size(2) > 1 << 15);
    assert_eq!(size(1), shrunk);
}

#[tokio::test(start_paused = true)]
async fn what_expires_all_at_once_goes_in_pieces() {
    let history = history::Limits { messages: 10, age: Duration::from_secs(60), bytes: usize::MAX };
    let directory = with_limits(LIMITS, history);
    (0..1000).for_each(|topic| publish(&directory, 1, topic, 1));
    tokio::time::advance(Duration::from_secs(60)).await;
    let mut before = directory.history_bytes();
    let mut pieces = 0;
    while directory.expire_some() {
        let freed = before - directory.history_bytes();
        assert!(freed > 0 && freed * 3 < 1000 * 400, "a piece");
        before = directory.history_bytes();
        pieces += 1;
    }
    assert_eq!((directory.history_bytes(), pieces), (0, 3));
    directory.audit();
    tokio::time::advance(Duration::from_secs(60)).await;
    let mut left = directory.len();
    assert_eq!(left, 1000);
    while directory.expire_some() {
        assert!(left - directory.len() <= 256, "a piece");
        left = directory.len();
    }
    assert!(directory.is_empty() && directory.owners() == 0);
}

/// All topics were used since they were listed: to find the one that has been unused for the
/// longest, each of them would have to be looked at.
#[tokio::test(start_paused = true)]
async fn room_for_a_topic_is_made_by_looking_at_a_bounded_number() {
    const EXIST: usize = 1000;
    let directory = directory(EXIST);
    for topic in (0..EXIST).chain((0..EXIST).rev()) {
        tokio::time::advance(Duration::from_millis(1)).await;
        let _nobody = append(&directory, topic).unwrap();
    }
    assert_eq!(append(&directory, EXIST).unwrap().seq_no, 1);
    assert_eq!(directory.len(), EXIST);
    let goes = (0..EXIST).find(|topic| directory.find(&name(*topic)).is_none());
    assert_eq!(goes, Some(128));
}

/// A shared log numbers it: its history is also kept there, so the history may be dropped together
/// with the topic.
#[tokio::test(start_paused = true)]
async fn an_adopted_topic_counts_for_who_asked_for_it_and_is_forgotten_with_its_history() {
    let history =
        history::Limits { messages: 10, age: Duration::from_secs(3600), bytes: usize::MAX };
    let directory = with_limits(Limits { max_topics_per_user: 1, ..LIMITS }, history);
    let adopt = |number: usize| {
        let head = topic::Head { epoch: Epoch::new("e").unwrap(), seq_no: 5, message_id: None };
        directory.adopt(&name(number), OWNERS[1], head, topic::Attachment(Box::new(())))
    };
    let (id, first) = (MessageId::new("m").unwrap(), adopt(1).unwrap());
    let record = topic::Record {
        epoch: "e",
        seq_no: 6,
        prev: Some(5),
        message_id: &id,
        data: "1",
        published: crate::clock::Micros(0),
    };
    assert!(matches!(first.receive(&record), topic::Received::Taken { fan_out: None, .. }));
    directory.audit();
    let subscription = first.join(Arc::<Reader>::default(), Start::NOW).unwrap().subscription;
    directory.audit();
    assert_eq!(directory.limit_reached(OWNERS[1]), Some(TooManyTopics::OfUser(1)));
    assert_eq!(adopt(2).unwrap_err(), TooManyTopics::OfUser(1));
    assert_eq!(directory.limit_reached(OWNERS[2]), None);
    drop(subscription);
    assert_eq!(directory.limit_reached(OWNERS[1]), None, "there is one that can go");
    let _second = adopt(2).unwrap();
    directory.audit();
    assert_eq!((directory.find(&name(1)).is_none(), directory.history_bytes()), (true, 0));
}
