//! Counts of small logs, and what is said of wrong ones.

use super::*;

const DAY: i64 = 86_400;

fn row<'r>(day: i64, principal: &'r str, key: &'r str, subject: &'r str) -> Row<'r> {
    Row {
        time: Moment(day * DAY),
        principal,
        key,
        subject,
        status: Some(200),
    }
}

#[test]
fn a_short_window_counts_too_few() {
    let mut audit = Audit::new();
    for day in 0..150 {
        let subjects: Vec<String> = (0..100).map(|one| format!("{}", day * 100 + one)).collect();
        for subject in &subjects {
            audit.add(&row(day, "gone", "k1", subject)).unwrap();
        }
        audit.add(&row(day, "clerk", "k2", "c-17")).unwrap();
    }
    let counted = audit.finish(Some(6 * DAY as u64));
    let sums = counted.principals.iter();
    let sums: Vec<_> = sums
        .map(|sum| (&*sum.name, sum.subjects, sum.recent))
        .collect();
    assert_eq!(sums, [("gone", 15_000, Some(700)), ("clerk", 1, Some(1))]);
    assert_eq!(counted.keys[0].name, "k1");
    assert_eq!(
        (counted.principals[0].first, counted.principals[0].last),
        (Moment(0), Moment(149 * DAY))
    );
    assert_eq!(counted.rows, 15_150);
}

#[test]
fn keys_of_one_principal_and_principals_of_one_key_are_not_added_up() {
    let mut audit = Audit::new();
    for (principal, key, subject) in [
        ("a", "k1", "x"),
        ("a", "k2", "x"),
        ("a", "k2", "y"),
        ("b", "k1", "x"),
        ("b", "k1", "z"),
    ] {
        audit.add(&row(1, principal, key, subject)).unwrap();
    }
    let counted = audit.finish(None);
    let sums = |of: &[Sum]| {
        of.iter()
            .map(|sum| (sum.name.clone(), sum.subjects, sum.reads))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        sums(&counted.principals),
        [("a".into(), 2, 3), ("b".into(), 2, 2)]
    );
    assert_eq!(
        sums(&counted.keys),
        [("k1".into(), 2, 3), ("k2".into(), 2, 2)]
    );
    assert_eq!(counted.keys[0].recent, None);
}

#[test]
fn what_was_refused_counts_for_nothing_and_a_log_without_keys_has_none() {
    let mut audit = Audit::new();
    let log = "{\"time\":1,\"principal\":\"a\",\"subject\":7,\"status\":200}\n\n\
               {\"time\":\"1970-01-01T00:00:02Z\",\"principal\":\"a\",\"subject\":\"8\",\"status\":\"403\",\"more\":[]}\n\
               {\"time\":3,\"principal\":\"a\",\"subject\":\"7\",\"status\":null}\n";
    read(log.as_bytes(), &mut audit).unwrap();
    let counted = audit.finish(None);
    assert!(counted.keys.is_empty());
    assert_eq!((counted.rows, counted.refused), (3, 1));
    assert_eq!(
        (counted.principals[0].subjects, counted.principals[0].reads),
        (1, 2)
    );
}

