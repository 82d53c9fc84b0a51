//! What the record of a session says.

use super::encoding::{Reader, Unreadable, Writer};
use crate::{
    chance,
    session::{Fence, Id, Position, records::GatewayId},
};
use indexmap::{IndexMap, IndexSet};
use protocol::{Epoch, Topic, UserId};
use std::{sync::Arc, time::Duration};

/// Which opening of a session a record is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    /// Higher than that of each earlier opening.
    pub(super) generation: u64,
    /// Random. It tells apart two openings of the same generation, of which one does not learn
    /// whether it has won.
    pub(super) nonce: u64,
}

impl Opening {
    /// The first one of a session.
    pub(super) fn first() -> Self {
        Self { generation: 0, nonce: chance::draw() }
    }

    /// The right of the connection that it is for.
    pub(super) fn fence(self, id: Id) -> Fence {
        Fence { id, generation: self.generation, nonce: self.nonce }
    }

    /// The one behind this one.
    pub(super) fn next(self) -> Self {
        Self { generation: self.generation.saturating_add(1), nonce: chance::draw() }
    }
}

/// A session's record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SessionRecord {
    /// The session can be resumed, unless it has expired.
    Kept(Opening, Holder, Kept),
    /// The session has ended. The record stays for a while, so that a gateway that still has the
    /// session attached cannot mistake its end for a loss of data and bring it back.
    Ended(Opening),
}

/// Which gateway has a connection for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// This one.
    Gateway(GatewayId),
    /// None; at the time of the write it had been so for this long.
    NoneFor(Duration),
}

/// What a client finds again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) user: UserId<'static>,
    pub(super) positions: PositionMap,
}

pub(super) type PositionMap = IndexMap<Arc<Topic<'static>>, Position, ahash::RandomState>;

const ATTACHED: u8 = 0;
const DETACHED: u8 = 1;
const ENDED: u8 = 2;

/// The record of a session that can be resumed.
pub(super) fn encode(opening: Opening, holder: Holder, kept: &Kept) -> Vec<u8> {
    let mut writer = match holder {
        Holder::Gateway(gateway) => {
            let mut writer = begin(ATTACHED, opening);
            writer.bytes(&gateway.0);
            writer
        }
        Holder::NoneFor(idle) => {
            let mut writer = begin(DETACHED, opening);
            writer.duration(idle);
            writer
        }
    };
    writer.text(kept.user.as_str());
    // Topics of one stream share their epoch.
    let epochs: IndexSet<&str, ahash::RandomState> =
        kept.positions.values().map(|position| position.epoch.as_str()).collect();
    writer.number(epochs.len() as u64);
    for epoch in &epochs {
        writer.text(epoch);
    }
    writer.number(kept.positions.len() as u64);
    for (topic, position) in &kept.positions {
        let epoch = epochs.get_index_of(position.epoch.as_str()).unwrap_or_default() as u64;
        writer.text(topic.as_str()).number(epoch << 1 | u64::from(position.lost));
        writer.number(position.seq_no);
    }
    writer.finish()
}

/// The record of a session that has ended.
pub(super) fn encode_end(opening: Opening) -> Vec<u8> {
    begin(ENDED, opening).finish()
}

fn begin(tag: u8, opening: Opening) -> Writer {
    let mut writer = Writer::new(tag);
    writer.number(opening.generation).bytes(&opening.nonce.to_be_bytes());
    writer
}

/// Reads a record.
///
/// # Errors
/// [`Unreadable`]
pub(super) fn decode(value: &[u8]) -> Result<SessionRecord, Unreadable> {
    let (tag, mut reader) = Reader::new(value)?;
    let opening =
        Opening { generation: reader.number()?, nonce: u64::from_be_bytes(*reader.array()?) };
    let holder = match tag {
        ATTACHED => Holder::Gateway(GatewayId(*reader.array()?)),
        DETACHED => Holder::NoneFor(reader.duration()?),
        ENDED => {
            reader.finish()?;
            return Ok(SessionRecord::Ended(opening));
        }
        _ => return Err(Unreadable),
    };
    let kept = decode_kept(&mut reader)?;
    reader.finish()?;
    Ok(SessionRecord::Kept(opening, holder, kept))
}

