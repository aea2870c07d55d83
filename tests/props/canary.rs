//! Canaries survive what services do to text, and nothing else is taken for one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use crosswire::identity::{
    CANARY_LEN, Canary, DecodeLimits, Finder, Form, Mint, Redactor, Salt, Sighting, UserId,
    decode_body,
};
use proptest::prelude::*;

pub(crate) fn canaries() -> impl Strategy<Value = Canary> {
    (0..UserId::LIMIT, 0..Canary::SLOTS, 0..Canary::SERIALS).prop_map(|(owner, slot, serial)| {
        Canary {
            owner: UserId(owner),
            slot,
            serial,
        }
    })
}

pub(crate) fn salts() -> impl Strategy<Value = Salt> {
    any::<u32>().prop_map(Salt::new)
}

pub(crate) fn find(salt: Salt, haystack: &[u8]) -> Vec<Sighting> {
    let mut found = Vec::new();
    Finder::new(salt).find(haystack, |sighting| found.push(sighting));
    found
}

/// Breaks base64 into lines as MIME (76), PEM (64) and others do, `first` characters on the first.
fn wrapped(text: &str, width: usize, feed: &str, indent: &str) -> String {
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(width)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join(&format!("{feed}{indent}"))
}

/// Every way in which this test's services write text; each with whether base64 is part of it.
fn written(text: &str, how: usize) -> (Vec<u8>, bool) {
    let plain = |text: String| (text.into_bytes(), false);
    let coded = |text: String| (text.into_bytes(), true);
    match how {
        0 => plain(text.to_owned()),
        1 => plain(serde_json::json!({ "note": text, "other": [1, 2] }).to_string()),
        2 => plain(format!("<td title=\"{text}\">&amp;</td>")),
        3 => plain(url::form_urlencoded::byte_serialize(text.as_bytes()).collect()),
        4 => plain(format!("\"a\",\"{}\",\"b\"\r\n", text.replace('"', "\"\""))),
        5 => plain(text.to_lowercase()),
        6 => coded(STANDARD.encode(text)),
        7 => coded(URL_SAFE.encode(text)),
        8 => coded(STANDARD_NO_PAD.encode(text)),
        9 => coded(format!(
            "data:text/plain;base64,{}",
            URL_SAFE_NO_PAD.encode(text)
        )),
        10 => coded(wrapped(&STANDARD.encode(text), 76, "\r\n", "")),
        11 => coded(wrapped(&STANDARD.encode(text), 64, "\n", "")),
        12 => coded(wrapped(&STANDARD.encode(text), 4, "\r\n", "\t")),
        _ => coded(
            serde_json::json!({ "file": wrapped(&STANDARD.encode(text), 60, "\r\n", "") })
                .to_string(),
        ),
    }
}

