//! Removes a client's masking, RFC 6455 section 5.3, in place.

/// Unmasks `bytes`, which begin at `offset` in their frame's payload.
pub(super) fn unmask(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let mut key = mask;
    key.rotate_left(offset % 4);
    if key == [0; 4] {
        return;
    }
    let word = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_same_as_byte_by_byte(bytes in prop::collection::vec(any::<u8>(), 0..64), mask: [u8; 4], offset in 0usize..9) {
            let slow: Vec<u8> = bytes.iter().enumerate().map(|(i, b)| b ^ mask[(offset + i) % 4]).collect();
            let mut fast = bytes;
            unmask(&mut fast, mask, offset);
            prop_assert_eq!(fast, slow);
        }
    }
}
