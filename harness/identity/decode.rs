//! Undoes the content coding of a body, as far as it can be undone, within limits.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// What decoding may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Bytes kept of each coding's output; the rest of a body that unpacks to more is not looked at.
    pub output: usize,
    /// Codings undone one after another.
    pub codings: usize,
}

impl DecodeLimits {
    /// Default of [`DecodeLimits::output`]: 16 MiB.
    pub const OUTPUT: usize = 16 << 20;
    /// Default of [`DecodeLimits::codings`].
    pub const CODINGS: usize = 4;
}

impl Default for DecodeLimits {
    fn default() -> Self {
        DecodeLimits {
            output: Self::OUTPUT,
            codings: Self::CODINGS,
        }
    }
}

/// What came of a body's content coding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The body without its coding; `None` when it has none. When decoding failed or met a limit, what was there until then.
    pub bytes: Option<Vec<u8>>,
    /// Why `bytes` may not be everything.
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

impl Coding {
    fn of_name(name: &str) -> Option<Coding> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        Some(match () {
            () if is("gzip") || is("x-gzip") => Coding::Gzip,
            () if is("deflate") => Coding::Deflate,
            () if is("br") => Coding::Brotli,
            () if is("zstd") => Coding::Zstd,
            () => return None,
        })
    }

    /// By the first bytes: a compressed file that is served as it is has no header that says so.
    fn of_magic(body: &[u8]) -> Option<Coding> {
        if body.starts_with(GZIP_MAGIC) {
            Some(Coding::Gzip)
        } else if body.starts_with(ZSTD_MAGIC) {
            Some(Coding::Zstd)
        } else {
            None
        }
    }
}

/// Undoes gzip, deflate (zlib-wrapped or raw), br and zstd, also several on top of one another.
///
/// `content_encoding` is the value of the header of that name, empty when there is none. What is gzip or zstd by its first
/// bytes is unpacked as well, with or without a header. Never fails: the answer says what could not be done, and holds
/// what was unpacked until then.
///
/// ```
/// use crosswire::identity::{DecodeLimits, decode_body};
///
/// assert_eq!(decode_body("identity", b"plain", DecodeLimits::default()).bytes, None);
///
/// let broken = decode_body("gzip", b"not gzip at all", DecodeLimits::default());
/// assert_eq!(broken.bytes, None);
/// assert!(broken.note.is_some());
/// ```
#[must_use]
pub fn decode_body(content_encoding: &str, body: &[u8], limits: DecodeLimits) -> Decoded {
    let mut decoded = Decoded::default();
    let mut left = limits.codings;
    for name in content_encoding.split(',').rev().map(str::trim) {
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            continue;
        }
        let Some(coding) = Coding::of_name(name) else {
            decoded.note(&format!("content coding {name:?} is not known"));
            break;
        };
        if !decoded.undo(coding, body, &mut left, limits) {
            return decoded;
        }
    }
    while let Some(coding) = Coding::of_magic(decoded.bytes.as_deref().unwrap_or(body)) {
        if !decoded.undo(coding, body, &mut left, limits) {
            break;
        }
    }
    decoded
}

impl Decoded {
    /// Undoes one coding; false when that was the last one that makes sense.
    fn undo(
        &mut self,
        coding: Coding,
        body: &[u8],
        left: &mut usize,
        limits: DecodeLimits,
    ) -> bool {
        if *left == 0 {
            self.note(&format!("more than {} content codings", limits.codings));
            return false;
        }
        *left -= 1;
        let mut output = Vec::new();
        let ended = unpack(
            coding,
            self.bytes.as_deref().unwrap_or(body),
            &mut output,
            limits.output,
        );
        if let Err(why) = &ended {
            self.note(&format!("{coding:?}: {why}"));
        }
        if output.is_empty() && ended.is_err() {
            return false;
        }
        self.bytes = Some(output);
        true
    }

    fn note(&mut self, text: &str) {
        self.note.get_or_insert_with(|| text.to_owned());
    }
}

