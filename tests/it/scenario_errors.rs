//! What each kind of wrong scenario file is answered with, word by word: `tests/scenario-errors/*.toml` and, beside each,
//! the expected text. `UPDATE_EXPECTED=1 cargo test --test it scenario_errors` writes the texts anew, to be read as a diff.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crosswire::scenario::{FILE_LIMIT, Scenario, ScenarioError, Surroundings};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario-errors")
}

fn stems(extension: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    let files = entries.map(|entry| {
        entry
            .expect("it can be listed")
            .file_name()
            .into_string()
            .expect("names are UTF-8")
    });
    files
        .filter_map(|file| file.strip_suffix(extension).map(str::to_owned))
        .collect()
}

/// An empty environment, and the files beside the scenarios.
struct Folder;

impl Surroundings for Folder {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        fs::read(folder().join(path))
    }
}

fn parse(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse_with(name, text, &Folder)
}

#[test]
fn every_fault_is_told_as_expected() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut different = Vec::new();
    for stem in stems(".toml") {
        let file = format!("{stem}.toml");
        let text = fs::read_to_string(folder().join(&file)).unwrap();
        let error = parse(&file, &text).map(|_| ()).expect_err(&file);
        let told = format!("{error}\n");
        let expected = folder().join(format!("{stem}.txt"));
        if update {
            fs::write(expected, told).unwrap();
        } else if fs::read_to_string(expected).unwrap_or_default() != told {
            different.push(format!("--- {file}\n{told}"));
        }
    }
    assert!(
        different.is_empty(),
        "not as expected (UPDATE_EXPECTED=1 accepts):\n{}",
        different.join("\n")
    );
}

#[test]
fn no_expectation_is_left_over() {
    assert_eq!(stems(".toml"), stems(".txt"));
    assert!(stems(".toml").len() > 40);
}

#[test]
fn every_fault_points_into_its_line_and_hides_passwords() {
    for stem in stems(".toml") {
        let text = fs::read_to_string(folder().join(format!("{stem}.toml"))).unwrap();
        let error = parse(&stem, &text).map(|_| ()).expect_err(&stem);
        let line = text.lines().nth(error.line() - 1).unwrap_or_default();
        assert!(
            error.column() <= line.chars().count() + 1,
            "{stem}: column {} of {line:?}",
            error.column()
        );
        for told in [error.to_string(), format!("{error:?}"), error.render(true)] {
            assert!(!told.contains("geheim"), "{stem} shows a password:\n{told}");
            assert!(told.contains(error.message()), "{stem}");
        }
        assert!(
            error.render(true).contains('\u{1b}') && !error.render(false).contains('\u{1b}'),
            "{stem}"
        );
    }
}

#[test]
fn the_kind_of_a_fault_can_be_asked() {
    let text = |stem: &str| fs::read_to_string(folder().join(format!("{stem}.toml"))).unwrap();
    let kind = |stem: &str| {
        let error = parse(stem, &text(stem)).unwrap_err();
        (error.is_syntax(), error.is_environment())
    };
    assert_eq!(kind("unclosed-text"), (true, false));
    assert_eq!(kind("missing-environment"), (false, true));
    assert_eq!(kind("unknown-key"), (false, false));
}

#[test]
fn line_ends_of_other_systems_and_a_byte_order_mark_move_nothing() {
    let text = fs::read_to_string(folder().join("unknown-key.toml")).unwrap();
    let plain = parse("x", &text).unwrap_err();
    for other in [text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
        let error = parse("x", &other).unwrap_err();
        assert_eq!(
            (error.line(), error.column(), error.message()),
            (plain.line(), plain.column(), plain.message())
        );
        assert!(!error.to_string().contains('\r') && !error.to_string().contains('\u{feff}'));
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let error = Scenario::parse_bytes("x.toml", b"version = 1\ntitle = \"caf\xe9\"\n").unwrap_err();
    assert!(error.is_syntax());
    assert_eq!((error.line(), error.column()), (2, 13));
    assert!(error.to_string().contains("not UTF-8"), "{error}");
    let error =
        Scenario::parse_bytes("x.toml", b"[users]\npassword = \"geheim\xff\"\n").unwrap_err();
    assert!(!error.to_string().contains("geheim"), "{error}");
    let error = Scenario::parse_bytes("x.toml", b"\xff\xfev\0e\0").unwrap_err();
    assert!(error.to_string().contains("UTF-16"), "{error}");
}

#[test]
fn a_file_over_the_limit_is_refused_without_being_shown() {
    let largest = format!("#{}\n", " ".repeat(FILE_LIMIT - 2));
    assert!(
        !parse("x.toml", &largest).unwrap_err().is_syntax(),
        "the limit itself is read"
    );
    let error = parse("x.toml", &format!("{largest} ")).unwrap_err();
    assert!(error.is_syntax());
    let told = error.to_string();
    assert!(
        told.contains(&FILE_LIMIT.to_string()) && told.len() < 200,
        "{told}"
    );
}
