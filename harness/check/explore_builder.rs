//! An exploration: a service in this process, two or more requests of different users, and every order of their steps.

use std::any::type_name;
use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;

use http::{Request, Response};
use serde::Serialize;
use toml::{Table, Value};
use tower_service::Service;

use super::builder::called;
use super::draft::Draft;
use super::explore_run::Factory;
use super::step::texts;
use super::{Check, CheckError, Step};
use crate::explore::Body;
use crate::explore::in_process::BoxError;
use crate::history::Move;
use crate::judge::Verdict;
use crate::scenario::{Scenario, SearchName};

/// Whom the service takes itself to be, unless [`Exploration::url`] says otherwise. Nothing is sent there.
pub(super) const URL: &str = "http://localhost";

/// Requests of different users to a service in this process, and how the orders of their steps are explored: the keys of a
/// scenario file as methods. It does nothing until [`Exploration::run`].
///
/// Steps of [`Exploration::setup`] and [`Exploration::each_round`] are done by every user, one after the other, before the
/// requests race; those of [`Exploration::read_back`] after that. The module [`explore`](mod@crate::explore) tells how a
/// service is made explorable, and what a result means.
#[must_use = "an exploration does nothing until it is run"]
#[derive(Debug)]
pub struct Exploration {
    pub(super) check: Check,
    pub(super) factory: Factory,
    pub(super) schedule: Option<String>,
    people: Vec<Person>,
    /// What is wrong with the requests, the first thing alone.
    wrong: Option<String>,
}

/// A user, by what the calls said.
#[derive(Clone, Debug)]
struct Person {
    name: String,
    attributes: Table,
    /// The name of the step that it sends.
    sends: Option<String>,
}

/// An exploration of the service that `factory` makes: an `axum::Router`, a tonic service, any `tower` service.
///
/// The factory is called once for every execution, so that each begins with a service in which nothing has happened. It
/// makes what the service keeps as well: a store in memory, a pool of connections to one. What it shares with other
/// executions, such as a `static`, is state that crosswire cannot set back.
///
/// It runs on a thread of its own, so that it may be called inside of a runtime (`#[tokio::test]`). Therefore the factory is
/// `Send`; the service need not be.
///
/// It is called after the place of this call until [`Exploration::named`] says otherwise.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use axum::{Router, extract::State, routing};
/// use crosswire::Step;
/// use tokio::task::coop::consume_budget;
///
/// /// The page of whoever the memo names.
/// async fn welcome(State(memo): State<Arc<Mutex<String>>>, name: String) -> String {
///     *memo.lock().unwrap() = name;
///     consume_budget().await; // a query would stand here
///     format!("Welcome, {}", memo.lock().unwrap())
/// }
///
/// fn service() -> Router {
///     Router::new().route("/", routing::post(welcome)).with_state(Arc::default())
/// }
///
/// let welcome = Step::post("welcome", "/").text("{{ secret('name') }}").sees(["name"]);
/// crosswire::explore(service)
///     .setup(Step::post("first visit", "/").text("{{ secret('name') }}"))
///     .request("alice", welcome.clone())
///     .request("bob", welcome)
///     .run()
///     .assert_exposed(); // in a test of one's own this is assert_isolated()
/// ```
#[track_caller]
pub fn explore<F, S, B>(factory: F) -> Exploration
where
    F: Fn() -> S + Send + 'static,
    S: Service<Request<Body>, Response = Response<B>> + Clone + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body + 'static,
    B::Error: Into<BoxError>,
{
    let mut draft = Draft::new();
    draft.set("target.url", URL);
    Exploration {
        check: Check::new(called(Location::caller()), draft, None),
        factory: Factory::new(type_name::<F>(), factory),
        schedule: None,
        people: Vec::new(),
        wrong: None,
    }
}

