//! SHA-1, which dbt tells the content of `packages.yml` by. It keeps no secrets.

/// The hash of a text in hexadecimal.
pub(super) fn hex(text: &str) -> String {
    let mut message = text.as_bytes().to_vec();
    let bits = message.len() as u64 * 8;
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend(bits.to_be_bytes());
    let mut state: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    message.chunks_exact(64).for_each(|block| mix(&mut state, block));
    let bytes: Vec<u8> = state.iter().flat_map(|word| word.to_be_bytes()).collect();
    crate::parse::hex(&bytes)
}

fn mix(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for index in 16..80 {
        let mixed = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16];
        words[index] = mixed.rotate_left(1);
    }
    let mut now = *state;
    for (round, word) in words.iter().enumerate() {
        let [_, x, y, z, _] = now;
        let (chosen, constant) = match round {
            0..20 => ((x & y) | (!x & z), 0x5A82_7999),
            20..40 => (x ^ y ^ z, 0x6ED9_EBA1),
            40..60 => ((x & y) | (x & z) | (y & z), 0x8F1B_BCDC),
            _ => (x ^ y ^ z, 0xCA62_C1D6),
        };
        let next = now[0].rotate_left(5).wrapping_add(chosen).wrapping_add(now[4]);
        let next = next.wrapping_add(constant).wrapping_add(*word);
        now = [next, now[0], x.rotate_left(30), y, z];
    }
    for (known, new) in state.iter_mut().zip(now) {
        *known = known.wrapping_add(new);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_vectors_of_the_standard() {
        assert_eq!(super::hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(super::hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(super::hex(long), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    }
}
