//! Classes of the catalogue over software that nobody here wrote; what is expected of the bundled model is expected there too.
//!
//! - `cache`: class 2, nginx as the cache.
//! - `replies`: class 3, Redis at the other end of the pool.
//! - `tenants`: class 4, PostgreSQL as the database.

mod cache;
mod replies;
mod tenants;

use std::path::Path;

use crosswire_targets::{Engine, Sees, TargetInfo, VariantInfo, targets};
use serde_json::Value;

use crate::trial::{Verdict, run, tell};

/// Users of the shipped scenarios.
const USERS: usize = 6;

/// So that what is right has overlaps enough on any machine; the scenarios' own rounds are for a shorter way.
const ROUNDS: &str = "30";

/// The bundled target of this name.
fn class(name: &str) -> &'static TargetInfo {
    let found = targets().iter().find(|target| target.name == name);
    found.unwrap()
}

/// Fires the shipped scenario of that name at a service, which must come out as is expected of the variant.
fn comes_out(scenario: &str, variant: &VariantInfo, url: &str, folder: &Path, made_of: &str) {
    let mut expected = variant.expected.iter();
    let expected = expected.find(|expected| expected.engine == Engine::Fire);
    let expected = expected.unwrap().sees;
    let verdict = match expected {
        Sees::Nothing => Verdict::Isolated,
        _ => Verdict::Exposed,
    };
    let arguments = [scenario, "--url", url, "--rounds", ROUNDS];
    let report = run(folder, &arguments, verdict);
    tell(variant.name, made_of, &report);
    let said = seen(&report);
    assert!(expected.allows(said), "{}: {said:?}", variant.name);
}

/// What the report says was seen.
fn seen(report: &Value) -> Sees {
    let exposures = report["exposures"].as_array().unwrap();
    let takes_no_race = |exposure: &Value| {
        let found_in = exposure["found_in"].as_str().unwrap();
        ["set-up", "alone", "sequence"].contains(&found_in)
    };
    match exposures.is_empty() {
        true => Sees::Nothing,
        false if exposures.iter().any(takes_no_race) => Sees::InSequence,
        false => Sees::InRace,
    }
}
