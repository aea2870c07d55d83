//! A number for a text, the same on every machine and in every version.

/// FNV-1a with 64 bits (Fowler, Noll, Vo): not for secrets, only to tell things apart.
pub(super) fn fingerprint(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_its_authors_publish_it() {
        assert_eq!(fingerprint("".bytes()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint("a".bytes()), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fingerprint("foobar".bytes()), 0x8594_4171_f739_67e8);
    }
}
