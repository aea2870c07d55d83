//! The section of a scenario file that tells of a day to be replayed.

use serde_json::{Value, json};

use super::{map, number, number_or_none, table, text};
use crate::history::Day;
use crate::identity::UserId;
use crate::scenario::settings::FireSettings;

/// `[day]`.
pub(super) fn day() -> Value {
    let (phase, event) = (phase(), event());
    table(
        "A day that is replayed on a scaled clock: what is served when, and who comes.",
        &["title", "phase"],
        vec![
            ("title", text("Which day it is, for people.")),
            (
                "scale",
                number(
                    "Seconds of the day's clock in one second of the run.",
                    Day::SCALE,
                ),
            ),
            (
                "mix",
                map(
                    "How often a raced step is drawn, by its name; the others count once.",
                    &number_or_none("Its weight.", Day::WEIGHT),
                ),
            ),
            ("ruling", ruling()),
            ("ci", check()),
            (
                "phase",
                list("Stretches of the clock, in order.", &phase, Day::PHASES),
            ),
            (
                "event",
                list("What else happened, for the timeline.", &event, Day::EVENTS),
            ),
        ],
    )
}

fn list(description: &str, items: &Value, most: usize) -> Value {
    json!({
        "type": "array",
        "description": description,
        "items": items,
        "minItems": 1,
        "maxItems": most
    })
}

fn clock(description: &str) -> Value {
    json!({
        "type": "string",
        "description": description,
        "pattern": "^[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?$"
    })
}

fn works(description: &str) -> Value {
    json!({
        "type": "array",
        "description": description,
        "items": { "enum": ["each-round", "read-back", "restore"] }
    })
}

fn phase() -> Value {
    let users = json!({
        "type": "array",
        "description": "The numbers of the first and the last user that take part; all when it is left out.",
        "items": { "type": "integer", "minimum": 1, "maximum": UserId::LIMIT },
        "minItems": 2,
        "maxItems": 2
    });
    table(
        "A stretch of the clock in which one version is served, or none.",
        &["name", "from", "to"],
        vec![
            ("name", text("What it is called.")),
            (
                "date",
                text("When it was, if not on the day itself: it does not count in the day's sums."),
            ),
            ("from", clock("When it begins, such as 15:10.")),
            ("to", clock("When it ends.")),
            (
                "serves",
                text("The variant that is served; the service is closed when it is left out."),
            ),
            ("users", users),
            (
                "mean-gap-ms",
                number_or_none(
                    "Mean time between two requests, milliseconds of the day's clock; nobody comes when it is left out.",
                    Day::GAP_MS,
                ),
            ),
            (
                "before",
                works("What every user does at its beginning: each-round when it is left out."),
            ),
            (
                "after",
                works("What every user does at its end: read-back when it is left out."),
            ),
            ("ruling", text("What the ruling says of it.")),
        ],
    )
}

fn event() -> Value {
    table(
        "Something that happened on the day.",
        &["at", "says"],
        vec![
            ("at", clock("When.")),
            ("says", text("What, in a few words.")),
        ],
    )
}

fn ruling() -> Value {
    table(
        "What a court found, in a few words a row.",
        &["source"],
        vec![
            ("source", text("Which ruling.")),
            ("exposed", text("Users whose data others were shown.")),
            (
                "downloaded",
                text("Users whose attachments others downloaded."),
            ),
            ("deleted", text("Items that the wrong person removed.")),
            ("restored", text("What became of those.")),
            ("noticed", text("How and when it was noticed.")),
        ],
    )
}

fn check() -> Value {
    table(
        "The run that would have been made beforehand, by the engine that makes requests meet.",
        &[],
        vec![
            ("users", number("Users.", Day::CHECK_USERS)),
            ("rounds", number("Rounds.", FireSettings::ROUNDS)),
        ],
    )
}
