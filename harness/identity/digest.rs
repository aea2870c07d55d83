//! Small stable hashes: for check digits, fingerprints and ids that must be the same in every version and on every machine.
//! None of them is meant to withstand an attacker.

/// Stafford's variant 13 of the 64-bit finalizer, as used by `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014): a bijection
/// in which every input bit reaches every output bit.
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// 64-bit FNV-1a over the parts, each followed by its length so that parts cannot run into each other, then [`mix`]ed
/// (FNV alone leaves the high bits of short inputs poor).
pub(crate) fn digest(key: u64, parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ mix(key);
    for part in parts {
        for &byte in part.iter().chain(&(part.len() as u64).to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    mix(hash)
}
