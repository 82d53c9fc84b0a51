use super::*;
use crate::masked::masked;
use proptest::prelude::*;

const MAX: usize = 70_000;

/// The content of an event, independent of the buffer that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Text(text) => Self::Text(text.into()),
            Event::Binary(bytes) => Self::Binary(bytes.into()),
            Event::Ping(bytes) => Self::Ping(bytes.into()),
            Event::Pong(bytes) => Self::Pong(bytes.into()),
            Event::Close(close) => Self::Close(close.map(|c| (c.code, c.reason.into()))),
        }
    }
}

fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    masked(first, payload, [1, 2, 3, 4])
}

/// Decodes `bytes`, handed over in pieces of these lengths, the last one for all remaining bytes.
fn decode(bytes: &[u8], pieces: &[usize]) -> (Vec<Seen>, Result<Decoder, Violation>) {
    let (mut decoder, mut seen, mut rest) = (Decoder::new(MAX), Vec::new(), bytes);
    let mut pieces = pieces.iter().copied();
    while !rest.is_empty() {
        let len = pieces.next().unwrap_or(rest.len()).clamp(1, rest.len());
        let mut piece = rest[..len].to_vec();
        rest = &rest[len..];
        let mut at = 0;
        while at < piece.len() {
            match decoder.decode(&mut piece[at..]) {
                Ok((used, event)) => {
                    assert!(used > 0, "no progress");
                    at += used;
                    seen.extend(event.map(Seen::from));
                }
                Err(violation) => return (seen, Err(violation)),
            }
        }
    }
    decoder.release();
    (seen, Ok(decoder))
}

fn violation(bytes: &[u8]) -> Violation {
    let whole = decode(bytes, &[]).1.map(|_| ()).expect_err("a violation");
    let single: Vec<usize> = vec![1; bytes.len()];
    assert_eq!(decode(bytes, &single).1.map(|_| ()), Err(whole), "the same byte by byte");
    whole
}

