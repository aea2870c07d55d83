//! Reports: shown in every format whatever stands in them, without a whole canary, and nothing in them steers what shows it.

use crosswire::report::{FORMATS, Format, Look, Report, render_terminal, telling};
use serde_json::Value;

/// A JSON report, as `crosswire report` reads it.
pub fn report_json(bytes: &[u8]) {
    match Report::from_json(bytes) {
        Ok(report) => shown(&report, &[]),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Shows it in every format; no format shows anything of `hidden`.
pub(super) fn shown(report: &Report, hidden: &[&str]) {
    for format in &FORMATS {
        let text = rendered(format, report);
        let name = format.name;
        let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        assert!(
            !text.contains(steers),
            "a control character, as {name}:\n{text:?}"
        );
        for hidden in hidden {
            assert!(
                !text.contains(hidden),
                "{hidden} is shown, as {name}:\n{text}"
            );
        }
        match name {
            "json" => {
                let read = match Report::from_json(text.as_bytes()) {
                    Ok(read) => read,
                    Err(error) => panic!("what was written is refused: {error}\n{text}"),
                };
                assert!(&read == report, "read back: {read:#?}\n{report:#?}");
            }
            "har" | "sarif" => assert!(is_json(&text), "{name}:\n{text}"),
            "ndjson" => assert!(text.lines().all(is_json), "{name}:\n{text}"),
            _ => {}
        }
    }
    let mut bytes = Vec::new();
    let look = Look { colour: true };
    render_terminal(report, look, &mut bytes).expect("a Vec takes everything");
    for finding in &report.findings {
        assert!(!telling::sentences(finding).is_empty());
        let _ = report.replay_of(finding);
    }
}

fn rendered(format: &Format, report: &Report) -> String {
    let mut bytes = Vec::new();
    (format.render)(report, &mut bytes).expect("a Vec takes everything");
    String::from_utf8(bytes).expect("reports are UTF-8")
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}
