//! What the gateway knows of all its connections together. Each part has a lock or counters of its
//! own; none is touched by a publish or a delivery.
//!
//! | module | idea |
//! |---|---|
//! | `connections` | all of them, and the heartbeat |
//! | `per_user` | how many connections each user has |
//! | `unfinished` | what clients that are not set up hold, all of them together |
//! | `replay_rate` | how fast clients catch up |

mod connections;
mod per_user;
mod replay_rate;
mod unfinished;

use crate::config;
use connections::Connections;
use hub::clock::Clock;
use per_user::PerUser;
use replay_rate::ReplayRate;
pub(crate) use replay_rate::Used;
use std::sync::{Arc, atomic::AtomicUsize};
pub(crate) use unfinished::Share;
use unfinished::Unfinished;

/// The connections of one gateway, and what they share.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Those that are served.
    pub(crate) connections: Connections,
    /// Those that are set up, by user.
    pub(crate) per_user: PerUser,
    /// What those have sent that are not set up.
    pub(crate) unfinished: Arc<Unfinished>,
    /// How fast they may catch up.
    pub(crate) replay_rate: ReplayRate,
    /// Pairs of a connection and a topic.
    pub(crate) subscriptions: AtomicUsize,
}

impl Registry {
    /// Without connections.
    pub(crate) fn new(limits: &config::Limits, clock: Clock) -> Self {
        Self {
            connections: Connections::default(),
            per_user: PerUser::new(limits.max_connections_per_user),
            unfinished: Arc::new(Unfinished::new(limits.unfinished_bytes)),
            replay_rate: ReplayRate::new(limits, clock),
            subscriptions: AtomicUsize::new(0),
        }
    }
}
