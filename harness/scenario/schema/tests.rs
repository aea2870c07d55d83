//! The schema knows what the reader knows, takes what is right, and refuses what is not.

use std::collections::BTreeSet;
use std::path::Path;

use super::validator::trouble;
use super::*;
use crate::judge::Metric;
use crate::scenario::{Scenario, shipped};

const HEAD: &str = "version = 1\n";
const TARGET: &str = "[target]\nurl = \"http://h\"\n";
const USERS: &str = "[users]\ncount = 2\nname = \"u{{ index }}\"\n";
const VOLLEY: &str = "[[volley]]\nname = \"v\"\npath = \"/\"\n";
/// A key that is like no other.
const NO_KEY: &str = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";

/// The keys that the reader says it knows, when it meets one that it does not.
fn known_to_the_reader(text: &str) -> BTreeSet<String> {
    let error = Scenario::parse("x", text).map(|_| ()).unwrap_err();
    let hint = error.hint().unwrap_or_default().to_owned();
    let listed = ["known keys: ", "metrics: "]
        .into_iter()
        .find_map(|start| hint.strip_prefix(start));
    let listed = listed.unwrap_or_else(|| panic!("{text}\n{error}"));
    listed.split(", ").map(str::to_owned).collect()
}

fn known_to_the_schema(pointer: &str) -> BTreeSet<String> {
    let document = document();
    let properties = document.pointer(&format!("{pointer}/properties"));
    let properties = properties.unwrap_or_else(|| panic!("{pointer}"));
    properties.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let section = |name: &str| match name {
        "target" => format!("{HEAD}{TARGET}{NO_KEY} = 1\n{USERS}{VOLLEY}"),
        _ => format!("{HEAD}{TARGET}{USERS}[{name}]\n{NO_KEY} = 1\n{VOLLEY}"),
    };
    let of_step = |key: &str| {
        let key = key.replace("KEY", NO_KEY);
        format!("{HEAD}{TARGET}{USERS}{VOLLEY}{key}\n")
    };
    let mut pairs = vec![
        (
            format!("{HEAD}{NO_KEY} = 1\n{TARGET}{USERS}{VOLLEY}"),
            String::new(),
        ),
        (
            section("session").replace(NO_KEY, &format!("basic.{NO_KEY}")),
            "/properties/session/properties/basic".to_owned(),
        ),
        (
            format!("{HEAD}{TARGET}{USERS}{VOLLEY}text = \"x\"\n[secrets.a]\n{NO_KEY} = 1\n")
                .replace(
                    "[[volley]]",
                    "[[setup]]\nname = \"s\"\npath = \"/{{ secret('a') }}\"\n[[volley]]",
                ),
            "/properties/secrets/additionalProperties".to_owned(),
        ),
    ];
    for name in [
        "target",
        "session",
        "fire",
        "explore",
        "day",
        "thresholds",
        "limits",
    ] {
        pairs.push((section(name), format!("/properties/{name}")));
    }
    let step = "/$defs/step";
    for (text, pointer) in [
        ("KEY = 1", ""),
        (
            "capture = { a = { KEY = 1 } }",
            "/properties/capture/additionalProperties",
        ),
        ("expect = { KEY = 1 }", "/properties/expect"),
        ("abort = { KEY = 1 }", "/properties/abort"),
        ("slow-read = { KEY = 1 }", "/properties/slow-read"),
        ("slow-write = { KEY = 1 }", "/properties/slow-write"),
        ("multipart = [{ KEY = 1 }]", "/properties/multipart/items"),
        ("raw = { KEY = 1 }", "/properties/raw"),
    ] {
        pairs.push((of_step(text), format!("{step}{pointer}")));
    }
    for (table, pointer) in [
        ("[[day.phase]]", "phase/items"),
        ("[[day.event]]", "event/items"),
        ("[day.ruling]", "ruling"),
        ("[day.ci]", "ci"),
    ] {
        let phase = match table {
            "[[day.phase]]" => "",
            _ => "phase = [{ name = \"p\", from = \"10:00\", to = \"11:00\" }]\n",
        };
        let day = format!("[day]\ntitle = \"d\"\n{phase}{table}\n{NO_KEY} = 1\n");
        let text = format!("{HEAD}[target]\nbundled = \"mail/per-request\"\n{USERS}{day}{VOLLEY}");
        pairs.push((text, format!("/properties/day/properties/{pointer}")));
    }
    for (text, pointer) in pairs {
        assert_eq!(
            known_to_the_schema(&pointer),
            known_to_the_reader(&text),
            "{pointer}"
        );
    }
    assert_eq!(
        known_to_the_schema("/properties/thresholds").len(),
        Metric::ALL.len()
    );
}

fn trouble_of(text: &str) -> Option<String> {
    let toml: toml::Table = toml::from_str(text).unwrap();
    let json = serde_json::to_value(toml).unwrap();
    let document = document();
    trouble(&document, &document, &json, "")
}

#[test]
fn every_shipped_scenario_and_every_example_is_valid_and_so_is_what_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let reference = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let examples = reference.split("```toml\n").skip(1);
    let examples: Vec<&str> = examples
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() >= 5);
    for text in shipped().iter().map(|shipped| shipped.text).chain(examples) {
        assert_eq!(trouble_of(text), None, "{text}");
    }
    for shipped in shipped() {
        let written = Scenario::parse(shipped.name, shipped.text)
            .unwrap()
            .to_toml();
        assert_eq!(trouble_of(&written), None, "{written}");
    }
}

#[test]
fn what_is_wrong_in_itself_is_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenario-errors");
    for stem in [
        "unknown-key",
        "wrong-type",
        "missing-version",
        "other-version",
        "missing-path",
        "missing-target",
        "out-of-bounds",
        "expect-green",
        "session-unknown-key",
        "session-basic-without-password",
        "session-refresh-status-word",
        "threshold-unknown-metric",
        "threshold-as-number",
        "threshold-bad-comparison",
        "tag-with-capitals",
        "insecure-in-quotes",
        "refresh-not-a-list",
        "solo-repeats-too-many",
        "race-of-one",
        "hold-of-nothing-known",
        "hold-nothing",
        "preemptions-too-many",
        "search-misspelt",
        "day-time-misspelt",
        "day-without-phases",
        "day-unknown-work",
        "day-unknown-key",
        "day-scale-too-large",
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{stem}.toml"))).unwrap();
        assert!(trouble_of(&text).is_some(), "{stem}");
    }
}
