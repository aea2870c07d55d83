//! A check: where it comes from, and how its scenario is made of it.

use std::fs::File;
use std::io::Read as _;
use std::panic::Location;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::draft::Draft;
use super::{Beside, CheckError};
use crate::fire::check_host_name;
use crate::scenario::{FILE_LIMIT, Scenario};

/// What is to be checked of a service, and how: the keys of a scenario file as methods, and what the command takes as
/// flags. It does nothing until [`Check::run`].
///
/// A check that is built has limits of its own, so that it is over soon: [`Check::ROUNDS`] rounds, [`Check::DURATION_S`]
/// seconds, [`Check::REQUESTS`] requests. One that comes from a file has those of the file.
#[must_use = "a check does nothing until it is run"]
#[derive(Debug)]
pub struct Check {
    /// The file, or the place of the call that began it.
    origin: String,
    named: Option<String>,
    /// The scenario as it was given, when it was; the draft then holds the same.
    original: Option<Result<Box<Scenario>, CheckError>>,
    /// The scenario's file, when it is one.
    pub(super) path: Option<PathBuf>,
    pub(super) draft: Draft,
    /// Whether the draft says something else than the original.
    changed: bool,
    surroundings: Beside,
    user_count: Option<u32>,
    pub(super) allowed: Vec<String>,
    pub(super) seed: Option<u64>,
    pub(super) history: Option<PathBuf>,
    #[cfg(feature = "control")]
    pub(super) control: Option<u32>,
    #[cfg(feature = "service")]
    pub(super) service: Option<super::service::Start>,
}

/// A check of the service at a URL: scheme, host and port, perhaps a path that stands before every step's.
///
/// It is called after the place of this call until [`Check::named`] says otherwise.
#[track_caller]
pub fn check(url: &str) -> Check {
    Check::built(url)
}

/// A check from a scenario file. Its path is relative to the current folder, which is the package's in `cargo test`; files
/// that it names are looked for beside it. What is wrong with it is told when it is run.
pub fn check_file(path: impl AsRef<Path>) -> Check {
    Check::file(path.as_ref())
}

impl Check {
    /// Rounds of a check that is built.
    pub const ROUNDS: u32 = 10;
    /// Longest run of a check that is built, seconds.
    pub const DURATION_S: u64 = 60;
    /// Most requests of a check that is built.
    pub const REQUESTS: u64 = 100_000;

    #[track_caller]
    pub(super) fn built(url: &str) -> Check {
        let mut check = Check::new(called(Location::caller()), Draft::new(), None);
        check.draft.set("target.url", url);
        check.draft.set("fire.rounds", Check::ROUNDS);
        check.draft.set("limits.duration-s", Check::DURATION_S);
        check.draft.set("limits.requests", Check::REQUESTS);
        check
    }

    pub(super) fn new(
        origin: String,
        draft: Draft,
        original: Option<Result<Box<Scenario>, CheckError>>,
    ) -> Check {
        Check {
            origin,
            named: None,
            original,
            path: None,
            draft,
            changed: false,
            surroundings: Beside::folder(""),
            user_count: None,
            allowed: Vec::new(),
            seed: None,
            history: None,
            #[cfg(feature = "control")]
            control: None,
            #[cfg(feature = "service")]
            service: None,
        }
    }

    fn file(path: &Path) -> Check {
        let name = path.display().to_string();
        let surroundings = Beside::new(path);
        let (original, draft) = match read(path, &name, &surroundings) {
            Ok((scenario, draft)) => (Ok(Box::new(scenario)), draft),
            Err(error) => (Err(error), Draft::new()),
        };
        Check {
            path: Some(path.to_owned()),
            surroundings,
            ..Check::new(name, draft, Some(original))
        }
    }

    /// A check from a scenario that was read before. When more is changed than its users and its target, it is read anew;
    /// files that it names are then looked for in the folder of [`Check::beside`].
    pub fn from_scenario(scenario: Scenario) -> Check {
        let name = scenario.name.clone();
        match Draft::of(&scenario.to_toml()) {
            Ok(draft) => Check::new(name, draft, Some(Ok(Box::new(scenario)))),
            Err(why) => Check::new(name, Draft::new(), Some(Err(CheckError::wrong(why)))),
        }
    }

    /// What reports and errors call it.
    pub fn named(mut self, name: &str) -> Check {
        self.named = Some(name.to_owned());
        self
    }

    /// The folder in which files are looked for that the scenario names; the current one when it is built.
    pub fn beside(mut self, folder: impl Into<PathBuf>) -> Check {
        self.surroundings = Beside::folder(folder);
        self
    }

    /// Any key of the file, by its name there; a dotted one is a key of a table, such as `fire.group` or
    /// `session.refresh-status`. Where a key holds dots itself, set the whole table.
    pub fn set(mut self, key: &str, value: impl Serialize) -> Check {
        self.change().set(key, value);
        self
    }

    /// The service at a URL instead of the scenario's own.
    pub fn url(mut self, url: &str) -> Check {
        let draft = self.change();
        ["bundled", "store", "tls"]
            .into_iter()
            .for_each(|key| draft.remove("target", key));
        draft.set("target.url", url);
        self
    }

