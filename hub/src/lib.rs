//! Topics with one order each, their subscribers, the fan-out, and the last messages for replay.
//! Knows neither HTTP nor sockets nor a runtime: plain function calls drive it, the time comes from
//! a clock that tests can move, and a subscriber is any type that takes bytes ([`Sink`]).
//!
//! How a message travels: [`Topic::append`] numbers it, encodes it once as a WebSocket frame, and
//! puts it behind the topic's pending bytes. The first caller that appends also gets the
//! [`FanOut`], the topic's *right to fan out*, and drives it pass by pass until nothing is pending;
//! messages that other callers append meanwhile are delivered by the next pass. So a topic has one
//! order without a task, a channel or a wake-up of its own, and a burst costs one write per
//! subscriber, not one per message.
//!
//! ```
//! use bytes::Bytes;
//! use hub::{
//!     CatchUp, Directory, Instruments, Owner, Sink, Start, Step,
//!     clock::Clock,
//!     directory,
//!     history::{self, Budget},
//!     topic::Liveness,
//! };
//! use protocol::{Epoch, MessageId, Position, SeqNo, Topic};
//! use std::{
//!     sync::{Arc, Mutex},
//!     time::Duration,
//! };
//!
//! /// A subscriber that keeps what it gets; a gateway would write it to a socket.
//! #[derive(Debug, Default)]
//! struct Inbox(Mutex<Vec<u8>>);
//!
//! impl Sink for Inbox {
//!     fn deliver(&self, subscription: &Liveness, frames: &Bytes) {
//!         let mut inbox = self.0.lock().unwrap();
//!         if subscription.is_live() {
//!             inbox.extend_from_slice(frames);
//!         }
//!     }
//! }
//!
//! let clock = Clock::start();
//! let limits = directory::Limits {
//!     max_topics: 1000,
//!     max_topics_per_user: 100,
//!     meta_ttl: Duration::from_secs(3600),
//!     topic_backlog: 1 << 20,
//!     history_bytes: 1 << 20,
//! };
//! let kept = history::Limits { messages: 100, age: Duration::from_secs(60), bytes: 1 << 16 };
//! let new_epoch = || Epoch::new("a-random-name").unwrap();
//! let directory = Directory::<Inbox>::new(
//!     limits,
//!     Box::new(move |_topic| kept),
//!     clock,
//!     new_epoch,
//!     Instruments::default(),
//! );
//!
//! // A topic is created by its first use, here by two subscribers.
//! let name = Topic::new("prices.eur").unwrap();
//! let (ada, bob) = (Arc::new(Inbox::default()), Arc::new(Inbox::default()));
//! let join = |sink: &Arc<Inbox>, start: Start<'_>| {
//!     directory.with(&name, Owner::User("ada"), &mut None, |topic| topic.join(sink.clone(), start))
//! };
//! let _ada = join(&ada, Start::NOW).unwrap();
//! let left = join(&bob, Start::NOW).unwrap();
//!
//! // Number 1 goes to both; then Bob leaves, and misses number 2.
//! let publish = |id: &str, data: &str| {
//!     let id = MessageId::new(id).unwrap();
//!     let appended = directory
//!         .with(&name, Owner::User("ada"), &mut None, |topic| topic.append(clock.now(), &id, data))
//!         .unwrap();
//!     if let Some(mut fan_out) = appended.fan_out {
//!         while fan_out.step() != Step::Done {}
//!     }
//!     appended.seq_no
//! };
//! assert_eq!(publish("a", "1.08"), 1);
//! assert_eq!(*ada.0.lock().unwrap(), *bob.0.lock().unwrap());
//! let epoch = left.epoch.clone();
//! drop(left);
//! assert_eq!(publish("b", "1.09"), 2);
//!
//! // Bob returns and resumes behind number 1: nothing is missing, and he catches up.
//! let position = Position { last_seq: SeqNo::new(1).unwrap(), epoch: Some(epoch.as_str()) };
//! let mut resumed = join(&bob, Start { position: Some(position), ..Start::NOW }).unwrap();
//! assert_eq!((resumed.recovered, resumed.subscription.is_behind()), (Some(true), true));
//! let budget = Budget { bytes: 1 << 16, messages: 100 };
//! let caught_up = resumed.subscription.catch_up(None, budget, &mut bob.0.lock().unwrap());
//! assert_eq!(caught_up, CatchUp::Live { messages: 1 });
//! assert_eq!(*ada.0.lock().unwrap(), *bob.0.lock().unwrap());
//! ```
//!
//! | module | idea |
//! |---|---|
//! | [`directory`] | the topics that exist: their limit, and how long an unused topic is remembered |
//! | [`topic`] | one topic: numbering, pending bytes, subscribers |
//! | [`fan_out`] | the right to fan out, and its passes |
//! | [`history`] | the last messages of a topic, for replay |
//! | `pending` | bytes that are numbered and not yet fanned out |
//! | [`owner`] | the owners of topics, and what each of them holds |
//! | `shared`, `histories` | state of all topics: which are idle, which have to be trimmed, which owner holds most |
//! | [`instruments`] | signing messages and counting deliveries, both handed in |
//! | [`clock`] | the time since the gateway began, as a small number |
//! | [`by_age`], [`slot`] | entries in the order of their age, all together and per owner |
//! | [`grain`] | the sizes into which work and memory are divided, small in tests |

pub mod by_age;
pub mod clock;
pub mod directory;
pub mod fan_out;
pub mod grain;
mod histories;
pub mod history;
pub mod instruments;
pub mod owner;
mod pending;
mod shared;
pub mod slot;
pub mod topic;

pub use directory::{Directory, TooManyTopics};
pub use fan_out::{FanOut, Step};
pub use instruments::{Instruments, Observer, Sign};
pub use owner::Owner;
pub use topic::{Appended, CatchUp, Joined, Retired, Sink, Start, Subscription, Topic};

#[cfg(test)]
mod model;
