//! The gateway's protocol with a broker: the numbers of a topic rise, but not by one, and each
//! message names the number before which none is missing (`prevSeqNo`). A subscription proves from
//! them what others prove by counting, so its messages are counted here.

use super::{Event, gateway, payload::digits};
use anyhow::{Context, Result, ensure};
use memchr::{memchr, memmem};

/// The subscriptions of one connection, by stream.
#[derive(Debug, Default)]
pub(super) struct Positions(Vec<Position>);

#[derive(Clone, Copy, Debug, Default)]
struct Position {
    /// The last number; at first, that of `subscribed`.
    number: u64,
    /// Messages so far.
    messages: u64,
}

impl Positions {
    /// The event that a frame contains; the number of a message counts the messages of its
    /// subscription.
    ///
    /// # Errors
    /// If it is an `error`, if a message is lost, repeated or out of order, or if the gateway tells
    /// a loss.
    pub(super) fn event(&mut self, text: &[u8]) -> Result<Event> {
        if let Some(rest) = text.strip_prefix(br#"{"type":"subscribed","topic":""#) {
            ensure!(
                memmem::find(text, br#""recovered":false"#).is_none(),
                "the gateway tells a loss: {}",
                String::from_utf8_lossy(text)
            );
            let (stream, number) = subscribed(rest)
                .with_context(|| format!("no position: {}", String::from_utf8_lossy(text)))?;
            *self.of(stream) = Position { number, messages: 0 };
            return Ok(Event::Answer);
        }
        let event = gateway::event(text)?;
        let Event::Message { stream, number } = event else {
            return Ok(event);
        };
        let before = predecessor(text).unwrap_or(number.saturating_sub(1));
        let position = self.of(stream);
        ensure!(
            before <= position.number && position.number < number,
            "lost or out of order: number {number} behind {before}, at {} of stream {stream}",
            position.number
        );
        position.number = number;
        position.messages += 1;
        Ok(Event::Message { stream, number: position.messages })
    }

    fn of(&mut self, stream: usize) -> &mut Position {
        if self.0.len() <= stream {
            self.0.resize(stream + 1, Position::default());
        }
        &mut self.0[stream]
    }
}

/// The stream and position of a `subscribed`, from the topic's opening quote on.
fn subscribed(rest: &[u8]) -> Option<(usize, u64)> {
    let (topic, rest) = rest.split_at(memchr(b'"', rest)?);
    let index = topic.iter().rposition(|byte| *byte == b'.')?;
    let rest = rest.strip_prefix(br#"","seqNo":"#)?;
    let number = digits(&rest[..memchr(b',', rest)?])?;
    Some((usize::try_from(digits(&topic[index + 1..])?).ok()?, number))
}

/// The `prevSeqNo` of a message, which is behind the payload.
fn predecessor(text: &[u8]) -> Option<u64> {
    const FIELD: &[u8] = br#","prevSeqNo":"#;
    let rest = &text[memmem::rfind(text, FIELD)? + FIELD.len()..];
    digits(&rest[..rest.iter().position(|byte| !byte.is_ascii_digit())?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u64, before: &str) -> Vec<u8> {
        format!(r#"{{"type":"message","topic":"bench.7","seqNo":{number},"messageId":"1","data":"x"{before}}}"#)
            .into_bytes()
    }

    #[test]
    fn messages_are_counted_if_none_is_missing() {
        let mut positions = Positions::default();
        let subscribed = br#"{"type":"subscribed","topic":"bench.7","seqNo":3,"epoch":"a"}"#;
        assert_eq!(positions.event(subscribed).unwrap(), Event::Answer);
        for (count, (number, before)) in
            [(5, r#","prevSeqNo":3"#), (6, ""), (9, r#","prevSeqNo":2"#)].into_iter().enumerate()
        {
            let number_of_messages = count as u64 + 1;
            assert_eq!(
                positions.event(&message(number, before)).unwrap(),
                Event::Message { stream: 7, number: number_of_messages }
            );
        }
        // Lost, repeated, earlier, told.
        assert!(positions.event(&message(12, r#","prevSeqNo":11"#)).is_err());
        assert!(positions.event(&message(12, "")).is_err());
        assert!(positions.event(&message(9, r#","prevSeqNo":6"#)).is_err());
        assert!(positions.event(&message(8, r#","prevSeqNo":6"#)).is_err());
        let loss =
            br#"{"type":"subscribed","topic":"bench.7","seqNo":9,"epoch":"b","recovered":false}"#;
        assert!(positions.event(loss).is_err());
    }
}
