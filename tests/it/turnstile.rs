//! `crosswire explore --through`: a service of the tests' own, from its command line to its report.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crosswire::history::{Record, read};

use crate::command::{Ran, crosswire, expect, folder, text};
use crate::desk::{Desk, Store};

/// Nothing counts as blocked because a machine is busy, and no schedule is left out because it is slow.
const PATIENT: [&str; 4] = ["--blocked", "60s", "--duration", "3600s"];

/// A service with its store, and a folder for files.
struct Scene {
    desk: Desk,
    store: Store,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new(is_shared: bool) -> Scene {
        Scene::over(is_shared, Store::start())
    }

    fn over(is_shared: bool, store: Store) -> Scene {
        Scene {
            desk: Desk::start(is_shared),
            store,
            folder: folder(),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Explores with these flags besides.
    fn explore(&self, limits: &str, flags: &[&str]) -> Ran {
        let file = self.at("desk.toml");
        std::fs::write(&file, self.desk.scenario(limits)).unwrap();
        let through = format!("0={}", self.store.address);
        let given = ["explore", text(&file), "--through", &through, "--seed", "3"];
        let words = given.iter().chain(&PATIENT).chain(flags);
        self.run(words.map(|word| (*word).to_owned()))
    }

    /// Runs a command, and lets the service know where its relay is.
    fn run(&self, words: impl IntoIterator<Item = String>) -> Ran {
        let mut child = started(words);
        let mut stderr = String::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some((relay, _)) = line.split_once(" leads to ") {
                let relay: SocketAddr = relay.parse().unwrap();
                self.desk.reaches(relay);
            }
            stderr += &line;
            stderr.push('\n');
        }
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr,
        }
    }

    /// What the history of the last exploration holds.
    fn records(&self) -> Vec<Record> {
        let history = std::fs::File::open(self.at("history.ndjson")).unwrap();
        read(BufReader::new(history)).unwrap()
    }
}

fn started(words: impl IntoIterator<Item = String>) -> Child {
    let mut command = crosswire();
    command.args(words);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn first_word(ran: &Ran) -> &str {
    ran.stdout.split(' ').next().unwrap()
}

fn notes(records: &[Record]) -> String {
    let note = |record: &Record| match record {
        Record::Note { text } => format!("{text}\n"),
        _ => String::new(),
    };
    records.iter().map(note).collect()
}

/// The command that a report prints for its schedule.
fn printed(ran: &Ran) -> Vec<String> {
    let lines: Vec<&str> = ran.stdout.lines().map(str::trim).collect();
    let text = lines.join(" ");
    let begin = text.find("crosswire explore").unwrap();
    let schedule = begin + text[begin..].find("--schedule").unwrap();
    let end = text[schedule..].match_indices('\'').nth(1).unwrap().0;
    let words = shlex::split(&text[begin..=schedule + end]).unwrap();
    words.into_iter().skip(1).collect()
}

#[test]
fn the_fault_is_found_and_its_printed_command_shows_it_again() {
    let scene = Scene::new(true);
    let ran = scene.explore("", &["--expect", "exposed"]);
    assert_eq!((ran.code, first_word(&ran)), (0, "EXPOSED"), "{ran:?}");
    let words = printed(&ran);
    for word in ["--through", "--blocked", "--schedule"] {
        assert!(words.iter().any(|known| known == word), "{words:?}");
    }
    // The service is the same process: its pool holds connections through the relay that was there before.
    let history = scene.at("history.ndjson");
    let stored = ["--history".to_owned(), text(&history).to_owned()];
    let again = scene.run(words.iter().cloned().chain(stored));
    assert_eq!(
        (again.code, first_word(&again)),
        (0, "EXPOSED"),
        "{again:?}"
    );
    let notes = notes(&scene.records());
    assert!(
        notes.contains("of `write` of user1 failed (it was answered 500)"),
        "{notes}"
    );

    let ran = scene.explore("", &[]);
    assert_eq!((ran.code, first_word(&ran)), (1, "EXPOSED"), "{ran:?}");
}

#[test]
fn the_repair_is_isolated_in_all_schedules() {
    let scene = Scene::new(false);
    let ran = scene.explore("", &[]);
    assert_eq!((ran.code, first_word(&ran)), (0, "ISOLATED"), "{ran:?}");
    // Four steps each.
    assert!(ran.stdout.contains("all 70 schedules"), "{}", ran.stdout);
    let ran = scene.explore("", &["--expect", "exposed"]);
    assert_eq!(ran.code, 6, "{ran:?}");
}

#[test]
fn the_limits_of_the_scenario_hold() {
    let scene = Scene::new(false);
    let limits = "[limits]\nrequests = 60";
    let history = scene.at("history.ndjson");
    let ran = scene.explore(limits, &["--history", text(&history)]);
    assert!(
        ran.stdout.contains("limits.requests = 60"),
        "{}",
        ran.stdout
    );
    let is_exchange = |record: &&Record| matches!(record, Record::Exchange(_));
    let exchanges = scene.records().iter().filter(is_exchange).count();
    assert!((40..=60).contains(&exchanges), "{exchanges} exchanges");
    let ran = scene.explore("[limits]\nrequests = 5", &[]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("limit of 5 requests"), "{}", ran.stdout);
}

#[test]
fn a_store_that_goes_down_meanwhile_is_named_and_the_history_kept() {
    // Enough for every request alone and some executions.
    let scene = Scene::over(false, Store::for_commands(100));
    let history = scene.at("history.ndjson");
    let ran = scene.explore("", &["--history", text(&history)]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let told = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let store = scene.store.address.to_string();
    for part in [
        "of the race could not be run to its end",
        &store,
        "then explore again",
    ] {
        assert!(told.contains(part), "{part}: {}", ran.stdout);
    }
    let records = scene.records();
    let volleys = records
        .iter()
        .filter(|record| matches!(record, Record::Volley(_)));
    assert!(volleys.count() > 1);
    assert!(
        notes(&records).contains("takes no connections:"),
        "{}",
        notes(&records)
    );
    expect(3, &format!("judge {}", text(&history)));
}

#[test]
fn a_service_that_is_not_there_is_waited_for_and_said_so() {
    let scene = Scene::new(false);
    // Closed again at once. Should somebody else get the port meanwhile, the scenario does not suit him.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let file = scene.at("desk.toml");
    std::fs::write(&file, scene.desk.scenario("")).unwrap();
    let given = [
        "explore",
        text(&file),
        "--url",
        &url,
        "--through",
        "0=127.0.0.1:1",
    ];
    let mut child = started(given.map(str::to_owned));
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("takes no connections yet") {
        assert!(stderr.read_line(&mut told).unwrap() > 0, "{told}");
    }
    assert!(
        told.contains(&url) && told.contains("waiting up to 30 s"),
        "{told}"
    );
    // Nobody starts it: Ctrl-C ends the wait.
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
    stderr.read_to_string(&mut told).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{told}");
}