fn decode_kept(reader: &mut Reader<'_>) -> Result<Kept, Unreadable> {
    let user = UserId::new(reader.text()?.to_owned()).map_err(|_| Unreadable)?;
    let mut epochs = Vec::new();
    for _ in 0..reader.count()? {
        let epoch = Epoch::new(reader.text()?.to_owned()).map_err(|_| Unreadable)?;
        epochs.push(Arc::new(epoch));
    }
    let mut positions = PositionMap::default();
    for _ in 0..reader.count()? {
        let topic = Topic::new(reader.text()?.to_owned()).map_err(|_| Unreadable)?;
        let (epoch, seq_no) = (reader.number()?, reader.number()?);
        let lost = epoch & 1 == 1;
        let epoch = usize::try_from(epoch >> 1).ok().and_then(|index| epochs.get(index));
        let epoch = epoch.ok_or(Unreadable)?.clone();
        if positions.insert(Arc::new(topic), Position { epoch, seq_no, lost }).is_some() {
            return Err(Unreadable);
        }
    }
    Ok(Kept { user, positions })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn position() -> impl Strategy<Value = Position> {
        ("[A-Za-z0-9_-]{1,3}", any::<u64>(), any::<bool>()).prop_map(|(epoch, seq_no, lost)| {
            Position { epoch: Arc::new(Epoch::new(epoch).unwrap()), seq_no, lost }
        })
    }

    fn kept() -> impl Strategy<Value = Kept> {
        let topic = "[a-zä€😀/]{1,20}".prop_map(|name| Arc::new(Topic::new(name).unwrap()));
        let positions = prop::collection::vec((topic, position()), 0..20);
        ("[a-zä ]{1,30}", positions).prop_map(|(user, positions)| Kept {
            user: UserId::new(user).unwrap(),
            positions: positions.into_iter().collect(),
        })
    }

    fn record() -> impl Strategy<Value = SessionRecord> {
        let opening = (any::<u64>(), any::<u64>())
            .prop_map(|(generation, nonce)| Opening { generation, nonce });
        let holder = prop_oneof![
            any::<[u8; 16]>().prop_map(|id| Holder::Gateway(GatewayId(id))),
            any::<u64>().prop_map(|millis| Holder::NoneFor(Duration::from_millis(millis))),
        ];
        prop_oneof![
            4 => (opening.clone(), holder, kept())
                .prop_map(|(opening, holder, kept)| SessionRecord::Kept(opening, holder, kept)),
            1 => opening.prop_map(SessionRecord::Ended),
        ]
    }

    fn bytes(record: &SessionRecord) -> Vec<u8> {
        match record {
            SessionRecord::Kept(opening, holder, kept) => encode(*opening, *holder, kept),
            SessionRecord::Ended(opening) => encode_end(*opening),
        }
    }

    proptest! {
        #[test]
        fn a_record_reads_back(record in record()) {
            prop_assert_eq!(decode(&bytes(&record)), Ok(record));
        }

        #[test]
        fn a_record_that_was_cut_or_has_more_is_refused(record in record(), cut in any::<prop::sample::Index>()) {
            let mut bytes = bytes(&record);
            prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())]), Err(Unreadable));
            bytes.push(0);
            prop_assert_eq!(decode(&bytes), Err(Unreadable));
        }

        #[test]
        fn any_bytes_are_read_or_refused(record in record(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = bytes(&record);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = encode_end(Opening::first());
        bytes[0] += 1;
        assert_eq!(decode(&bytes), Err(Unreadable));
    }

    #[test]
    fn a_record_is_small() {
        let epoch = Arc::new(Epoch::new("e".repeat(16)).unwrap());
        let topic = |number| Arc::new(Topic::new(format!("topic-{number:04}")).unwrap());
        let position = |number| Position { epoch: epoch.clone(), seq_no: number, lost: false };
        let positions = (0..1000).map(|number| (topic(number), position(number))).collect();
        let kept = Kept { user: UserId::new("u").unwrap(), positions };
        let bytes = encode(Opening::first(), Holder::Gateway(GatewayId::random()), &kept);
        assert!(bytes.len() < 1000 * (10 + 4) + 64, "{}", bytes.len());
    }
}
