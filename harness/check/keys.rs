//! The keys of the scenario file as methods of a check.

use std::time::Duration;

use super::step::texts;
use super::{Check, Step};
use crate::judge::Verdict;
use crate::scenario::{Connections, Pattern, Protocol, StrategyName};

/// Users and their sessions.
impl Check {
    /// The pattern of the users' names: `tester{{ index }}`.
    pub fn user_names(self, pattern: impl AsRef<str>) -> Check {
        self.set("users.name", pattern.as_ref())
    }

    /// An attribute of every user made by a pattern, `{{ user.KEY }}` in templates; treated as secret.
    pub fn attribute(mut self, key: &str, pattern: &str) -> Check {
        self.change().insert("users", key, pattern);
        self
    }

    /// The attribute `password`.
    pub fn password(self, pattern: &str) -> Check {
        self.attribute("password", pattern)
    }

    /// One user with attributes, instead of a pattern; once for each user.
    pub fn user<K, V>(mut self, name: &str, attributes: impl IntoIterator<Item = (K, V)>) -> Check
    where
        K: Into<String>,
        V: Into<String>,
    {
        let mut user = texts([("name", name)]);
        user.extend(texts(attributes));
        self.change().push("users.list", toml::Value::Table(user));
        self
    }

    /// Users from a file, whose first line names the columns: `name` and attributes.
    pub fn users_csv(self, path: &str) -> Check {
        self.set("users.csv", path)
    }

    /// `Authorization: Bearer …` on every request of a session, once the user has what the text needs.
    pub fn bearer(self, token: &str) -> Check {
        self.set("session.bearer", token)
    }

    /// `Authorization: Basic …` on every request of a session.
    pub fn basic(self, user: &str, password: &str) -> Check {
        let pair = texts([("user", user), ("password", password)]);
        self.set("session.basic", pair)
    }

    /// A header on every request of a session, once the user has what the text needs.
    pub fn session_header(mut self, name: &str, value: &str) -> Check {
        self.change().insert("session.headers", name, value);
        self
    }

    /// A further base URL; steps go there with [`Step::host`].
    pub fn host(mut self, name: &str, url: &str) -> Check {
        self.change().insert("target.hosts", name, url);
        self
    }

    /// What is planted in the slot is a file: a crossing counts as downloaded by somebody else.
    pub fn attachment(mut self, slot: &str) -> Check {
        let attachment = std::collections::BTreeMap::from([("attachment", true)]);
        self.change().insert("secrets", slot, attachment);
        self
    }
}

/// Steps.
impl Check {
    /// Once per user, alone, at the beginning.
    pub fn setup(self, step: Step) -> Check {
        self.step("setup", step)
    }

    /// Per user and round, alone, before the volleys.
    pub fn each_round(self, step: Step) -> Check {
        self.step("each-round", step)
    }

    /// Raced: all users send it at the same instant.
    pub fn volley(self, step: Step) -> Check {
        self.step("volley", step)
    }

    /// Per user and round, alone, after the volleys.
    pub fn read_back(self, step: Step) -> Check {
        self.step("read-back", step)
    }

    /// When a session is stale: per user, alone.
    pub fn refresh(self, step: Step) -> Check {
        self.step("refresh", step)
    }

    /// Once per user at the end, alone, also after a limit.
    pub fn clean_up(self, step: Step) -> Check {
        self.step("clean-up", step)
    }

    fn step(mut self, list: &str, step: Step) -> Check {
        match step.into_value() {
            Ok(step) => self.change().push(list, step),
            Err(why) => self.change().note(Err(why)),
        }
        self
    }
}

/// How the volleys are fired, what is expected, and what the run never goes beyond.
impl Check {
    /// How often everything is repeated.
    pub fn rounds(self, rounds: u32) -> Check {
        self.set("fire.rounds", rounds)
    }

    /// Users released together; more users than that means more groups.
    pub fn group(self, users: u32) -> Check {
        self.set("fire.group", users)
    }

    /// How the requests of a volley are let go.
    pub fn strategy(self, strategy: StrategyName) -> Check {
        self.set("fire.strategy", strategy.as_str())
    }

    /// Version of HTTP.
    pub fn protocol(self, protocol: Protocol) -> Check {
        self.set("fire.protocol", protocol.as_str())
    }

    /// How users share connections.
    pub fn connections(self, connections: Connections) -> Check {
        self.set("fire.connections", connections.as_str())
    }

    /// Which step each user of a volley sends.
    pub fn pattern(self, pattern: Pattern) -> Check {
        self.set("fire.pattern", pattern.as_str())
    }

    /// Offsets between neighbouring users of a volley, microseconds, one value per volley in turn.
    pub fn offsets_us(self, offsets: impl IntoIterator<Item = u32>) -> Check {
        self.set("fire.offsets-us", offsets.into_iter().collect::<Vec<_>>())
    }

    /// Overlapping pairs of different owners below which a clean run is inconclusive.
    pub fn min_overlaps(self, pairs: u32) -> Check {
        self.set("fire.min-overlaps", pairs)
    }

    /// What the run must reach besides its verdict, such as `("pairs", ">= 1000")`; `assert_isolated` fails without it.
    pub fn threshold(mut self, metric: &str, comparison: &str) -> Check {
        let comparison = toml::Value::from(comparison);
        self.change()
            .push(&format!("thresholds.{metric}"), comparison);
        self
    }

    /// The verdict that [`assert_as_expected`](crate::report::Report::assert_as_expected) asks for; `isolated` unless given.
    pub fn expect(self, verdict: Verdict) -> Check {
        self.set("expect", verdict.as_str())
    }

    /// Longest run, rounded up to whole seconds.
    pub fn duration(self, duration: Duration) -> Check {
        let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
        self.set("limits.duration-s", seconds)
    }

    /// Most requests of the run.
    pub fn requests(self, requests: u64) -> Check {
        self.set("limits.requests", requests)
    }

    /// Most requests a second, on the average over a second.
    pub fn rate(self, requests: u32) -> Check {
        self.set("limits.rate", requests)
    }

    /// How long an answer may take.
    pub fn timeout(self, timeout: Duration) -> Check {
        let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.set("limits.timeout-ms", ms)
    }
}
