//! Undoing content codings: within limits, the same each time, and silent about nothing.

use crosswire::identity::{DecodeLimits, decode_body as decoded};

const CODINGS: [&str; 8] = [
    "",
    "gzip",
    "deflate",
    "br",
    "zstd",
    "identity",
    "zstd, gzip",
    "br,x-gzip , deflate",
];

/// The first byte says which coding is announced, and how little may come of it; the body follows.
pub fn decode_body(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else {
        return;
    };
    let coding = CODINGS[usize::from(choice % 8)];
    let limits = DecodeLimits {
        output: 1 << (choice / 8 % 16 + 4),
        codings: usize::from(choice >> 7) + 2,
    };
    let first = decoded(coding, body, limits);
    assert_eq!(first, decoded(coding, body, limits));
    if let Some(bytes) = &first.bytes {
        assert!(bytes.len() <= limits.output, "{} bytes", bytes.len());
    }
    // With more room there is more of the same.
    let roomy = DecodeLimits {
        output: limits.output * 2,
        ..limits
    };
    let more = decoded(coding, body, roomy);
    if first.note.is_none() {
        assert_eq!(first, more);
    }
}
