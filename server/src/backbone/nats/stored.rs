//! A stored message as the server hands it out, live or from the stream: the number, the predecessor
//! and the time are headers.

use super::key;
use crate::backbone::Record;
use async_nats::{HeaderMap, Message};
use protocol::{Epoch, MessageId};
use serde_json::value::RawValue;
use std::{sync::Arc, time::Duration};

const SUBJECT: &str = "Nats-Subject";
const SEQUENCE: &str = "Nats-Sequence";
const PREDECESSOR: &str = "Nats-Last-Sequence";
const TIME: &str = "Nats-Time-Stamp";

/// A message of the stream, of any subject.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// Where it was published.
    pub(super) subject: String,
    pub(super) seq_no: u64,
    /// Live: the number of the subject's message before it, 0 if there is none (any more). From the
    /// stream: the number of the message before it in the same answer.
    pub(super) before: u64,
    message: Message,
}

impl Stored {
    /// `None`: it lacks what the server adds.
    pub(super) fn read(message: Message) -> Option<Self> {
        let headers = message.headers.as_ref()?;
        Some(Self {
            subject: headers.get(SUBJECT)?.as_str().to_owned(),
            seq_no: number(headers, SEQUENCE)?,
            before: number(headers, PREDECESSOR).unwrap_or(0),
            message,
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        Some(self.message.headers.as_ref()?.get(name)?.as_str())
    }

    /// `None`: it was not published by a gateway.
    pub(super) fn message_id(&self) -> Option<MessageId<'static>> {
        key::message_id(self.header(key::HEADER)?)
    }

    /// What it contains.
    pub(super) fn payload(&self) -> &[u8] {
        &self.message.payload
    }

    /// The bytes that it takes, headers included.
    pub(super) fn size(&self) -> usize {
        self.message.length
    }

    /// `now` by the server's clock.
    pub(super) fn age(&self, now: Duration) -> Duration {
        let stored = self.header(TIME).and_then(parse_time);
        stored.map_or(Duration::ZERO, |stored| now.saturating_sub(stored))
    }

    /// As a topic's record, `now` by the server's clock. `None`: another program has published something that is no message, which
    /// is left out.
    pub(super) fn record(
        &self,
        epoch: &Arc<Epoch<'static>>,
        prev: Option<u64>,
        now: Duration,
    ) -> Option<Record> {
        let text = std::str::from_utf8(self.payload()).ok()?;
        Some(Record {
            epoch: epoch.clone(),
            seq_no: self.seq_no,
            prev,
            message_id: self.message_id()?,
            data: RawValue::from_string(text.to_owned()).ok()?,
            age: self.age(now),
        })
    }
}

/// A header that is a number.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}

/// `2026-11-28T05:04:03.849266904Z` as the time since 1970; the server writes UTC.
pub(super) fn parse_time(text: &str) -> Option<Duration> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?.parse::<u64>().ok()?, time.next()?.parse::<u64>().ok()?);
    let seconds: f64 = time.next()?.parse().ok()?;
    let days = u64::try_from(days_since_1970(year, month, day)?).ok()?;
    let whole = days * 86_400 + hour * 3_600 + minute * 60;
    Some(Duration::from_secs(whole) + Duration::try_from_secs_f64(seconds).ok()?)
}

/// By the Gregorian calendar, with years that begin in March: then a leap day is the last of its
/// year.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let seconds = |text| parse_time(text).map(|time| time.as_secs());
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:00:01Z"), Some(951_825_601));
        assert_eq!(seconds("2026-11-28T05:04:03.849266904Z"), Some(1_795_842_243));
        let exact = parse_time("1970-01-01T00:00:00.25Z").unwrap();
        assert_eq!(exact, Duration::from_millis(250));
        for other in ["", "2026-11-28", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00Z", "x"] {
            assert_eq!(parse_time(other), None, "{other}");
        }
    }
}
