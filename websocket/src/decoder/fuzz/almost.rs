//! Frames with a small error: the committed corpus with edits, and conversations with a frame out
//! of place.

use proptest::{prelude::*, sample::Index};

/// The lines of `tests/corpus/frames.txt`: the line, its bytes, the number of events, and the
/// violation's code.
pub(super) fn corpus() -> Vec<(&'static str, Vec<u8>, usize, Option<u16>)> {
    let lines = include_str!("../../../tests/corpus/frames.txt").lines();
    lines.filter(|line| !line.starts_with('#')).map(entry).collect()
}

fn entry(line: &'static str) -> (&'static str, Vec<u8>, usize, Option<u16>) {
    let [events, end, hex, _] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    let mut bytes = Vec::new();
    for part in hex.split_inclusive(']') {
        let (plain, repeated) = part.split_once('[').unwrap_or((part, "*0]"));
        bytes.extend(from_hex(plain));
        let (hex, times) = repeated.trim_end_matches(']').split_once('*').expect("[…*N]");
        bytes.extend(from_hex(hex).repeat(times.parse().expect("a number")));
    }
    (line, bytes, events.parse().expect("a number"), end.parse().ok())
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).expect("hex") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub(super) fn almost_frames() -> impl Strategy<Value = Vec<u8>> {
    let entries: Vec<Vec<u8>> = corpus().into_iter().map(|(_, bytes, ..)| bytes).collect();
    let from_corpus = prop::collection::vec(prop::sample::select(entries), 1..3)
        .prop_map(|entries| entries.concat());
    let conversation = prop::collection::vec(prop_oneof![8 => message(), 1 => frame()], 0..6)
        .prop_map(|parts| parts.concat());
    let edits = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec((any::<Index>(), edit()), 1..3)];
    (prop_oneof![1 => from_corpus, 3 => conversation], edits).prop_map(|(mut bytes, edits)| {
        for (at, edit) in edits {
            edit.apply(&mut bytes, at);
        }
        bytes
    })
}

/// A change to a byte or to the bytes after it.
#[derive(Debug, Clone)]
enum Edit {
    Flip(u8),
    Insert(u8),
    Remove,
    CutOff,
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>, at: Index) {
        if bytes.is_empty() {
            return;
        }
        let at = at.index(bytes.len());
        match self {
            Self::Flip(bits) => bytes[at] ^= bits,
            Self::Insert(byte) => bytes.insert(at, *byte),
            Self::Remove => drop(bytes.remove(at)),
            Self::CutOff => bytes.truncate(at),
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let bit = (0..8u8).prop_map(|bit| Edit::Flip(1 << bit));
    prop_oneof![
        bit,
        any::<u8>().prop_map(Edit::Flip),
        any::<u8>().prop_map(Edit::Insert),
        Just(Edit::Remove),
        Just(Edit::CutOff)
    ]
}

/// A whole message in fragments, with control frames between some of them.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let fragments =
        prop::collection::vec((payload(), prop::option::weighted(0.2, control())), 0..4);
    (prop::sample::select(vec![0x1, 0x2]), fragments, payload()).prop_map(
        |(opcode, fragments, last)| {
            let (mut out, mut first) = (Vec::new(), opcode);
            for (payload, control) in fragments {
                put(&mut out, first, true, None, &payload);
                out.extend(control.unwrap_or_default());
                first = 0;
            }
            put(&mut out, 0x80 | first, true, None, &last);
            out
        },
    )
}

fn control() -> impl Strategy<Value = Vec<u8>> {
    let code = prop_oneof![
        prop::sample::select(vec![999u16, 1000, 1004, 1007, 1014, 1015, 2999, 3000, 4999, 5000]),
        any::<u16>()
    ];
    let close = (code, prop::sample::select(PIECES))
        .prop_map(|(code, reason)| (0x88, [&code.to_be_bytes(), reason].concat()));
    let ping = (prop::sample::select(vec![0x89, 0x8A]), prop::collection::vec(any::<u8>(), 0..10));
    prop_oneof![4 => ping, 1 => close].prop_map(|(first, payload)| {
        let mut out = Vec::new();
        put(&mut out, first, true, None, &payload);
        out
    })
}

/// A frame of any kind, which may be in a place where it is not allowed, or announce a wrong
/// length.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![5 => prop::sample::select(vec![0u8, 1, 2, 8, 9, 10]), 1 => 0..16u8];
    let bits = prop_oneof![8 => Just(0), 1 => 0..8u8];
    let announced = prop_oneof![6 => Just(None), 1 => any::<u64>().prop_map(Some), 3 => (0..1100u64).prop_map(Some)];
    (any::<bool>(), bits, opcode, prop::bool::weighted(0.95), announced, payload()).prop_map(
        |(fin, bits, opcode, is_masked, announced, payload)| {
            let mut out = Vec::new();
            put(&mut out, u8::from(fin) << 7 | bits << 4 | opcode, is_masked, announced, &payload);
            out
        },
    )
}

/// Text, whole and cut, bytes that are almost text, and bytes that fill a message.
const PIECES: &[&[u8]] = &[
    b"",
    b"text",
    "\u{e4}\u{20ac}\u{1f980}".as_bytes(),
    b"\xF0\x9F",
    b"\xA6\x80",
    b"\xE2",
    b"\x82\xAC",
    b"\xED",
    b"\x9F\xBF",
    b"\xED\xA0\x80",
    b"\xC0\xAF",
    b"\xF4\x8F",
    b"\xF4\x90",
    b"\xBF\xBF",
    b"\xFF",
    &[b'x'; 126],
    &[b'x'; 900],
];

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let weighted = prop_oneof![4 => 0..7usize, 3 => 0..PIECES.len()].prop_map(|i| PIECES[i]);
    prop::collection::vec(weighted, 0..4).prop_map(|pieces| pieces.concat())
}

/// `announced` is the length that the header gives, in any of its encodings.
fn put(out: &mut Vec<u8>, first: u8, is_masked: bool, announced: Option<u64>, payload: &[u8]) {
    let mask = if is_masked { [0x37, 0xFA, 0x21, payload.len() as u8] } else { [0; 4] };
    let masked = u8::from(is_masked) << 7;
    out.push(first);
    match (announced, payload.len()) {
        (None, len @ 0..126) => out.push(masked | len as u8),
        (Some(len), _) if len % 3 == 0 => {
            out.push(masked | 127);
            out.extend(len.to_be_bytes());
        }
        (announced, len) => {
            out.push(masked | 126);
            out.extend((announced.unwrap_or(len as u64) as u16).to_be_bytes());
        }
    }
    if is_masked {
        out.extend(mask);
    }
    out.extend(payload.iter().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
}
