//! The core: topics with one order each, their subscribers, and the fan-out. Knows neither HTTP nor
//! axum nor sockets nor a runtime: plain function calls drive it, the time is handed in, and a
//! subscriber is anything that takes bytes ([`Sink`]).
//!
//! How a message travels: [`Topic::append`] numbers it and puts it, encoded once, behind the
//! topic's pending bytes. Whoever appended first also gets the [`FanOut`], the topic's *right to
//! fan out*, and drives it pass by pass until nothing is left; what others append meanwhile leaves
//! with the next pass. So there is one order without a task, a channel or a wake-up per topic, and
//! a burst costs one write per subscriber, not one per message.
//!
//! | module | idea |
//! |---|---|
//! | [`directory`] | which topics exist: the limit, and how long an unused one is remembered |
//! | [`topic`] | one topic: numbering, pending bytes, who is subscribed |
//! | [`fan_out`] | the right to fan out, and its passes |
//! | [`history`] | the last messages of a topic, for replay |
//! | `pending` | bytes that are numbered and not yet fanned out |
//! | [`owner`] | whose a topic is, and what an owner has |
//! | `shared`, `kept` | what all topics share: which are idle, which have to be trimmed, which owner holds most |

pub mod directory;
pub mod fan_out;
pub mod history;
mod kept;
pub mod owner;
mod pending;
mod shared;
pub mod topic;

pub use directory::{Directory, TooManyTopics};
pub use fan_out::{FanOut, Step};
pub use owner::Owner;
pub use topic::{Appended, CatchUp, Joined, Retired, Sink, Start, Subscription, Topic};

#[cfg(test)]
mod model;
