//! Writes a scenario as a file that reads back as an equal one.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::document::{STORY, verdict_word};
use super::steps::List;
use super::write_day::write_day;
use super::write_step::write_step;
use crate::history::SlotInfo;
use crate::scenario::session::SessionHeader;
use crate::scenario::settings::TargetSpec;
use crate::scenario::status::{Allowed, StatusRule};
use crate::scenario::template::Text;
use crate::scenario::users::Origin;
use crate::scenario::{ExploreSettings, SCENARIO_VERSION, Scenario, SessionSettings};

/// Lines of a file under construction.
pub(super) struct Page(pub(super) String);

impl Page {
    pub(super) fn heading(&mut self, heading: &str) {
        self.0.push_str(&format!("\n{heading}\n"));
    }

    pub(super) fn entry(&mut self, key: &str, value: impl Into<Value>) {
        self.0
            .push_str(&format!("{} = {}\n", quoted_key(key), value.into()));
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.entry(key, text);
    }

    fn texts(&mut self, key: &str, texts: &[String]) {
        let texts = texts.iter().map(|text| Value::from(text.as_str()));
        self.entry(key, Value::Array(texts.collect()));
    }

    fn user(&mut self, name: &Text, attributes: &BTreeMap<String, Text>) {
        self.text("name", name.source());
        for (key, text) in attributes {
            self.text(key, text.source());
        }
    }
}

