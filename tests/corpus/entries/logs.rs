//! Access logs that are audited.

use std::io::BufReader;

use crosswire::audit::{Audit, AuditError, Counted, Sum, read, render};

/// A log is counted or refused, however the bytes arrive; no count contradicts another, and an error is one line for people.
pub fn audit(bytes: &[u8]) {
    let at_once = counted(bytes, 1 << 20);
    let byte_by_byte = counted(bytes, 1);
    match (at_once, byte_by_byte) {
        (Ok(counted), Ok(again)) => {
            assert_eq!(counted, again);
            holds(&counted);
        }
        (Err(error), Err(again)) => {
            let error = error.to_string();
            assert_eq!(error, again.to_string());
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
        (one, other) => panic!("{one:?}, byte by byte {other:?}"),
    }
}

fn counted(bytes: &[u8], at_once: usize) -> Result<Counted, AuditError> {
    let mut audit = Audit::new();
    read(BufReader::with_capacity(at_once, bytes), &mut audit)?;
    Ok(audit.finish(Some(3_600)))
}

fn holds(counted: &Counted) {
    let reads = |sums: &[Sum]| sums.iter().map(|sum| sum.reads).sum::<u64>();
    assert_eq!(
        reads(&counted.principals),
        counted.rows - counted.refused,
        "every granted access is one principal's"
    );
    assert!(reads(&counted.keys) <= reads(&counted.principals));
    for sum in counted.principals.iter().chain(&counted.keys) {
        assert!((1..=sum.reads).contains(&sum.subjects), "{sum:?}");
        assert!(sum.recent.unwrap() <= sum.subjects, "{sum:?}");
        assert!(sum.first <= sum.last && Some(sum.last) <= counted.newest);
    }
    let most = counted.principals.first().map_or(0, |sum| sum.subjects);
    assert_eq!(counted.beyond(most), 0);
    let mut document = Vec::new();
    render(counted, Some(most), Some(3_600), &mut document).unwrap();
    serde_json::from_slice::<serde_json::Value>(&document).unwrap();
}
