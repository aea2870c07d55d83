//! Every kept input through what the fuzz targets run: `tests/corpus/TARGET/`, one file an input. Whatever a fuzzer finds
//! is kept there, as small as it gets.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helper functions too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[expect(
    unreachable_pub,
    reason = "the fuzz targets are a package of their own"
)]
mod entries;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// The names in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Runs every input of a target, in order; what is printed tells at which one it ended.
#[expect(clippy::print_stdout, reason = "shown when the test fails")]
fn run(target: &str) {
    let (_, entry) = entries::ALL.iter().find(|entry| entry.0 == target).unwrap();
    entry(b"");
    let folder = root().join(target);
    for name in names(&folder) {
        println!("{target}/{name}");
        entry(&fs::read(folder.join(name)).unwrap());
    }
}

macro_rules! targets {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            run(stringify!($target));
        })*

        const RUN: &[&str] = &[$(stringify!($target)),*];
    };
}

targets!(audit curl decode_body har history hurl judge openapi report_json scenario);

#[test]
fn every_target_has_inputs_and_a_fuzzer() {
    let all: BTreeSet<String> = entries::ALL
        .iter()
        .map(|entry| entry.0.to_owned())
        .collect();
    assert_eq!(all, RUN.iter().map(|name| (*name).to_owned()).collect());
    let mut folders = names(&root());
    assert!(folders.remove("entries") && folders.remove("main.rs"));
    assert_eq!(folders, all);
    let fuzzers = names(&root().join("../../fuzz/fuzz_targets"));
    assert_eq!(
        fuzzers,
        all.iter().map(|name| format!("{name}.rs")).collect()
    );
    for target in &all {
        assert!(names(&root().join(target)).len() >= 10, "{target}");
    }
}
