//! What users do: a scenario as types, read from TOML with errors that point into the file.
//!
//! A [`Scenario`] says which [`Users`] there are, which [`Step`]s each of them takes before, in and after the volleys, how
//! the volleys are fired ([`FireSettings`]) and what a run never goes beyond ([`Limits`]). Its texts are templates that
//! [`Step::render`] fills in for one user and round. Nothing here opens a socket or a file.

mod body;
mod capture;
mod environment;
mod error;
mod expectation;
mod exploring;
mod fault;
mod file;
mod functions;
mod html;
mod multipart;
mod network;
mod scan;
mod schema;
#[cfg(test)]
mod section_tests;
mod session;
mod settings;
mod shipped;
mod status;
mod step;
#[cfg(test)]
mod step_tests;
mod surroundings;
mod template;
#[cfg(test)]
mod tests;
mod text_pattern;
mod users;
mod written;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::history::{Day, SlotInfo, StepInfo};
use crate::judge::{Threshold, Verdict};
use session::SessionHeaders;
use surroundings::VariablesAlone;
use written::Written;

pub use crate::choice::UnknownWord;
pub use capture::{Capture, CaptureError, CaptureFrom};
pub use error::ScenarioError;
pub use expectation::Expectations;
pub use exploring::{ExploreSettings, HoldName, SearchName};
pub use fault::{Abort, AbortHow, AbortWhen, Faults, Malformed, Pace};
pub use file::{FILE_LIMIT, SLOT_LIMIT, STEP_LIMIT};
pub use html::{Selector, SelectorError};
pub use network::{Network, SessionSettings};
pub use schema::schema;
pub use settings::{
    Bounds, Connections, FireSettings, Limits, MOST_SUBJECTS, Pattern, Protocol, StoreKind,
    StrategyName, TargetSpec,
};
pub use shipped::{Shipped, find_shipped, shipped};
pub use status::StatusRule;
pub use step::{RenderError, Rendered, Step};
pub use surroundings::{NAMED_FILE_LIMIT, Surroundings};
pub use template::{TEMPLATE_OUTPUT_LIMIT, TEMPLATE_WORK_LIMIT, Values};
pub use text_pattern::{TextPattern, TextPatternError};
pub use users::{User, Users, UsersError};

/// The version of the file format that this crosswire reads and writes.
pub const SCENARIO_VERSION: u32 = 1;

/// What users do and what is expected of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name: that of the file, without folder and extension.
    pub name: String,
    /// Words by which a command chooses scenarios.
    pub tags: Vec<String>,
    /// What it would catch, from the file's first line (`# Would catch: …`); empty when the file does not say.
    pub story: String,
    /// A title for people.
    pub title: String,
    /// The verdict that is expected.
    pub expect: Verdict,
    /// The service it is written for.
    pub target: TargetSpec,
    /// Further base URLs by name, for steps that say `host`.
    pub hosts: BTreeMap<String, String>,
    /// How connections are opened.
    pub network: Network,
    /// What holds for every request of a session.
    pub session: SessionSettings,
    /// Who takes part.
    pub users: Users,
    /// Where canaries are planted; a canary's slot is the index.
    pub slots: Vec<SlotInfo>,
    /// Once per user, alone, in order.
    pub setup: Vec<Step>,
    /// Per user and round, alone, before the volleys.
    pub each_round: Vec<Step>,
    /// Raced.
    pub volley: Vec<Step>,
    /// Per user, alone, after the volleys of every round.
    pub read_back: Vec<Step>,
    /// On a replayed day, alone: by users who miss what they have not removed themselves.
    pub restore: Vec<Step>,
    /// When a session is stale: per user, alone.
    pub refresh: Vec<Step>,
    /// Once per user at the end, alone.
    pub clean_up: Vec<Step>,
    /// How the volleys are fired.
    pub fire: FireSettings,
    /// How schedules are explored.
    pub explore: ExploreSettings,
    /// The day that is replayed, when the scenario tells of one.
    pub day: Option<Day>,
    /// What the run must reach besides its verdict.
    pub thresholds: Vec<Threshold>,
    /// What a run never goes beyond.
    pub limits: Limits,
    /// Headers of every request of a session; the steps carry the same.
    session_headers: Arc<SessionHeaders>,
    /// What the file has for values that it does not hold itself.
    written: Written,
    /// Values that the environment supplied, but for those in users' names.
    supplied: Supplied,
    marks_requests: bool,
}

/// Values that are never shown.
#[derive(Clone, Default)]
struct Supplied(Vec<String>);

impl fmt::Debug for Supplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}

impl Scenario {
    /// Reads a scenario; `${env:NAME}` is looked up in the process's environment. `name` is the file's, for errors and for
    /// [`Scenario::name`]. A scenario that names files needs [`Scenario::parse_with`].
    ///
    /// # Errors
    /// When the text is no scenario, with the first place at fault.
    pub fn parse(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
        Scenario::parse_in(name, text, &|variable| std::env::var(variable).ok())
    }

    /// Like [`Scenario::parse`], for bytes that may not be UTF-8.
    ///
    /// # Errors
    /// When they are not UTF-8, or no scenario.
    pub fn parse_bytes(name: &str, bytes: &[u8]) -> Result<Scenario, ScenarioError> {
        Scenario::parse(name, file::text_of(name, bytes)?)
    }