proptest! {
    #[test]
    fn decode_gives_what_encode_was_given(canary in canaries(), salt in salts()) {
        let text = canary.encode(salt);
        prop_assert_eq!(text.len(), CANARY_LEN);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        prop_assert!(text.starts_with(&salt.marker()));
        prop_assert_eq!(Canary::decode(&text, salt), Some(canary));
        prop_assert_eq!(salt.to_string().parse(), Ok(salt));
    }

    #[test]
    fn a_mint_never_repeats_itself(asked in prop::collection::vec((0u32..4, 0u16..3), 1..200), salt in salts()) {
        let mut mint = Mint::new(salt);
        let mut texts = std::collections::BTreeSet::new();
        for (owner, slot) in &asked {
            let (canary, text) = mint.mint(UserId(*owner), *slot);
            prop_assert_eq!((canary.owner, canary.slot), (UserId(*owner), *slot));
            prop_assert_eq!(Canary::decode(&text, salt), Some(canary));
            texts.insert(text);
        }
        prop_assert_eq!(texts.len(), asked.len());
    }

    #[test]
    fn found_however_it_is_written(
        canary in canaries(), salt in salts(), how in 0usize..14,
        before in "[ -~]{0,40}", after in "[ -~é]{0,40}",
    ) {
        // Plain letters only where the surroundings would otherwise run into a canary or its escapes.
        let text = format!("{before}{}{after}", canary.encode(salt));
        let (bytes, is_base64) = written(&text, how);
        let found = find(salt, &bytes);
        let form = if is_base64 { Form::Base64 } else { Form::Plain };
        prop_assert_eq!(found.len(), 1, "{}", String::from_utf8_lossy(&bytes));
        prop_assert_eq!((found[0].canary, found[0].form), (canary, form));
        prop_assert!(found[0].at < bytes.len());
    }

    #[test]
    fn found_at_every_alignment_and_offset(
        canary in canaries(), salt in salts(), pad in 16_300usize..16_400, shift in 0usize..4,
        how in prop::sample::select(vec![0usize, 6, 10]),
    ) {
        // Around the end of the finder's first block, in either form; shifted, so that it may end inside a group.
        let length = if how == 0 { pad } else { pad * 3 / 4 };
        let text = format!("{}{}{}", "x".repeat(length), canary.encode(salt), "y".repeat(50));
        let mut body = vec![b' '; shift];
        body.extend(written(&text, how).0);
        let found = find(salt, &body);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].canary, canary);
    }

    #[test]
    fn found_across_the_end_of_a_block(canary in canaries(), salt in salts(), is_base64 in any::<bool>()) {
        let text = canary.encode(salt);
        let text = if is_base64 { STANDARD.encode(text) } else { text };
        for before in 16_384 - 40..16_384 + 2 {
            let body = format!("{}{text}", ".".repeat(before));
            prop_assert_eq!(find(salt, body.as_bytes()).len(), 1, "{} before", before);
        }
    }

    #[test]
    fn every_one_of_many_is_found(
        drawn in prop::collection::vec((canaries(), any::<bool>(), "[ -~]{0,60}"), 0..60), salt in salts(),
    ) {
        let mut body = String::new();
        for (canary, is_base64, filler) in &drawn {
            let text = format!("{filler}{}", canary.encode(salt));
            body.push_str(&if *is_base64 { STANDARD.encode(text) } else { text });
            body.push('|');
        }
        let mut found: Vec<_> = find(salt, body.as_bytes()).into_iter().map(|s| (s.at, s.canary, s.form)).collect();
        found.sort_unstable();
        let found: Vec<_> = found.into_iter().map(|(_, canary, form)| (canary, form)).collect();
        let form = |is_base64: bool| if is_base64 { Form::Base64 } else { Form::Plain };
        prop_assert_eq!(found, drawn.iter().map(|(canary, b, _)| (*canary, form(*b))).collect::<Vec<_>>());
    }

    #[test]
    fn never_found_where_there_is_none(bytes in prop::collection::vec(any::<u8>(), 0..4_000), salt in salts()) {
        prop_assert_eq!(find(salt, &bytes), []);
    }

    #[test]
    fn never_found_in_what_only_looks_like_it(
        canary in canaries(), salt in salts(), other in salts(), at in 0..CANARY_LEN, to in "[0-9a-z]", how in 0usize..14,
    ) {
        prop_assume!(salt != other);
        let text = canary.encode(salt);
        prop_assert_eq!(find(other, &written(&text, how).0), []);
        prop_assert_eq!(find(salt, &written(&text[..CANARY_LEN - 1], how).0), [], "cut");
        let mut changed = text.clone();
        changed.replace_range(at..=at, &to);
        // One change in a million gives another right check; it is then a canary.
        if Canary::decode(&changed, salt).is_none() {
            prop_assert_eq!(find(salt, &written(&changed, how).0), []);
        }
    }

    #[test]
    fn bad_cases_neither_panic_nor_find(unit in prop::sample::select(vec!["q", "qqqqq", "cXFx", "X", "F", "cXFx\r\n", "cXFxc", "\n"]),
        times in 0usize..20_000, salt in salts(),
    ) {
        prop_assert_eq!(find(salt, unit.repeat(times).as_bytes()), []);
        prop_assert_eq!(find(salt, salt.marker().repeat(times / 11).as_bytes()), []);
        prop_assert_eq!(find(salt, STANDARD.encode(salt.marker().repeat(times / 11)).as_bytes()), []);
    }

    #[test]
    fn decoding_never_panics_and_stays_in_its_limit(
        bytes in prop::collection::vec(any::<u8>(), 0..600), magic in prop::sample::select(vec![vec![], vec![0x1f, 0x8b, 8, 0], vec![0x28, 0xb5, 0x2f, 0xfd]]),
        coding in prop::sample::select(vec!["", "gzip", "deflate", "br", "zstd", "gzip, br", "br,br,br,br,br", "?", ",,", "zstd,zstd"]),
    ) {
        let body = [magic, bytes].concat();
        let limits = DecodeLimits { output: 300, codings: 3 };
        let decoded = decode_body(coding, &body, limits);
        prop_assert!(decoded.bytes.is_none_or(|bytes| bytes.len() <= limits.output));
    }

    #[test]
    fn no_secret_is_left(
        secrets in prop::collection::vec("[a-c%/+é]{4,9}", 0..4), words in prop::collection::vec((0usize..8, "[a-c%/+é ]{0,9}", 0usize..4), 0..20),
    ) {
        let redactor = Redactor::new(&secrets);
        let mut text = String::new();
        for (which, filler, how) in &words {
            text.push_str(filler);
            if let Some(secret) = secrets.get(*which) {
                match how {
                    0 => text.push_str(secret),
                    1 => text.extend(url::form_urlencoded::byte_serialize(secret.as_bytes())),
                    2 => text.push_str(serde_json::Value::from(secret.as_str()).to_string().trim_matches('"')),
                    _ => text.push_str(&STANDARD.encode(secret)),
                }
            }
        }
        let masked = redactor.text(&text).into_owned();
        // What stands between masks is what was there before, so each piece is looked at alone.
        for piece in masked.split(Redactor::MASK) {
            for secret in &secrets {
                prop_assert!(!piece.contains(secret.as_str()), "{secret} in {masked}");
                let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
                prop_assert!(!piece.contains(&encoded), "{encoded} in {masked}");
            }
        }
        if secrets.is_empty() {
            prop_assert_eq!(masked, text);
        }
    }
}
