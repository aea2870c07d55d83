//! The stage under a guide that walks every order, over services that leak, that do not, and that do odd things.

mod counts;
mod lost;
mod odd;
mod surroundings;
mod told;
mod walk;

use std::collections::BTreeMap;

use axum::extract::Query;

use crate::explore::Plan;
use crate::history::Raced;
use crate::identity::{Salt, UserId};
use crate::scenario::Scenario;

type Params = Query<BTreeMap<String, String>>;

/// Users who read the same thing.
const READ: &str = r##"version = 1
title = "notes"

[target]
url = "http://127.0.0.1:8080"

[users]
count = 3
name = "user{{ index }}"

[[volley]]
name = "read"
path = "/read?user={{ user.name }}"
"##;

fn scenario(text: &str) -> Scenario {
    Scenario::parse("notes", text).unwrap()
}

fn plan(scenario: &Scenario) -> Plan<'_> {
    Plan {
        scenario,
        target_name: "notes".to_owned(),
        base_url: "http://127.0.0.1:8080".to_owned(),
        seed: 1,
        salt: Salt::new(1),
        follows_up: true,
    }
}

/// The first raced step, by so many users.
fn raced(scenario: &Scenario, users: u32) -> Vec<Raced> {
    (0..users)
        .map(|user| Raced {
            user: UserId(user),
            step: scenario.volley[0].index,
        })
        .collect()
}