#[test]
fn violations() {
    let protocol =
        |bytes: &[u8]| assert!(matches!(violation(bytes), Violation::Protocol(_)), "{bytes:?}");
    protocol(&plain(0xC1, b"reserved bit"));
    protocol(&plain(0x83, b"opcode 3"));
    protocol(&plain(0x8B, b"opcode 11"));
    protocol(&[0x81, 2, b'n', b'o']);
    protocol(&plain(0x09, b"a ping in fragments"));
    protocol(&plain(0x89, &[0; 126]));
    protocol(&plain(0x80, b"continues nothing"));
    protocol(&[plain(0x01, b"a"), plain(0x81, b"b")].concat());
    protocol(&[0x81, 0x80 | 126, 0, 5, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    protocol(&[0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    protocol(&plain(0x88, &[3]));
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        protocol(&plain(0x88, &code.to_be_bytes()));
    }
    assert_eq!(violation(&plain(0x81, &[0xC3, 0x28])), Violation::NotUtf8);
    assert_eq!(violation(&plain(0x88, &[0x03, 0xE8, 0xFF])), Violation::NotUtf8);
    assert_eq!(violation(&plain(0x81, &vec![b'x'; MAX + 1])), Violation::TooLarge(MAX));
    let halves =
        [plain(0x01, &vec![b'x'; MAX / 2 + 1]), plain(0x80, &vec![b'x'; MAX / 2])].concat();
    assert_eq!(violation(&halves), Violation::TooLarge(MAX));
}

#[test]
fn an_announced_length_takes_no_memory() {
    let mut header = vec![0x81, 0x80 | 127];
    header.extend((MAX as u64).to_be_bytes());
    header.extend([0, 0, 0, 0, b'x']);
    let (seen, decoder) = decode(&header, &[]);
    assert!(seen.is_empty());
    assert!(decoder.unwrap().partial.unwrap().message.capacity() < 64);
}

#[test]
fn text_is_refused_with_the_byte_that_cannot_be_right() {
    let whole = plain(0x81, b"text \xF4\x90 and more");
    let shows = 6 + 7;
    assert!(decode(&whole[..shows - 1], &[]).1.is_ok());
    assert_eq!(decode(&whole[..shows], &[]).1.err(), Some(Violation::NotUtf8));
    assert_eq!(decode(&whole[..shows], &[shows - 1, 1]).1.err(), Some(Violation::NotUtf8));
    let fragments = [plain(0x01, b"text \xF4"), plain(0x00, b"\x90")].concat();
    assert_eq!(violation(&fragments), Violation::NotUtf8);
}

#[test]
fn every_violation_has_a_close_code() {
    let codes = [Violation::Protocol(""), Violation::NotUtf8, Violation::TooLarge(1)]
        .map(Violation::close_code);
    assert_eq!(codes, [1002, 1007, 1009]);
}

#[test]
fn control_frames_may_stand_between_fragments() {
    let bytes = [
        plain(0x01, "ä".as_bytes().split_at(1).0),
        plain(0x89, b"p"),
        plain(0x80, "ä".as_bytes().split_at(1).1),
    ]
    .concat();
    for pieces in [vec![], vec![1; bytes.len()]] {
        let (seen, decoder) = decode(&bytes, &pieces);
        assert_eq!(seen, [Seen::Ping(b"p".into()), Seen::Text("ä".into())]);
        assert!(decoder.unwrap().partial.is_none(), "nothing at rest");
    }
}

/// A regression: the second message was taken for one inside of the first.
#[test]
fn a_header_may_arrive_without_its_payload() {
    let bytes = [plain(0x81, b"a"), plain(0x81, b"b")].concat();
    let (seen, decoder) = decode(&bytes, &[6, 1, 6, 1]);
    assert_eq!(seen, [Seen::Text("a".into()), Seen::Text("b".into())]);
    assert!(decoder.unwrap().partial.is_none(), "nothing at rest");
}

#[test]
fn close_codes() {
    assert_eq!(decode(&plain(0x88, b""), &[]).0, [Seen::Close(None)]);
    assert_eq!(
        decode(&plain(0x88, b"\x0F\xA0bye"), &[]).0,
        [Seen::Close(Some((4000, "bye".into())))]
    );
}

fn message() -> impl Strategy<Value = (Vec<Vec<u8>>, Seen)> {
    let mask = any::<[u8; 4]>();
    prop_oneof![
        (".{0,200}", prop::collection::vec(any::<prop::sample::Index>(), 0..4), mask).prop_map(
            |(text, cuts, mask)| (fragments(0x1, text.as_bytes(), &cuts, mask), Seen::Text(text))
        ),
        (prop::collection::vec(any::<u8>(), 0..70_000), mask)
            .prop_map(|(b, mask)| (vec![masked(0x82, &b, mask)], Seen::Binary(b))),
        (prop::collection::vec(any::<u8>(), 0..126), mask)
            .prop_map(|(b, mask)| (vec![masked(0x89, &b, mask)], Seen::Ping(b))),
        (prop::collection::vec(any::<u8>(), 0..126), mask)
            .prop_map(|(b, mask)| (vec![masked(0x8A, &b, mask)], Seen::Pong(b))),
    ]
}

fn fragments(
    opcode: u8,
    payload: &[u8],
    cuts: &[prop::sample::Index],
    mask: [u8; 4],
) -> Vec<Vec<u8>> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
    at.extend([0, payload.len()]);
    at.sort_unstable();
    let last = at.len() - 2;
    at.windows(2)
        .enumerate()
        .map(|(i, w)| {
            let fin = if i == last { 0x80 } else { 0 };
            masked(fin | if i == 0 { opcode } else { 0 }, &payload[w[0]..w[1]], mask)
        })
        .collect()
}

proptest! {
    #[test]
    fn what_was_sent_is_seen_however_it_arrives(
        messages in prop::collection::vec(message(), 0..6),
        pieces in prop::collection::vec(1usize..400, 0..80),
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|(frames, _)| frames.concat()).collect();
        let sent: Vec<Seen> = messages.into_iter().map(|(_, seen)| seen).collect();
        let (seen, decoder) = decode(&bytes, &pieces);
        prop_assert_eq!(seen, sent);
        prop_assert!(decoder.unwrap().partial.is_none(), "nothing at rest");
    }

    #[test]
    fn garbage_never_panics_and_is_judged_the_same_however_it_arrives(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        pieces in prop::collection::vec(1usize..20, 0..80),
    ) {
        let (whole, end) = decode(&bytes, &[]);
        let (cut, cut_end) = decode(&bytes, &pieces);
        prop_assert_eq!(whole, cut);
        prop_assert_eq!(end.err(), cut_end.err());
    }
}
