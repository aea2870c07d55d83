//! Runs the built command with a scrubbed environment, and makes the scenarios that the tests run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a command ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command, with an environment that holds nothing of the person's who runs the tests.
pub(crate) fn crosswire() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosswire"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs to the end.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    let output = crosswire().args(arguments).output().unwrap();
    Ran {
        code: output.status.code().expect("ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs with arguments that are separated by spaces, and expects an exit code.
pub(crate) fn expect(code: i32, arguments: &str) -> Ran {
    let ran = run(arguments.split(' '));
    assert_eq!(
        ran.code, code,
        "crosswire {arguments}\n{}\n{}",
        ran.stdout, ran.stderr
    );
    ran
}

/// A folder of the test's own; it goes when it is dropped.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The path as a text without spaces, so that it can stand in a command line.
pub(crate) fn text(path: &Path) -> &str {
    let text = path.to_str().unwrap();
    assert!(!text.contains(' '), "{text}");
    text
}

/// Writes `mail-2008`, made small and with these pieces replaced, as `NAME.toml` into the folder.
pub(crate) fn small_mail(folder: &Path, name: &str, replacements: &[(&str, &str)]) -> PathBuf {
    let shipped = crosswire::scenario::find_shipped("mail-2008").unwrap().text;
    let small = [
        ("count = 20", "count = 8"),
        ("rounds = 30", "rounds = 2"),
        ("min-overlaps = 1000", "min-overlaps = 20"),
    ];
    let mut text = shipped.to_owned();
    for (from, to) in small.iter().chain(replacements) {
        assert!(
            text.contains(from),
            "{from:?} is not in the scenario any more"
        );
        text = text.replace(from, to);
    }
    let path = folder.join(format!("{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}
