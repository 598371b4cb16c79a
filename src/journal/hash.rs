//! The hash of a payload, which its DATA object has: what was damaged inside of a value shows by nothing else.

use super::layout::{Id, le32, le64};

/// What a file hashes with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hash {
    /// Bob Jenkins' lookup3, hashlittle2(), both results: before systemd 246.
    Jenkins,
    /// SipHash-2-4 of Aumasson and Bernstein, with the file's id as the key.
    Siphash(Id),
}

impl Hash {
    pub(super) fn of(self, bytes: &[u8]) -> u64 {
        match self {
            Self::Jenkins => jenkins(bytes),
            Self::Siphash(key) => siphash(bytes, key),
        }
    }
}

fn jenkins(bytes: &[u8]) -> u64 {
    // The length counts modulo 2^32, as it does there; what is hashed here has 64 KiB at most.
    let start = 0xdead_beef_u32.wrapping_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let [mut a, mut b, mut c] = [start; 3];
    let mut rest = bytes;
    while rest.len() > 12 {
        a = a.wrapping_add(le32(rest, 0));
        b = b.wrapping_add(le32(rest, 4));
        c = c.wrapping_add(le32(rest, 8));
        let step = |x: &mut u32, from: &mut u32, by: u32, to: u32| {
            *x = x.wrapping_sub(*from) ^ from.rotate_left(by);
            *from = from.wrapping_add(to);
        };
        step(&mut a, &mut c, 4, b);
        step(&mut b, &mut a, 6, c);
        step(&mut c, &mut b, 8, a);
        step(&mut a, &mut c, 16, b);
        step(&mut b, &mut a, 19, c);
        step(&mut c, &mut b, 4, a);
        rest = &rest[12..];
    }
    if !rest.is_empty() {
        let mut last = [0; 12];
        last[..rest.len()].copy_from_slice(rest);
        a = a.wrapping_add(le32(&last, 0));
        b = b.wrapping_add(le32(&last, 4));
        c = c.wrapping_add(le32(&last, 8));
        let step = |x: &mut u32, from: u32, by: u32| *x = (*x ^ from).wrapping_sub(from.rotate_left(by));
        step(&mut c, b, 14);
        step(&mut a, c, 11);
        step(&mut b, a, 25);
        step(&mut c, b, 16);
        step(&mut a, c, 4);
        step(&mut b, a, 14);
        step(&mut c, b, 24);
    }
    u64::from(c) << 32 | u64::from(b)
}

fn siphash(bytes: &[u8], key: Id) -> u64 {
    let [low, high] = [le64(&key.0, 0), le64(&key.0, 8)];
    // "somepseudorandomlygeneratedbytes", in four numbers.
    let mut v = [
        low ^ 0x736f_6d65_7073_6575,
        high ^ 0x646f_7261_6e64_6f6d,
        low ^ 0x6c79_6765_6e65_7261,
        high ^ 0x7465_6462_7974_6573,
    ];
    let words = bytes.chunks_exact(8);
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    last[7] = u8::try_from(bytes.len() % 256).unwrap_or(0);
    for word in words.map(|word| le64(word, 0)).chain([le64(&last, 0)]) {
        v[3] ^= word;
        round(&mut v);
        round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

const fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the SipHash paper, and those of lookup3.c's driver5().
    #[test]
    fn hashes_are_those_that_their_authors_give() {
        let mut key = Id::default();
        for (byte, number) in key.0.iter_mut().zip(0..) {
            *byte = number;
        }
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(Hash::Siphash(key).of(&message), 0xa129_ca61_49be_45e5);
        assert_eq!(Hash::Jenkins.of(b""), 0xdead_beef_dead_beef);
        assert_eq!(Hash::Jenkins.of(b"Four score and seven years ago"), 0x1777_0551_ce72_26e6);
    }
}
