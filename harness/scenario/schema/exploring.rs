//! The section of a scenario file that says how schedules are explored.

use serde_json::{Value, json};

use super::{flag, number, number_or_none, table, words};
use crate::history::Move;
use crate::scenario::exploring::{ExploreSettings, HoldName, SearchName};

/// `[explore]`.
pub(super) fn explore() -> Value {
    let races = json!({
        "type": "array",
        "description": "Sets of requests, each by the names of raced steps, one for each user in their order; every pair of \
                        raced steps when it is left out.",
        "items": {
            "type": "array",
            "items": { "type": "string" },
            "minItems": 2,
            "maxItems": Move::REQUESTS
        },
        "minItems": 1,
        "maxItems": ExploreSettings::RACES
    });
    let hold = json!({
        "type": "array",
        "description": "What the turnstile holds until it is let go: messages when it is left out, and answers with cancel.",
        "items": { "enum": HoldName::WORDS },
        "minItems": 1,
        "uniqueItems": true
    });
    table(
        "How every order of a few requests is run: crosswire explore.",
        &[],
        vec![
            ("races", races),
            (
                "search",
                words(
                    "In which order schedules are run: bounded when it is left out.",
                    SearchName::WORDS,
                ),
            ),
            (
                "preemptions",
                number_or_none(
                    "Switches away from a request that could have gone on; no bound when it is left out.",
                    ExploreSettings::PREEMPTIONS,
                ),
            ),
            (
                "executions",
                number("Executions of a race.", ExploreSettings::EXECUTIONS),
            ),
            (
                "samples",
                number(
                    "Executions drawn by chance once these are used up.",
                    ExploreSettings::SAMPLES,
                ),
            ),
            (
                "moves",
                number("Moves of an execution.", ExploreSettings::MOVES),
            ),
            (
                "duration-s",
                number(
                    "Seconds for the executions of a race.",
                    ExploreSettings::DURATION_S,
                ),
            ),
            (
                "cancel",
                flag("A request's client may go away at any point.", false),
            ),
            (
                "time",
                flag(
                    "Time may pass while requests can go on (in process alone).",
                    false,
                ),
            ),
            ("hold", hold),
            (
                "blocked-ms",
                number(
                    "Milliseconds without a sign of life after which a request counts as blocked by another one (turnstile).",
                    ExploreSettings::BLOCKED_MS,
                ),
            ),
        ],
    )
}
