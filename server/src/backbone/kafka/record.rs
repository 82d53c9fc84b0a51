//! What gateways write into a partition, and how it is read. A record has the topic as its key, the
//! message's data as its value, and headers:
//!
//! | header | what |
//! |---|---|
//! | `by` | the gateway that wrote it, and its ticket for the answer |
//! | `life` | the life of the numbering in which it was written |
//! | `key`, `id` | of a message: the hash of its user and id, and the id |
//! | `new-life` | of a proposal: the life that is to begin |
//!
//! Records without `key` and `new-life` are barriers: they have a place in the log, and say no more.

use super::{key::Key, life::Life};
use crate::backbone::Message;
use protocol::{MessageId, Topic};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message as _, OwnedHeaders};

const BY: &str = "by";
const LIFE: &str = "life";
const KEY: &str = "key";
const ID: &str = "id";
const NEW_LIFE: &str = "new-life";

/// A number of its own for each gateway that has ever run.
pub(super) type GatewayId = [u8; 8];

/// Who wrote a record: no two records that were written for different reasons have the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct By {
    pub(super) gateway: GatewayId,
    pub(super) ticket: u64,
}

impl By {
    fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.gateway);
        bytes[8..].copy_from_slice(&self.ticket.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (gateway, ticket) = bytes.split_first_chunk::<8>()?;
        let ticket = u64::from_be_bytes(ticket.try_into().ok()?);
        Some(Self { gateway: *gateway, ticket })
    }
}

/// What is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Writing<'a> {
    Message(&'a Message, Key),
    Barrier,
    NewLife(Life),
}

impl Writing<'_> {
    pub(super) fn headers(&self, by: By, life: Option<Life>) -> OwnedHeaders {
        let mut headers = OwnedHeaders::new();
        let mut insert = |key, value: &[u8]| {
            let before = std::mem::take(&mut headers);
            headers = before.insert(Header { key, value: Some(value) });
        };
        insert(BY, &by.encode());
        if let Some(life) = life {
            insert(LIFE, &life.encode());
        }
        match self {
            Self::Message(message, key) => {
                insert(KEY, key);
                insert(ID, message.message_id.as_str().as_bytes());
            }
            Self::NewLife(life) => insert(NEW_LIFE, &life.encode()),
            Self::Barrier => {}
        }
        headers
    }
}

/// A record as it is read. It borrows from the client library's buffer.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) partition: usize,
    pub(super) offset: u64,
    /// Milliseconds since 1970, by the broker's clock if the topic says so.
    pub(super) time: u64,
    /// `None`: another program has written it.
    pub(super) by: Option<By>,
    pub(super) life: Option<Life>,
    pub(super) body: Body<'a>,
}

#[derive(Debug)]
pub(super) enum Body<'a> {
    Message(Read<'a>),
    NewLife(Life),
    Barrier,
    /// Another program has written something that is no message; it is left out.
    Foreign,
}

/// A message as it is read.
#[derive(Debug)]
pub(super) struct Read<'a> {
    pub(super) topic: Topic<'a>,
    pub(super) key: Key,
    pub(super) message_id: MessageId<'a>,
    pub(super) data: &'a str,
}

impl<'a> Entry<'a> {
    pub(super) fn read(message: &'a BorrowedMessage<'_>) -> Self {
        let mut found = Found::default();
        for header in message.headers().iter().flat_map(|headers| headers.iter()) {
            let Some(value) = header.value else { continue };
            match header.key {
                BY => found.by = By::decode(value),
                LIFE => found.life = Life::decode(value),
                KEY => found.key = value.try_into().ok(),
                ID => found.id = std::str::from_utf8(value).ok(),
                NEW_LIFE => found.new_life = Life::decode(value),
                _ => {}
            }
        }
        let body = match (found.by, found.new_life, found.key) {
            (None, ..) => Body::Foreign,
            (_, Some(life), _) => Body::NewLife(life),
            (_, None, None) => Body::Barrier,
            (_, None, Some(key)) => {
                read(key, found.id, message).map_or(Body::Foreign, Body::Message)
            }
        };
        Self {
            partition: usize::try_from(message.partition()).unwrap_or(usize::MAX),
            offset: u64::try_from(message.offset()).unwrap_or(0),
            time: message
                .timestamp()
                .to_millis()
                .map_or(0, |time| u64::try_from(time).unwrap_or(0)),
            by: found.by,
            life: found.life,
            body,
        }
    }

    /// Its number in its topic.
    pub(super) fn seq_no(&self) -> u64 {
        self.offset + 1
    }
}

#[derive(Default)]
struct Found<'a> {
    by: Option<By>,
    life: Option<Life>,
    key: Option<Key>,
    id: Option<&'a str>,
    new_life: Option<Life>,
}

fn read<'a>(key: Key, id: Option<&'a str>, message: &'a BorrowedMessage<'_>) -> Option<Read<'a>> {
    Some(Read {
        topic: Topic::new(std::str::from_utf8(message.key()?).ok()?).ok()?,
        key,
        message_id: MessageId::new(id?).ok()?,
        data: std::str::from_utf8(message.payload()?).ok()?,
    })
}