/// Users and requests.
impl Exploration {
    /// A request that is raced: that user's. What it asks for was planted before, by a step of [`Exploration::setup`] or
    /// [`Exploration::each_round`]. There are two or more requests, each of another user; the first one is `R1` in schedules. Users who send the same step send it with their own data.
    pub fn request(mut self, user: &str, step: Step) -> Exploration {
        let step = match step.into_value() {
            Ok(step) => step,
            Err(why) => {
                self.check.change().note(Err(why));
                return self;
            }
        };
        let name = step.get("name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        // The same step of another user is one step of the file.
        let volley = self.check.draft.table.get("volley");
        let is_known = volley
            .and_then(Value::as_array)
            .is_some_and(|volley| volley.contains(&step));
        if !is_known {
            self.check.change().push("volley", step);
        }
        let person = self.person(user);
        if let Some(before) = person.sends.replace(name) {
            self.object(format!(
                "two requests are {user}'s, `{before}` being the first: only between users can data cross\n  give each \
                 request another user, or put what {user} does before the race into `.setup(…)` or `.each_round(…)`"
            ));
        }
        self.arrange()
    }

    /// Attributes of a user, `{{ user.KEY }}` in templates; treated as secret. It needs a request as well.
    pub fn user<K, V>(
        mut self,
        name: &str,
        attributes: impl IntoIterator<Item = (K, V)>,
    ) -> Exploration
    where
        K: Into<String>,
        V: Into<String>,
    {
        self.person(name).attributes.extend(texts(attributes));
        self.arrange()
    }

    /// Done by every user before the race, one after the other: a log-in, for instance.
    pub fn setup(self, step: Step) -> Exploration {
        self.with(|check| check.setup(step))
    }

    /// Done by every user before the race, after [`Exploration::setup`]: what is planted.
    pub fn each_round(self, step: Step) -> Exploration {
        self.with(|check| check.each_round(step))
    }

    /// Done by every user after the race, one after the other: whether everything is still as its owner left it.
    pub fn read_back(self, step: Step) -> Exploration {
        self.with(|check| check.read_back(step))
    }

    /// `Authorization: Bearer …` on every request of a session, once the user has what the text needs.
    pub fn bearer(self, token: &str) -> Exploration {
        self.with(|check| check.bearer(token))
    }

    /// `Authorization: Basic …` on every request of a session.
    pub fn basic(self, user: &str, password: &str) -> Exploration {
        self.with(|check| check.basic(user, password))
    }

    /// A header on every request of a session, once the user has what the text needs.
    pub fn session_header(self, name: &str, value: &str) -> Exploration {
        self.with(|check| check.session_header(name, value))
    }

    /// What is planted in the slot is a file: a crossing counts as downloaded by somebody else.
    pub fn attachment(self, slot: &str) -> Exploration {
        self.with(|check| check.attachment(slot))
    }

    fn person(&mut self, name: &str) -> &mut Person {
        let at = self.people.iter().position(|person| person.name == name);
        let at = at.unwrap_or_else(|| {
            self.people.push(Person {
                name: name.to_owned(),
                attributes: Table::new(),
                sends: None,
            });
            self.people.len() - 1
        });
        &mut self.people[at]
    }

    /// Writes users and their requests into the draft: in the order of the requests, which is that of the file.
    fn arrange(mut self) -> Exploration {
        // A user of whom only attributes are known as yet stands behind, and takes the place of its request later.
        self.people.sort_by_key(|person| person.sends.is_none());
        let users = self.people.iter().map(|person| {
            let mut user = texts([("name", person.name.as_str())]);
            user.extend(person.attributes.clone());
            Value::Table(user)
        });
        let race = self.people.iter().filter_map(|person| person.sends.clone());
        let (users, race): (Vec<_>, Vec<_>) = (users.collect(), race.collect());
        let draft = self.check.change();
        draft.set("users.list", users);
        draft.set("explore.races", [race]);
        self
    }

    fn object(&mut self, why: String) {
        self.wrong.get_or_insert(why);
    }
}

/// Which schedules are run, and what is expected.
impl Exploration {
    /// Most preemptions of a schedule: switches away from a request that could have gone on. Without it there is no bound,
    /// and every schedule is run as far as the executions go.
    pub fn preemptions(self, most: u32) -> Exploration {
        self.set("explore.preemptions", most)
    }

    /// Most executions; beyond them come [`Exploration::samples`].
    pub fn executions(self, most: u64) -> Exploration {
        self.set("explore.executions", most)
    }

    /// Executions drawn by chance when there are more schedules than [`Exploration::executions`].
    pub fn samples(self, count: u64) -> Exploration {
        self.set("explore.samples", count)
    }

    /// Most moves of an execution.
    pub fn moves(self, most: u64) -> Exploration {
        self.set("explore.moves", most)
    }

    /// Longest time for the executions, rounded up to whole seconds.
    pub fn duration(self, most: Duration) -> Exploration {
        let seconds = most
            .as_secs()
            .saturating_add(u64::from(most.subsec_nanos() > 0));
        self.set("explore.duration-s", seconds)
    }

