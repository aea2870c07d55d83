//! Drafts of scenarios: whatever comes in, a draft is valid or there is an error; secrets never come out.

use std::path::Path;

use crosswire::import::{SOURCES, Source};
use crosswire::scenario::{FILE_LIMIT, Scenario};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The samples, as bytes.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    vec![
        ("har", read("firefox-form.har")),
        ("har", read("bearer-json.har")),
        ("curl", read("commands.curl")),
        ("curl", read("windows.curl")),
        ("openapi", read("notes-3.1.yaml")),
        ("openapi", read("pets-2.0.json")),
        ("hurl", read("notes.hurl")),
    ]
}

/// A draft that a run can read, or an error with a remedy.
fn check(source: &str, input: &[u8]) -> Result<(), TestCaseError> {
    match Source::named(source).unwrap().draft(input) {
        Ok(draft) => {
            prop_assert!(draft.len() <= FILE_LIMIT);
            let scenario = Scenario::parse_in("draft", &draft, &|_| Some("1".to_owned()));
            prop_assert!(scenario.is_ok(), "{}\n{}", scenario.unwrap_err(), draft);
        }
        Err(error) => prop_assert!(!error.message().is_empty() && !error.remedy().is_empty()),
    }
    Ok(())
}

/// Pieces that mean something to one of the formats.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = select(vec![
        "{{",
        "}}",
        "${env:A}",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "\\",
        "\n",
        "#",
        "\u{e000}",
        "\u{7f}",
        "null",
        "-1e99",
        "ä/../",
        "%00",
        "%E2%82",
        "password",
        "cookie: a=b",
        "GET http://h/",
        "/login",
        "user",
        "{% x %}",
        "$ref",
        "'''",
        "```",
        "^\"",
        "18446744073709551616",
        "https://[::1]:0/",
        "http://ü.example",
        "count",
        "name",
        "|",
        "&*a",
        ": ",
    ]);
    prop_oneof![
        words.prop_map(|word| word.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
        "[ -~]{0,8}".prop_map(String::into_bytes),
    ]
}

/// Where a browser may hold a secret, as an entry of a HAR with the secret for `@`.
const PLACES: [&str; 14] = [
    r#"{"request":{"method":"GET","url":"https://h/a","headers":[{"name":"Cookie","value":"a=1; sid=@"}]},"response":{"status":200}}"#,
    r#"{"request":{"method":"GET","url":"https://h/b","cookies":[{"name":"any","value":"@"}]},"response":{"status":200}}"#,
    r#"{"request":{"method":"GET","url":"https://h/c","headers":[{"name":"Authorization","value":"Bearer @"}]},"response":{"status":200}}"#,
    r#"{"request":{"method":"GET","url":"https://h/d","headers":[{"name":"X-Api-Key","value":"@"}]},"response":{"status":200}}"#,
    r#"{"request":{"method":"GET","url":"https://h/e?access_token=@&x=1"},"response":{"status":200}}"#,
    r#"{"request":{"method":"GET","url":"https://me:@@h/f"},"response":{"status":200}}"#,
    r#"{"request":{"method":"POST","url":"https://h/login","postData":{"mimeType":"application/x-www-form-urlencoded","text":"user=a&password=@"}},"response":{"status":200}}"#,
    r#"{"request":{"method":"POST","url":"https://h/g","postData":{"mimeType":"application/json","text":"{\"a\":[{\"client_secret\":\"@\"}]}"}},"response":{"status":200}}"#,
    r#"{"request":{"method":"POST","url":"https://h/h","postData":{"mimeType":"multipart/form-data","params":[{"name":"passwd","value":"@"}]}},"response":{"status":200}}"#,
    r#"{"request":{"method":"POST","url":"https://h/i","postData":{"mimeType":"text/xml","text":"<token>@</token>"}},"response":{"status":200}}"#,
    r#"{"request":{"method":"POST","url":"https://h/j","postData":{"mimeType":"application/json","text":"{\"query\":\"mutation { login(password: \\\"@\\\") }\"}"}},"response":{"status":200}}"#,
    r#"{"request":{"method":"GET","url":"https://h/k"},"response":{"status":200,"headers":[{"name":"Set-Cookie","value":"sid=@; Path=/"}]}}"#,
    r#"{"request":{"method":"GET","url":"https://h/l"},"response":{"status":200,"content":{"mimeType":"application/json","text":"{\"token\":\"@\"}"}}}"#,
    r#"{"request":{"method":"GET","url":"https://h/m","headers":[{"name":"Referer","value":"https://h/?token=@"}]},"response":{"status":200}}"#,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in any::<String>()) {
        for source in SOURCES {
            check(source.name, &bytes)?;
            check(source.name, text.as_bytes())?;
        }
    }

    #[test]
    fn pieces_of_the_formats_give_a_valid_draft_or_an_error(pieces in prop::collection::vec(piece(), 0..40)) {
        let pieces = pieces.concat();
        check("curl", &[b"curl http://h/ ", &pieces[..]].concat())?;
        check("hurl", &[b"POST http://h/\n", &pieces[..]].concat())?;
        check("openapi", &[b"openapi: 3.0.0\npaths:\n  /a:\n    get: ", &pieces[..]].concat())?;
    }

    #[test]
    fn a_damaged_sample_gives_a_valid_draft_or_an_error(
        which in any::<Index>(),
        cuts in prop::collection::vec((any::<Index>(), 0..12usize, piece()), 1..8),
    ) {
        let samples = samples();
        let (source, mut bytes) = which.get(&samples).clone();
        for (place, removed, put_in) in cuts {
            let at = place.index(bytes.len());
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, put_in);
        }
        check(source, &bytes)?;
    }

    #[test]
    fn a_secret_in_any_place_of_a_har_is_not_written(
        secret in "[a-z]{2}[0-9][A-Za-z0-9]{6,30}",
        places in prop::sample::subsequence(PLACES.to_vec(), 1..=PLACES.len()),
        order in any::<prop::sample::Index>(),
    ) {
        let mut entries: Vec<String> = places
            .iter()
            .map(|place| place.replace("me:@@", "me:SECRET@").replace('@', &secret).replace(&format!("SECRET{secret}"), &format!("{secret}@")))
            .collect();
        // The secret turns up again in a place that no name gives away.
        entries.push(format!(r#"{{"request":{{"method":"GET","url":"https://h/again/{secret}?x={secret}"}},"response":{{"status":200}}}}"#));
        let turn = order.index(entries.len());
        entries.rotate_left(turn);
        let har = format!(r#"{{"log":{{"entries":[{}]}}}}"#, entries.join(","));
        let draft = Source::named("har").unwrap().draft(har.as_bytes());
        let draft = draft.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(!draft.contains(&secret), "{secret}\n{draft}");
        check("har", har.as_bytes())?;
    }
}