fn unpack(coding: Coding, input: &[u8], output: &mut Vec<u8>, limit: usize) -> io::Result<()> {
    match coding {
        Coding::Gzip => read_limited(MultiGzDecoder::new(input), output, limit),
        Coding::Brotli => read_limited(
            brotli_decompressor::Decompressor::new(input, 4096),
            output,
            limit,
        ),
        Coding::Zstd => unpack_zstd(input, output, limit),
        Coding::Deflate => {
            let wrapped = read_limited(ZlibDecoder::new(input), output, limit);
            if wrapped.is_ok() || !output.is_empty() {
                return wrapped;
            }
            // Services of old sent raw deflate under this name, and browsers take it.
            read_limited(DeflateDecoder::new(input), output, limit)
        }
    }
}

fn over_limit(limit: usize) -> io::Error {
    io::Error::other(format!("unpacks to more than {limit} bytes"))
}

/// Reads to the end or the limit, keeping what came before an error.
fn read_limited(mut input: impl Read, output: &mut Vec<u8>, limit: usize) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    loop {
        let room = limit.saturating_sub(output.len());
        match input.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) if length > room => {
                output.extend_from_slice(&piece[..room]);
                return Err(over_limit(limit));
            }
            Ok(length) => output.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Window that a zstd frame may ask memory for. Browsers refuse more than 8 MiB (RFC 9659).
const ZSTD_WINDOW: u64 = 8 << 20;

/// Every frame of the input; skippable ones are passed over.
fn unpack_zstd(mut input: &[u8], output: &mut Vec<u8>, limit: usize) -> io::Result<()> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW);
    while !input.is_empty() {
        if let Some(rest) = after_skippable_frame(input) {
            input = rest;
            continue;
        }
        decoder.init(&mut input).map_err(io::Error::other)?;
        unpack_frame(&mut decoder, &mut input, output, limit)?;
    }
    Ok(())
}

fn unpack_frame(
    decoder: &mut FrameDecoder,
    input: &mut &[u8],
    output: &mut Vec<u8>,
    limit: usize,
) -> io::Result<()> {
    loop {
        let step = decoder.decode_blocks(&mut *input, BlockDecodingStrategy::UptoBlocks(1));
        if step.is_err() {
            // The decoder keeps the last window back until it has seen the end of the frame: an empty last block (with
            // room for a checksum) makes it let go of what it has.
            let mut end: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
            let _ = decoder.decode_blocks(&mut end, BlockDecodingStrategy::All);
        }
        let room = limit.saturating_sub(output.len());
        let more = decoder.can_collect() > room;
        read_limited(decoder.by_ref().take(room as u64), output, limit)?;
        step.map_err(io::Error::other)?;
        if more {
            return Err(over_limit(limit));
        }
        if decoder.is_finished() {
            return Ok(());
        }
    }
}