    /// Like [`Scenario::parse`], with an environment of the caller's.
    ///
    /// # Errors
    /// As for [`Scenario::parse`].
    pub fn parse_in(
        name: &str,
        text: &str,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Scenario, ScenarioError> {
        file::read(name, text, &VariablesAlone(environment))
    }

    /// Like [`Scenario::parse`], with an environment of the caller's, and with files: certificates, users, bodies.
    ///
    /// # Errors
    /// As for [`Scenario::parse`], and when a file cannot be read or is not what it should be.
    pub fn parse_with(
        name: &str,
        text: &str,
        surroundings: &dyn Surroundings,
    ) -> Result<Scenario, ScenarioError> {
        file::read(name, text, surroundings)
    }

    /// Like [`Scenario::parse_with`], for bytes that may not be UTF-8.
    ///
    /// # Errors
    /// As for [`Scenario::parse_with`], and when they are not UTF-8.
    pub fn parse_bytes_with(
        name: &str,
        bytes: &[u8],
        surroundings: &dyn Surroundings,
    ) -> Result<Scenario, ScenarioError> {
        Scenario::parse_with(name, file::text_of(name, bytes)?, surroundings)
    }

    /// The scenario as a file: reading it again gives an equal scenario, `${env:NAME}` included. Comments are not kept,
    /// but for the story.
    #[must_use]
    pub fn to_toml(&self) -> String {
        file::write(self)
    }

    /// Lets every request say whose it is, in a header for the control's proxy, which takes it off again.
    /// Only for a run in which that proxy stands before every host.
    pub fn mark_requests(&mut self) {
        self.marks_requests = true;
    }

    pub(crate) fn marks_requests(&self) -> bool {
        self.marks_requests
    }

    /// Changes how many users take part.
    ///
    /// # Errors
    /// When `count` is 0, over [`UserId::LIMIT`](crate::identity::UserId::LIMIT), over what the scenario lists, or when the
    /// pattern gives a name twice.
    pub fn set_user_count(&mut self, count: u32) -> Result<(), UsersError> {
        self.users.set_count(count)
    }

    /// All steps, in the order of their [`Step::index`].
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.setup
            .iter()
            .chain(&self.each_round)
            .chain(&self.volley)
            .chain(&self.read_back)
            .chain(&self.restore)
            .chain(&self.refresh)
            .chain(&self.clean_up)
    }

    /// Leaves out the steps for which `keep` is false, and numbers the others anew. What a left-out step would have
    /// captured or planted is then missing wherever another step wants it; what was sent beside it is sent alone, and the
    /// other way round. Races to be explored that name it are left out as well.
    pub fn retain_steps(&mut self, mut keep: impl FnMut(&Step) -> bool) {
        let lists = [
            &mut self.setup,
            &mut self.each_round,
            &mut self.volley,
            &mut self.read_back,
            &mut self.restore,
            &mut self.refresh,
            &mut self.clean_up,
        ];
        let (mut numbers, mut new_numbers) = (0.., BTreeMap::new());
        for list in lists {
            list.retain(&mut keep);
            for (step, number) in list.iter_mut().zip(&mut numbers) {
                new_numbers.insert(step.index, number);
                step.index = number;
            }
        }
        for step in &mut self.volley {
            step.with = step.with.and_then(|with| new_numbers.get(&with).copied());
        }
        let companions: Vec<u16> = self.volley.iter().filter_map(|step| step.with).collect();
        for step in &mut self.volley {
            step.companion = companions.contains(&step.index);
        }
        let volley = &self.volley;
        let is_left = |name: &String| volley.iter().any(|step| step.name == *name);
        self.explore.races.retain(|race| race.iter().all(is_left));
    }

    /// The slot of the nonces that requests carry, when there is a request that carries one.
    #[must_use]
    pub fn nonce_slot(&self) -> Option<u16> {
        let position = self.slots.iter().position(|slot| slot.nonce);
        position.map(|index| index as u16)
    }

    /// What the judge has to know of the steps; the place is the [`Step::index`].
    #[must_use]
    pub fn step_infos(&self) -> Vec<StepInfo> {
        self.steps().map(Step::info).collect()
    }

    /// Everything that must be masked wherever it turns up: all attributes of all users but their names, and what the
    /// environment supplied for anything but names, as it stands there: a service may give it back without the text around
    /// it; credentials of `basic` in their encoding as well. Sorted, each once.
    #[must_use]
    pub fn supplied_secrets(&self) -> Vec<String> {
        let attributes = self
            .users
            .list()
            .iter()
            .flat_map(|user| user.attributes.values());
        let environment = self.steps().next().map(|step| &step.environment);
        let basic = environment.map_or_else(Vec::new, |environment| {
            self.session_headers
                .basic_credentials(environment, self.users.list())
        });
        let mut secrets: Vec<String> = attributes
            .chain(&self.supplied.0)
            .chain(&basic)
            .filter(|value| !value.is_empty())
            .cloned()
            .collect();
        secrets.sort_unstable();
        secrets.dedup();
        secrets
    }
}

/// Equal when the files say the same; lines and what the environment supplied do not count.
impl PartialEq for Scenario {
    fn eq(&self, other: &Scenario) -> bool {
        (&self.name, &self.story, &self.title) == (&other.name, &other.story, &other.title)
            && (self.expect, &self.target, &self.users)
                == (other.expect, &other.target, &other.users)
            && self.slots == other.slots
            && (&self.setup, &self.each_round) == (&other.setup, &other.each_round)
            && (&self.volley, &self.read_back) == (&other.volley, &other.read_back)
            && (&self.refresh, &self.clean_up) == (&other.refresh, &other.clean_up)
            && (&self.restore, &self.day) == (&other.restore, &other.day)
            && (&self.tags, &self.hosts, &self.network)
                == (&other.tags, &other.hosts, &other.network)
            && (&self.session, &self.thresholds) == (&other.session, &other.thresholds)
            && self.session_headers == other.session_headers
            && (&self.fire, &self.explore, &self.limits)
                == (&other.fire, &other.explore, &other.limits)
    }
}
