//! Writes a scenario as a file that reads back as an equal one.

use std::collections::BTreeMap;

use toml::Value;

use super::document::{STORY, verdict_word};
use super::steps::List;
use super::write_step::write_step;
use crate::scenario::settings::TargetSpec;
use crate::scenario::template::Text;
use crate::scenario::users::Origin;
use crate::scenario::{SCENARIO_VERSION, Scenario};

/// Lines of a file under construction.
pub(super) struct Page(pub(super) String);

impl Page {
    fn heading(&mut self, heading: &str) {
        self.0.push_str(&format!("\n{heading}\n"));
    }

    pub(super) fn entry(&mut self, key: &str, value: impl Into<Value>) {
        self.0
            .push_str(&format!("{} = {}\n", quoted_key(key), value.into()));
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.entry(key, text);
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
    write_target(&mut page, &scenario.target);
    write_users(&mut page, scenario);
    for slot in scenario.slots.iter().filter(|slot| slot.attachment) {
        page.heading(&format!("[secrets.{}]", quoted_key(&slot.name)));
        page.entry("attachment", true);
    }
    write_fire(&mut page, scenario);
    page.heading("[limits]");
    page.entry("requests", whole(scenario.limits.requests));
    page.entry("duration-s", whole(scenario.limits.duration_s));
    page.entry("answer-bytes", whole(scenario.limits.answer_bytes));
    page.entry("timeout-ms", whole(scenario.limits.timeout_ms));
    let lists = [
        (List::Setup, &scenario.setup),
        (List::EachRound, &scenario.each_round),
        (List::Volley, &scenario.volley),
        (List::ReadBack, &scenario.read_back),
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

fn write_target(page: &mut Page, target: &TargetSpec) {
    page.heading("[target]");
    match target {
        TargetSpec::Bundled { store, tls, .. } => {
            page.text("bundled", &target.to_string());
            page.text("store", store.as_str());
            page.entry("tls", *tls);
        }
        TargetSpec::Url(url) => page.text("url", url),
    }
}

fn write_users(page: &mut Page, scenario: &Scenario) {
    match &scenario.users.origin {
        Origin::Pattern { name, attributes } => {
            page.heading("[users]");
            page.entry("count", i64::from(scenario.users.count()));
            page.user(name, attributes);
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
    page.entry("sequence", fire.sequence);
    page.entry("min-overlaps", whole(fire.min_overlaps));
}