/// What follows the skippable frame at the beginning, when there is one (RFC 8878, 3.1.2).
fn after_skippable_frame(input: &[u8]) -> Option<&[u8]> {
    let [magic @ 0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, rest @ ..] = input else {
        return None;
    };
    debug_assert!((0x50..=0x5f).contains(magic));
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    Some(rest.get(length..).unwrap_or(&[]))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// The payload as a brotli stream of uncompressed meta-blocks (RFC 7932, section 9): enough to be read back.
    fn brotli(bytes: &[u8]) -> Vec<u8> {
        let mut stream = Vec::new();
        // WBITS = 16 is the single bit 0; a meta-block header follows: ISLAST 0, MNIBBLES 0 (four), MLEN - 1, ISUNCOMPRESSED 1.
        for (at, piece) in bytes.chunks(65_536).enumerate() {
            let length = (piece.len() - 1) as u32;
            let header = length << 3 | 1 << 19;
            let header = if at == 0 { header << 1 } else { header };
            stream.extend_from_slice(&header.to_le_bytes()[..3]);
            stream.extend_from_slice(piece);
        }
        // ISLAST and ISLASTEMPTY.
        stream.push(3);
        stream
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn text() -> Vec<u8> {
        (0..20_000)
            .flat_map(|n: u32| format!("line {} ", n.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    fn decoded(coding: &str, body: &[u8]) -> Decoded {
        decode_body(coding, body, DecodeLimits::default())
    }

    #[test]
    fn undoes_every_coding_and_stacks_of_them() {
        let text = text();
        let short = &text[..50_000];
        for (coding, body, expected) in [
            ("gzip", gzip(&text), &text[..]),
            ("GZip", gzip(&text), &text),
            ("deflate", zlib(&text), &text),
            ("deflate", raw_deflate(&text), &text),
            ("br", brotli(short), short),
            ("zstd", zstd(&text), &text),
            ("zstd, gzip", gzip(&zstd(&text)), &text),
            ("identity, br , deflate", zlib(&brotli(short)), short),
            ("", gzip(&text), &text),
            ("", zstd(&text), &text),
            ("gzip", gzip(&gzip(&text)), &text),
        ] {
            let decoded = decoded(coding, &body);
            assert_eq!(decoded.note, None, "{coding}");
            assert!(decoded.bytes.as_deref() == Some(expected), "{coding}");
        }
    }

    #[test]
    fn reads_every_member_and_frame() {
        let gzips = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(decoded("gzip", &gzips).bytes.unwrap(), b"one two");
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];
        let zstds = [zstd(b"one "), skipped.to_vec(), zstd(b"two")].concat();
        assert_eq!(decoded("zstd", &zstds).bytes.unwrap(), b"one two");
    }

    #[test]
    fn a_truncated_body_keeps_what_was_unpacked() {
        let text = text();
        for (coding, body) in [
            ("gzip", gzip(&text)),
            ("deflate", zlib(&text)),
            ("br", brotli(&text)),
            ("zstd", zstd(&text)),
        ] {
            let cut = decoded(coding, &body[..body.len() - 10]);
            assert!(cut.note.is_some(), "{coding}");
            let bytes = cut.bytes.unwrap();
            assert!(text.starts_with(&bytes), "{coding}");
            assert!(
                bytes.len() > text.len() / 3,
                "{coding}: {} of {}",
                bytes.len(),
                text.len()
            );
        }
    }

    #[test]
    fn a_truncated_zstd_body_keeps_every_whole_block() {
        // A block unpacks to 128 KiB at most; the decoder itself would keep a window of them back.
        let text = text();
        let body = zstd(&text);
        let bytes = decoded("zstd", &body[..body.len() - 10]).bytes.unwrap();
        assert_eq!(bytes.len(), (text.len() - 1) >> 17 << 17);
        assert!(bytes.len() >= 2 << 17);
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let limits = DecodeLimits {
            output: 1_000,
            codings: 2,
        };
        let zeros = vec![0; 1 << 20];
        for (coding, body) in [
            ("gzip", gzip(&zeros)),
            ("deflate", zlib(&zeros)),
            ("br", brotli(&zeros)),
            ("zstd", zstd(&zeros)),
        ] {
            let bomb = decode_body(coding, &body, limits);
            assert_eq!(bomb.bytes.map(|bytes| bytes.len()), Some(1_000), "{coding}");
            assert!(
                bomb.note.unwrap().contains("more than 1000 bytes"),
                "{coding}"
            );
        }
        let nested = gzip(&gzip(&gzip(b"deep")));
        assert!(
            decode_body("", &nested, limits)
                .note
                .unwrap()
                .contains("more than 2 content codings")
        );
    }

    #[test]
    fn what_is_no_such_coding_is_said() {
        assert_eq!(decoded("", b"plain"), Decoded::default());
        let unknown = decoded("aes128gcm", b"plain");
        assert!(unknown.bytes.is_none() && unknown.note.unwrap().contains("aes128gcm"));
        for coding in ["gzip", "br", "zstd"] {
            let broken = decoded(coding, b"\xff\xfenot that");
            assert!(broken.note.is_some(), "{coding}");
        }
    }
}
