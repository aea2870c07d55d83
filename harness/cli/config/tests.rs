//! Which setting wins, what a wrong file is told, what is shown.

use clap::CommandFactory as _;

use super::*;
use crate::args::Cli;

struct Place(tempfile::TempDir);

impl Place {
    /// A repository with a `crosswire.toml` at its root and a folder inside.
    fn with(text: &str) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(place.0.path().join(".git")).unwrap();
        std::fs::create_dir_all(place.inner()).unwrap();
        std::fs::write(place.0.path().join(FILE), text).unwrap();
        place
    }

    fn inner(&self) -> PathBuf {
        self.0.path().join("a/b")
    }

    fn settle(&self, typed: &str, variables: &[(&str, &str)]) -> Result<Settled, Failure> {
        let typed = typed.split(' ').map(OsString::from).collect();
        let variable = |name: &str| {
            let found = variables.iter().find(|variable| variable.0 == name);
            found.map(|variable| variable.1.to_owned())
        };
        settle(&Cli::command(), typed, &self.inner(), &variable)
    }

    fn line(&self, typed: &str, variables: &[(&str, &str)]) -> String {
        let settled = self.settle(typed, variables).unwrap();
        let words: Vec<_> = settled
            .arguments
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        words.join(" ")
    }
}

#[test]
fn typed_before_variables_before_the_file() {
    let place = Place::with(
        "[run]\nrounds = 5\nusers = 7\nallow-host = [\"a.test\", \"b.test\"]\nverbose = true\n",
    );
    assert_eq!(
        place.line("crosswire run x --rounds 9", &[("CROSSWIRE_USERS", "3")]),
        "crosswire run --allow-host=a.test --allow-host=b.test --users=3 --verbose x --rounds 9"
    );
    assert_eq!(place.line("crosswire targets", &[]), "crosswire targets");
    assert_eq!(
        place.line("crosswire run x --no-config", &[]),
        "crosswire run x --no-config"
    );
}

#[test]
fn what_was_typed_rules_out_what_does_not_go_with_it() {
    let place = Place::with("[run]\nverbose = true\nvariant = \"shared-note\"\n");
    assert_eq!(
        place.line("crosswire run x --quiet --url http://127.0.0.1:1", &[]),
        "crosswire run x --quiet --url http://127.0.0.1:1"
    );
}

#[test]
fn scenarios_may_stand_in_the_file_too() {
    let place = Place::with("[run]\nscenarios = [\"mail-2008\"]\n");
    assert_eq!(place.line("crosswire run", &[]), "crosswire run mail-2008");
    assert_eq!(
        place.line("crosswire run mine.toml", &[]),
        "crosswire run mine.toml"
    );
}

#[test]
fn paths_are_taken_from_the_files_folder() {
    let place = Place::with("[run]\nca = \"certificates/ca.pem\"\n");
    let line = place.line("crosswire run x", &[]);
    let expected = place.0.path().join("certificates/ca.pem");
    assert_eq!(line, format!("crosswire run --ca={} x", expected.display()));
}

#[test]
fn variables_of_flags_and_lists() {
    let place = Place::with("");
    assert_eq!(
        place.line(
            "crosswire run x",
            &[
                ("CROSSWIRE_QUIET", "1"),
                ("CROSSWIRE_REPORT", "json=a.json, junit=b.xml")
            ]
        ),
        "crosswire run --quiet --report=json=a.json --report=junit=b.xml x"
    );
    assert_eq!(
        place.line("crosswire run x", &[("CROSSWIRE_QUIET", "false")]),
        "crosswire run x"
    );
}

#[test]
fn a_wrong_file_is_told_where_and_what() {
    for (text, told) in [
        ("[run]\nround = 5\n", "no setting `round`"),
        ("[runs]\nrounds = 5\n", "no subcommand `runs`"),
        ("rounds = 5\n", "no subcommand `rounds`"),
        ("[run]\nquiet = 5\n", "`true` or `false`"),
        ("[run]\nrounds = [5]\n", "a text or a whole number"),
        ("[run\n", "--no-config"),
    ] {
        let failure = Place::with(text)
            .settle("crosswire run x", &[])
            .unwrap_err();
        assert!(
            failure.message.contains(told) && failure.message.contains(FILE),
            "{}",
            failure.message
        );
    }
}

#[test]
fn the_search_ends_at_the_repositorys_root() {
    let place = Place::with("[run]\nrounds = 5\n");
    std::fs::create_dir_all(place.inner().join(".git")).unwrap();
    assert_eq!(place.line("crosswire run x", &[]), "crosswire run x");
}

#[test]
fn settings_are_shown_with_their_origin_and_without_secrets() {
    let place = Place::with("[run]\nrounds = 5\n");
    let settled = place
        .settle(
            "crosswire run x --show-config --url http://me:hunter2@127.0.0.1",
            &[("CROSSWIRE_USERS", "3")],
        )
        .unwrap();
    let text = settled.shown.unwrap();
    let line = |key: &str| {
        let found = text.lines().find(|line| line.trim_start().starts_with(key));
        found
            .unwrap_or_else(|| panic!("{key} in {text}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(line("rounds").starts_with("rounds 5 /"), "{text}");
    assert_eq!(line("users"), "users 3 CROSSWIRE_USERS");
    assert_eq!(line("url"), "url http://***@127.0.0.1 command line");
    assert_eq!(line("quiet"), "quiet - default");
    assert!(!text.contains("hunter2"));
}
