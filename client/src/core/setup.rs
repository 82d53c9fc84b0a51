//! The frame that sets a connection up, with as many topics and positions as fit into it.

use super::subscription::{Stage, Subscriptions};
use protocol::{ClientFrame, Setup};
use std::borrow::Cow;

/// The most that a gateway reads before the setup.
const BEFORE_SETUP: usize = 64 * 1024;
/// Of one topic: the keys and punctuation in three maps, and two numbers of 16 digits.
const OVERHEAD: usize = 64;

/// Writes the setup and marks the topics in it as asked for. The others are subscribed to by
/// frames of their own after `ready`.
pub(super) fn first(
    token: &str,
    session: Option<&str>,
    max_frame: Option<u64>,
    subscriptions: &mut Subscriptions,
) -> String {
    let mut setup = Setup {
        token: Cow::Borrowed(token),
        session_id: session.map(Cow::Borrowed),
        ..Setup::default()
    };
    let limit = max_frame.and_then(|max| usize::try_from(max).ok()).unwrap_or(BEFORE_SETUP);
    let mut room = limit.min(BEFORE_SETUP).saturating_sub(written(&setup).len() + OVERHEAD);
    for subscription in subscriptions.iter_mut() {
        let name = serde_json::to_string(&subscription.topic).map_or(0, |json| json.len());
        let epoch = subscription.position.as_ref().and_then(|position| position.epoch.as_ref());
        let maps = [subscription.position.is_some(), epoch.is_some(), subscription.last.is_some()];
        let names = 1 + maps.iter().filter(|is_named| **is_named).count();
        let size = names * name + epoch.map_or(0, |epoch| epoch.as_str().len()) + OVERHEAD;
        if size > room {
            continue;
        }
        room -= size;
        let key = || Cow::Owned(subscription.topic.as_str().to_owned());
        setup.topics.push(key());
        if let Some(position) = &subscription.position {
            setup.last_seq.insert(key(), position.seq_no);
        }
        if let Some(epoch) = epoch {
            setup.epoch.insert(key(), epoch.clone());
        }
        if let Some(last) = subscription.last {
            setup.last.insert(key(), last);
        }
        subscription.stage = Stage::Asked;
    }
    written(&setup)
}

/// The setup that renews the token of a running connection.
pub(super) fn renewal(token: &str) -> String {
    written(&Setup { token: Cow::Borrowed(token), ..Setup::default() })
}

fn written(setup: &Setup<'_>) -> String {
    super::text(&ClientFrame::Setup(setup.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Start;
    use protocol::{SeqNo, Topic};

    #[test]
    fn a_setup_fits_whatever_the_topics_are() {
        let mut subscriptions = Subscriptions::default();
        for number in 0..2000 {
            let name = format!("{number}{}", "\"".repeat(number % 200));
            let start = Start::After(SeqNo::new(SeqNo::MAX).unwrap());
            subscriptions.add(Topic::new(name).unwrap(), start);
        }
        let text = first("me", Some("session"), None, &mut subscriptions);
        assert!(text.len() <= BEFORE_SETUP, "{}", text.len());
        assert!(text.len() > BEFORE_SETUP / 2, "{}", text.len());
        let asked = subscriptions.iter_mut().filter(|one| one.stage == Stage::Asked).count();
        let setup: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(setup["topics"].as_array().unwrap().len(), asked);
        subscriptions.reset();
        assert!(first("me", None, Some(4096), &mut subscriptions).len() <= 4096);
    }
}