    /// How many users there are. When they are made by a pattern and no other is given, they are called `user1`, `user2`, …;
    /// of listed users the first ones take part.
    pub fn users(mut self, count: u32) -> Check {
        if self.original.is_some() {
            self.user_count = Some(count);
            return self;
        }
        self.draft.set("users.count", count);
        if !self.draft.has("users", "name") {
            self.draft.set("users.name", "user{{ index }}");
        }
        self
    }

    /// A host besides this machine that may be fired at, without scheme, port and path.
    pub fn allow_host(mut self, host: &str) -> Check {
        self.allowed.push(host.to_owned());
        self
    }

    /// Decides everything that crosswire chooses by chance; drawn anew for every run when none is given. Over a network it
    /// decides what is sent and when, not in which order the service works.
    pub fn seed(mut self, seed: u64) -> Check {
        self.seed = Some(seed);
        self
    }

    /// Stores the history of the run, for `crosswire judge`. It holds canaries whole and whatever the answers held.
    pub fn history(mut self, path: impl Into<PathBuf>) -> Check {
        self.history = Some(path.into());
        self
    }

    /// First a short run through a proxy that swaps some answers on purpose, to show that this check would have seen it.
    #[cfg(feature = "control")]
    pub fn control(self) -> Check {
        self.control_rounds(crate::control::CONTROL_ROUNDS)
    }

    /// [`Check::control`] with that many rounds.
    #[cfg(feature = "control")]
    pub fn control_rounds(mut self, rounds: u32) -> Check {
        self.control = Some(rounds);
        self
    }

    pub(super) fn name(&self) -> &str {
        self.named.as_ref().unwrap_or(&self.origin)
    }

    /// The draft, which from now on says something else than the original.
    pub(super) fn change(&mut self) -> &mut Draft {
        self.changed = true;
        &mut self.draft
    }

    /// The scenario file that says the same: what `crosswire run` would take. Not in it: the seed, allowed hosts, and the
    /// number of users of a check that comes from a file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.draft.write().text
    }

    /// The scenario that is run.
    ///
    /// # Errors
    /// When it is wrong, or a file that it names cannot be read.
    pub fn scenario(&self) -> Result<Scenario, CheckError> {
        for host in &self.allowed {
            check_host_name(host).map_err(|error| CheckError::host_name(&error))?;
        }
        let mut scenario = match (&self.original, self.changed) {
            (Some(Err(error)), _) => return Err(error.clone()),
            (Some(Ok(original)), false) => Scenario::clone(original),
            (Some(Ok(original)), true) => {
                let mut scenario = self.parse()?;
                place_as(&mut scenario, original);
                scenario
            }
            (None, _) => {
                let mut scenario = self.parse()?;
                each_step(&mut scenario, |step| step.line = 0);
                scenario
            }
        };
        if let Some(count) = self.user_count {
            scenario
                .set_user_count(count)
                .map_err(|error| CheckError::users(count, &error))?;
        }
        // A scenario in a file is called after it unless told otherwise.
        if self.named.is_some() || self.path.is_none() {
            self.name().clone_into(&mut scenario.name);
        }
        Ok(scenario)
    }

    fn parse(&self) -> Result<Scenario, CheckError> {
        if let Some(why) = self.draft.wrong() {
            return Err(CheckError::wrong(why));
        }
        let written = self.draft.write();
        Scenario::parse_with(self.name(), &written.text, &self.surroundings)
            .map_err(|error| CheckError::scenario(&error, written.step_at(error.line())))
    }
}

/// `tests/account.rs`, line 12, is `account.rs:12`.
pub(super) fn called(place: &Location<'_>) -> String {
    let file = place.file().rsplit(['/', '\\']).next().unwrap_or_default();
    format!("{file}:{}", place.line())
}

fn read(path: &Path, name: &str, surroundings: &Beside) -> Result<(Scenario, Draft), CheckError> {
    let mut bytes = Vec::new();
    // One byte more than a scenario may have, so that the reader can say that it is too large.
    File::open(path)
        .and_then(|file| file.take(FILE_LIMIT as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| CheckError::unread(path, &error))?;
    let scenario = Scenario::parse_bytes_with(name, &bytes, surroundings)
        .map_err(|error| CheckError::scenario(&error, None))?;
    // It was read as UTF-8 just now.
    let draft = Draft::of(&String::from_utf8_lossy(&bytes)).map_err(CheckError::wrong)?;
    Ok((scenario, draft))
}

/// Steps that were in the original keep their lines there; the others have none.
fn place_as(scenario: &mut Scenario, original: &Scenario) {
    each_step(scenario, |step| {
        let same = original.steps().find(|known| known.name == step.name);
        step.line = same.map_or(0, |known| known.line);
    });
}

fn each_step(scenario: &mut Scenario, mut change: impl FnMut(&mut crate::scenario::Step)) {
    let lists = [
        &mut scenario.setup,
        &mut scenario.each_round,
        &mut scenario.volley,
        &mut scenario.read_back,
        &mut scenario.refresh,
        &mut scenario.clean_up,
    ];
    lists.into_iter().flatten().for_each(&mut change);
}
