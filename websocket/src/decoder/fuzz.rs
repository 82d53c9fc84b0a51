//! The decoder against a model of RFC 6455, on bytes that are valid or almost valid and arrive cut
//! at any position.

mod almost;
mod model;

use super::{tests::Seen, *};
use almost::{almost_frames, corpus};
use proptest::{prelude::*, test_runner::Config};

/// Small, so that inputs exceed it.
const MAX: usize = 1000;

/// What a decoder may hold in addition to a message: a header and a control frame's payload, in
/// vectors that double.
const BESIDE: usize = MAX_HEADER + 2 * 125;

/// All events up to the close or the violation, and the violation's code. The last of `pieces` is
/// for all remaining bytes.
fn decode(bytes: &[u8], pieces: impl IntoIterator<Item = usize>) -> (Vec<Seen>, Option<u16>) {
    let (mut decoder, mut seen, mut rest) = (Decoder::new(MAX), Vec::new(), bytes);
    let mut pieces = pieces.into_iter();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(pieces.next().unwrap_or(rest.len()).min(rest.len()));
        let (mut piece, mut at) = (piece.to_vec(), 0);
        rest = behind;
        while at < piece.len() {
            match decoder.decode(&mut piece[at..]) {
                Ok((used, event)) => {
                    assert!(used > 0, "no progress");
                    at += used;
                    seen.extend(event.map(Seen::from));
                }
                Err(violation) => return (seen, Some(violation.close_code())),
            }
            let held = decoder
                .partial
                .as_ref()
                .map_or(0, |p| p.header.capacity() + p.message.capacity() + p.control.capacity());
            assert!(held <= MAX + BESIDE, "{held} bytes are held");
            if let Some(Seen::Close(_)) = seen.last() {
                return (seen, None);
            }
        }
    }
    (seen, None)
}

#[test]
fn the_corpus_is_read_as_it_says_however_it_is_cut() {
    for (line, bytes, events, end) in corpus() {
        let whole = decode(&bytes, []);
        assert_eq!((whole.0.len(), whole.1), (events, end), "{line}");
        assert_eq!(whole, model::read(&bytes, MAX), "the model reads {line}");
        assert_eq!(whole, decode(&bytes, std::iter::repeat(1)), "byte by byte: {line}");
        for cut in 1..bytes.len() {
            assert_eq!(whole, decode(&bytes, [cut]), "cut after {cut}: {line}");
        }
    }
}

proptest! {
    #![proptest_config(Config::with_cases(20_000))]

    #[test]
    fn almost_frames_are_read_as_the_model_reads_them(
        bytes in almost_frames(),
        pieces in prop::collection::vec(1usize..30, 0..20),
    ) {
        let modelled = model::read(&bytes, MAX);
        prop_assert_eq!(&decode(&bytes, []), &modelled);
        prop_assert_eq!(&decode(&bytes, pieces), &modelled);
    }
}