/// A key as TOML has it: bare when it can be.
fn quoted_key(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_bare {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}

pub(in crate::scenario) fn write(scenario: &Scenario) -> String {
    let mut page = Page(String::new());
    if !scenario.story.is_empty() {
        page.0.push_str(&format!("{STORY} {}\n", scenario.story));
    }
    page.entry("version", i64::from(SCENARIO_VERSION));
    page.text("title", &scenario.title);
    page.text("expect", verdict_word(scenario.expect));
    if !scenario.tags.is_empty() {
        page.texts("tags", &scenario.tags);
    }
    write_target(&mut page, scenario);
    write_users(&mut page, scenario);
    write_session(&mut page, scenario);
    let has_keys = |slot: &&SlotInfo| slot.attachment || slot.most_subjects.is_some();
    for slot in scenario.slots.iter().filter(has_keys) {
        page.heading(&format!("[secrets.{}]", quoted_key(&slot.name)));
        if slot.attachment {
            page.entry("attachment", true);
        }
        if let Some(most) = slot.most_subjects {
            page.entry("most-subjects", i64::from(most));
        }
    }
    write_fire(&mut page, scenario);
    write_explore(&mut page, &scenario.explore);
    if let Some(day) = &scenario.day {
        write_day(&mut page, day);
    }
    write_thresholds(&mut page, scenario);
    page.heading("[limits]");
    page.entry("requests", whole(scenario.limits.requests));
    page.entry("duration-s", whole(scenario.limits.duration_s));
    page.entry("answer-bytes", whole(scenario.limits.answer_bytes));
    page.entry("timeout-ms", whole(scenario.limits.timeout_ms));
    page.entry("rate", whole(scenario.limits.rate));
    let lists = [
        (List::Setup, &scenario.setup),
        (List::EachRound, &scenario.each_round),
        (List::Volley, &scenario.volley),
        (List::ReadBack, &scenario.read_back),
        (List::Restore, &scenario.restore),
        (List::Refresh, &scenario.refresh),
        (List::CleanUp, &scenario.clean_up),
    ];
    for (list, steps) in lists {
        for step in steps {
            page.heading(&format!("[[{}]]", list.key()));
            write_step(&mut page, step, scenario);
        }
    }
    page.0
}

/// A number as TOML has it; every limit lies far below the largest one.
pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn write_target(page: &mut Page, scenario: &Scenario) {
    page.heading("[target]");
    match &scenario.target {
        TargetSpec::Bundled { store, tls, .. } => {
            page.text("bundled", &scenario.target.to_string());
            page.text("store", store.as_str());
            page.entry("tls", *tls);
        }
        TargetSpec::Url(url) => page.text("url", scenario.written.source("url", url)),
    }
    let network = &scenario.network;
    for (key, value) in [
        ("ca", &network.ca),
        ("client-certificate", &network.client_certificate),
        ("client-key", &network.client_key),
        ("proxy", &network.proxy),
    ] {
        if let Some(value) = value {
            page.text(key, scenario.written.source(key, value));
        }
    }
    if network.insecure {
        page.entry("insecure", true);
    }
    for (key, entries) in [("hosts", &scenario.hosts), ("resolve", &network.resolve)] {
        let sources = entries.iter().map(|(name, value)| {
            let source = scenario.written.source(&format!("{key}.{name}"), value);
            (name.clone(), Value::from(source))
        });
        if !entries.is_empty() {
            page.entry(key, Value::Table(sources.collect()));
        }
    }
}

fn write_session(page: &mut Page, scenario: &Scenario) {
    let (session, headers) = (&scenario.session, &scenario.session_headers.0);
    let ordinary = SessionSettings::default();
    if *session == ordinary && headers.is_empty() {
        return;
    }
    page.heading("[session]");
    page.entry("redirects", session.redirects);
    page.entry("max-redirects", i64::from(session.max_redirects));
    if session.refresh_status != ordinary.refresh_status {
        page.entry("refresh-status", statuses(&session.refresh_status));
    }
    if let Some(seconds) = session.refresh_after_s {
        page.entry("refresh-after-s", whole(seconds));
    }
    let mut plain = Table::new();
    for header in headers {
        match header {
            SessionHeader::Bearer(text) => page.text("bearer", text.source()),
            SessionHeader::Basic(user, password) => {
                let pair = [("user", user), ("password", password)];
                let pair = pair.map(|(key, text)| (key.to_owned(), Value::from(text.source())));
                page.entry("basic", Value::Table(Table::from_iter(pair)));
            }
            SessionHeader::Plain(name, text) => {
                plain.insert(name.clone(), Value::from(text.source()));
            }
        }
    }
    if !plain.is_empty() {
        page.entry("headers", Value::Table(plain));
    }
}

fn statuses(rule: &StatusRule) -> Value {
    let allowed = rule.allowed().iter().map(|allowed| match allowed {
        Allowed::Code(code) => Value::from(i64::from(*code)),
        Allowed::Class(_) => Value::from(allowed.to_string()),
    });
    Value::Array(allowed.collect())
}

fn write_thresholds(page: &mut Page, scenario: &Scenario) {
    let mut metrics: Vec<(&str, Vec<String>)> = Vec::new();
    for threshold in &scenario.thresholds {
        let comparison = format!("{} {}", threshold.comparison, threshold.bound);
        let metric = threshold.metric.as_str();
        match metrics.iter_mut().find(|known| known.0 == metric) {
            Some(known) => known.1.push(comparison),
            None => metrics.push((metric, vec![comparison])),
        }
    }
    if !metrics.is_empty() {
        page.heading("[thresholds]");
    }
    for (metric, comparisons) in metrics {
        match &comparisons[..] {
            [one] => page.text(metric, one),
            several => page.texts(metric, several),
        }
    }
}

fn write_users(page: &mut Page, scenario: &Scenario) {
    match &scenario.users.origin {
        Origin::Pattern { name, attributes } => {
            page.heading("[users]");
            page.entry("count", i64::from(scenario.users.count()));
            page.user(name, attributes);
        }
        Origin::Csv(path, users) => {
            page.heading("[users]");
            page.text("csv", path);
            if scenario.users.list().len() < users.len() {
                page.entry("count", i64::from(scenario.users.count()));
            }
        }
        Origin::List(users) => {
            for (name, attributes) in users.iter().take(scenario.users.list().len()) {
                page.heading("[[users.list]]");
                page.user(name, attributes);
            }
        }
    }
}

fn write_fire(page: &mut Page, scenario: &Scenario) {
    let fire = &scenario.fire;
    page.heading("[fire]");
    page.text("strategy", fire.strategy.as_str());
    page.text("protocol", fire.protocol.as_str());
    page.text("connections", fire.connections.as_str());
    page.text("pattern", fire.pattern.as_str());
    page.entry("group", i64::from(fire.group));
    page.entry("rounds", i64::from(fire.rounds));
    page.entry(
        "offsets-us",
        Value::Array(
            fire.offsets_us
                .iter()
                .map(|offset| Value::from(i64::from(*offset)))
                .collect(),
        ),
    );
    page.entry("mean-gap-ms", i64::from(fire.mean_gap_ms));
    page.entry("solo", fire.solo);
    page.entry("solo-repeats", i64::from(fire.solo_repeats));
    page.entry("sequence", fire.sequence);
    page.entry("min-overlaps", whole(fire.min_overlaps));
}

fn write_explore(page: &mut Page, explore: &ExploreSettings) {
    if *explore == ExploreSettings::default() {
        return;
    }
    let list =
        |words: &mut dyn Iterator<Item = &str>| Value::Array(words.map(Value::from).collect());
    page.heading("[explore]");
    if !explore.races.is_empty() {
        let races = explore.races.iter();
        let races = races.map(|race| list(&mut race.iter().map(String::as_str)));
        page.entry("races", Value::Array(races.collect()));
    }
    page.text("search", explore.search.as_str());
    if let Some(preemptions) = explore.preemptions {
        page.entry("preemptions", i64::from(preemptions));
    }
    page.entry("executions", whole(explore.executions));
    page.entry("samples", whole(explore.samples));
    page.entry("moves", whole(explore.moves));
    page.entry("duration-s", whole(explore.duration_s));
    page.entry("cancel", explore.cancel);
    page.entry("time", explore.time);
    page.entry(
        "hold",
        list(&mut explore.hold.iter().map(|hold| hold.as_str())),
    );
    page.entry("blocked-ms", whole(explore.blocked_ms));
}
