//! Drafts of scenarios: what comes in gives a draft that a run can read, the same each time, or an error with a remedy.

use crosswire::import::Source;
use crosswire::scenario::{FILE_LIMIT, Scenario};

/// A HAR file.
pub fn har(bytes: &[u8]) {
    draft("har", bytes);
}

/// curl commands.
pub fn curl(bytes: &[u8]) {
    draft("curl", bytes);
}

/// An OpenAPI description.
pub fn openapi(bytes: &[u8]) {
    draft("openapi", bytes);
}

/// A Hurl file.
pub fn hurl(bytes: &[u8]) {
    draft("hurl", bytes);
}

fn draft(source: &str, bytes: &[u8]) {
    let source = Source::named(source).expect("it is in the list of sources");
    let drafted = source.draft(bytes);
    match &drafted {
        Ok(draft) => {
            assert!(draft.len() <= FILE_LIMIT);
            let scenario = Scenario::parse_in("draft", draft, &|_| Some("1".to_owned()));
            if let Err(error) = scenario {
                panic!("the draft is no scenario: {error}\n{draft}");
            }
        }
        Err(error) => {
            assert!(!error.message().is_empty() && !error.remedy().is_empty());
            // YAML takes a carriage return alone for the end of a line, too.
            let ends = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r'));
            let lines = ends.count() + 1;
            let line = error.line().unwrap_or(1);
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
    }
    assert_eq!(source.draft(bytes), drafted, "the same each time");
}
