//! `crosswire audit`, as it is run.

use std::io::Write as _;
use std::process::Stdio;

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