    /// In which order schedules are run.
    pub fn search(self, search: SearchName) -> Exploration {
        self.set("explore.search", search.as_str())
    }

    /// The client of a request may go away at any point: the future of its answer is dropped there.
    pub fn cancel(self) -> Exploration {
        self.set("explore.cancel", true)
    }

    /// Time may pass although requests can go on: for time limits and expiry within the service.
    pub fn time(self) -> Exploration {
        self.set("explore.time", true)
    }

    /// Decides everything that is chosen by chance, the text of canaries included; without it that text is drawn anew for
    /// every run, and all the rest is as for seed 0.
    pub fn seed(self, seed: u64) -> Exploration {
        self.with(|check| check.seed(seed))
    }

    /// Runs one schedule alone: a line `xw1:…` from a report. It is an error when the service now takes other steps: a
    /// schedule never counts as run unless it was.
    pub fn schedule(mut self, line: &str) -> Exploration {
        self.schedule = Some(line.to_owned());
        self
    }

    /// The verdict that [`assert_as_expected`](crate::report::Report::assert_as_expected) asks for; `isolated` unless given.
    pub fn expect(self, verdict: Verdict) -> Exploration {
        self.with(|check| check.expect(verdict))
    }

    /// What the exploration must reach besides its verdict; `assert_isolated` fails without it.
    pub fn threshold(self, metric: &str, comparison: &str) -> Exploration {
        self.with(|check| check.threshold(metric, comparison))
    }
}

/// The rest.
impl Exploration {
    /// What reports and errors call it.
    pub fn named(self, name: &str) -> Exploration {
        self.with(|check| check.named(name))
    }

    /// The base URL that the service takes itself to have: `https://app.example` in the `Host` of requests, for cookies that
    /// are `Secure`, and for links. Nothing is sent there; `http://localhost` unless given.
    pub fn url(self, url: &str) -> Exploration {
        self.with(|check| check.url(url))
    }

    /// Any key of the file, by its name there; a dotted one is a key of a table. Where a key holds dots itself, set the
    /// whole table.
    pub fn set(self, key: &str, value: impl Serialize) -> Exploration {
        self.with(|check| check.set(key, value))
    }

    /// The folder in which files are looked for that steps name; the current one unless given.
    pub fn beside(self, folder: impl Into<PathBuf>) -> Exploration {
        self.with(|check| check.beside(folder))
    }

    /// Stores the history, for `crosswire judge`. It holds canaries whole and whatever the answers held.
    pub fn history(self, path: impl Into<PathBuf>) -> Exploration {
        self.with(|check| check.history(path))
    }

    /// The scenario file that says the same. Not in it: the factory, the seed, the schedule.
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.check.to_toml()
    }

    /// The scenario that is run.
    ///
    /// # Errors
    /// When it is wrong, a file that it names cannot be read, there are fewer than two requests, or two of one user.
    pub fn scenario(&self) -> Result<Scenario, CheckError> {
        if let Some(why) = &self.wrong {
            return Err(CheckError::wrong(why.clone()));
        }
        let requests = self.people.iter().filter(|person| person.sends.is_some());
        let requests = requests.count();
        // What is wrong with a step is said first: it may be why a request is missing.
        if let Some(why) = self.check.draft.wrong() {
            return Err(CheckError::wrong(why));
        }
        if !(2..=Move::REQUESTS).contains(&requests) {
            return Err(CheckError::wrong(format!(
                "there {} to race, and an exploration is of 2 to {}\n  add one for each user: `.request(\"alice\", \
                 Step::get(…)).request(\"bob\", Step::get(…))`",
                match requests {
                    0 => "is no request".to_owned(),
                    1 => "is one request".to_owned(),
                    more => format!("are {more} requests"),
                },
                Move::REQUESTS,
            )));
        }
        if let Some(idle) = self.people.iter().find(|person| person.sends.is_none()) {
            return Err(CheckError::wrong(format!(
                "the user `{name}` sends nothing\n  add `.request({name:?}, …)`, or leave the user out",
                name = idle.name,
            )));
        }
        self.check.scenario()
    }

    /// Users and the names of what they send, in order.
    pub(super) fn requests(&self) -> impl Iterator<Item = (String, String)> {
        let people = self.people.iter();
        people.filter_map(|person| Some((person.name.clone(), person.sends.clone()?)))
    }

    fn with(mut self, change: impl FnOnce(Check) -> Check) -> Exploration {
        self.check = change(self.check);
        self
    }
}
