//! `crosswire audit`, as it is run.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::command::{crosswire, run};

const LOG: &str = "{\"time\":\"2025-06-24T00:00:00Z\",\"principal\":\"gone\",\"key\":\"k1\",\"subject\":1,\"status\":200}\n\
                   {\"time\":\"2025-11-16T00:00:00Z\",\"principal\":\"gone\",\"key\":\"k1\",\"subject\":2,\"status\":200}\n";

#[test]
fn a_principal_beyond_the_limit_is_an_exposure() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.ndjson");
    std::fs::write(&log, LOG).unwrap();
    let log = log.to_str().unwrap();
    let ran = run(["audit", log, "--limit", "1", "--window", "7d"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stdout
            .starts_with("EXPOSED: 1 principal read more than 1 different subject;"),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains("the whole history 2, 2 times as many"),
        "{ran:?}"
    );
    let ran = run(["audit", log, "--limit", "2"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn the_counts_are_written_as_json_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (log, json) = (place("access.ndjson"), place("counts.json"));
    std::fs::write(&log, LOG).unwrap();
    let ran = run(["audit", &log, "--limit", "1", "--json", &json]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.starts_with("EXPOSED"), "{ran:?}");
    let written = std::fs::read(&json).unwrap();
    let counts: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(counts["beyond_limit"], 1);
    assert_eq!(counts["principals"][0]["subjects"], 2);
    // On stdout it stands alone.
    let ran = run(["audit", &log, "--window", "7d", "--json", "-"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let counts: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(counts["principals"][0]["in_window"], 1);
    assert!(ran.stderr.contains("2 rows read"), "{ran:?}");
    let ran = run(["audit", &log, "--json", &log]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("would destroy it"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), LOG);
    let schema: Value = serde_json::from_str(&run(["schema", "audit"]).stdout).unwrap();
    assert!(schema["properties"]["beyond_limit"].is_object());
}

#[test]
fn a_log_without_an_access_is_no_clean_result() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.csv");
    for rows in ["", "1,a,b,403\n"] {
        std::fs::write(&log, format!("time,principal,subject,status\n{rows}")).unwrap();
        let ran = run(["audit", log.to_str().unwrap(), "--limit", "1"]);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stdout.starts_with("inconclusive"), "{ran:?}");
    }
}

#[test]
fn stdin_is_read_and_what_is_no_log_is_an_error() {
    let audited = |log: &str| {
        let mut child = crosswire()
            .args(["audit", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(log.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &stderr,
        )
    };
    let (code, text) = audited(LOG);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2 rows read"), "{text}");
    let (code, text) = audited("subject\nsecret\n");
    assert_eq!(code, Some(2));
    assert!(
        text.contains("stdin: line 1: there is no column `time`") && !text.contains("secret"),
        "{text}"
    );
}