#[test]
fn errors_name_the_line_and_quote_nothing() {
    let errors = [
        ("", "the log is empty"),
        ("\n \n", "the log is empty"),
        ("\u{feff}", "the log is empty"),
        ("\u{1f}\u{8b}", "line 1: there is no column"),
        (
            "[{\"time\":1,\"principal\":\"secret\"}]",
            "the log is one JSON array",
        ),
        (
            "10.0.0.1 - secret [24/Jun/2025:00:00:00 +0900] \"GET / HTTP/1.1\" 200 1\n",
            "line 1: there is no column `time`: the first line of CSV names",
        ),
        (
            "time,principal,subject\n1750723200000,a,b\n",
            "line 2: the time is neither a number of seconds since 1970 (milliseconds are none)",
        ),
        ("time,subject\n", "line 1: there is no column `principal`"),
        (
            "time,principal,subject\n1,secret,a\nsecret,b,c\n",
            "line 3: the time is neither",
        ),
        (
            "time,principal,subject\n1,secret\n",
            "line 2: it has 2 columns, and the first line names 3",
        ),
        (
            "time,principal,subject\n1,secret,\n",
            "line 2: principal or subject is empty",
        ),
        (
            "{\"time\":1,\"principal\":\"a\",\"subject\":18446744073709551616}\n",
            "line 1: a row is a JSON object",
        ),
        (
            "{\"time\":1,\"principal\":\"secret\"}\n",
            "line 1: a row is a JSON object",
        ),
        (
            "{\"time\":1,\"principal\":\"a\",\"subject\":\"b\"}\nsecret",
            "line 2: a row is a JSON object",
        ),
        (
            "time,principal,subject,status\n1,a,b,secret\n",
            "line 2: the status is no number",
        ),
    ];
    for (log, expected) in errors {
        let error = read(log.as_bytes(), &mut Audit::new())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn what_no_person_would_write_on_a_line_is_no_row() {
    let huge = "x".repeat(3 << 20);
    let mut compressed = b"\x1f\x8b\x08\x00".to_vec();
    compressed.extend(huge.as_bytes());
    let logs = [
        (
            format!("time,principal,subject\n1,a,b\n1,\"{huge}").into_bytes(),
            "line 3: the row is longer",
        ),
        (huge.clone().into_bytes(), "line 1: the row is longer"),
        (
            format!("{{\"time\":1,\"principal\":\"{huge}").into_bytes(),
            "line 1: the row is longer",
        ),
        (compressed, "the log is compressed"),
        (
            format!("time,principal,subject\n1,{},b\n", "x".repeat(1_025)).into_bytes(),
            "line 2: the name of a principal or of a key is longer than 1 KiB",
        ),
    ];
    for (log, expected) in logs {
        let error = read(log.as_slice(), &mut Audit::new()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn a_mark_at_the_beginning_and_further_columns_are_passed_over() {
    for log in [
        "\u{feff}{\"time\":1,\"principal\":\"a\",\"subject\":7}\r\n",
        "\n{\"time\":1,\"principal\":\"a\",\"subject\":7,\"agent\":{\"name\":[\"x\"]}}",
        "\u{feff}time,principal,subject\r\n1,a,7\r\n",
        "{\"time\":1750723200.25,\"principal\":\"a\",\"subject\":7}",
        // As some writers of JSON put whole numbers that they hold as floating points.
        "{\"time\":1750723200.0,\"principal\":\"a\",\"subject\":7.0,\"status\":200.0}",
        "agent,subject, principal ,time\n\"x, \"\"y\"\"\",7,a,1\n\n",
    ] {
        let mut audit = Audit::new();
        read(log.as_bytes(), &mut audit).unwrap();
        let counted = audit.finish(None);
        assert_eq!((counted.rows, counted.principals[0].subjects), (1, 1));
        assert_eq!(counted.principals[0].name, "a");
    }
}

#[test]
fn only_numbers_as_they_are_written_stand_for_themselves() {
    assert_eq!((stands_for("0"), stands_for("17")), (0, 17));
    let written = [
        "00",
        "017",
        "+17",
        "-17",
        "17 ",
        "9223372036854775808",
        "x",
        "",
    ];
    let hashed: std::collections::BTreeSet<u64> = written.map(stands_for).into_iter().collect();
    assert_eq!(hashed.len(), written.len());
    assert!(hashed.iter().all(|one| one & HASHED != 0));
}

#[test]
fn there_are_no_more_readers_than_memory_is_meant_for() {
    let mut audit = Audit::new();
    let mut add = |reader: usize| audit.add(&row(1, &reader.to_string(), "k", "1"));
    for reader in 0..PAIRS {
        add(reader).unwrap();
    }
    add(PAIRS - 1).unwrap();
    let error = add(PAIRS).unwrap_err().to_string();
    assert!(error.starts_with("more than 500000 pairs"), "{error}");
}
