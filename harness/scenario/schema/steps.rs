//! The lists of steps, and what a step may have.

use serde_json::{Value, json};

use super::{flag, map, number, number_or_none, table, text, texts, words};
use crate::scenario::fault::{Abort, AbortHow, AbortWhen, Faults, Malformed, Pace};
use crate::scenario::settings::Limits;
use crate::scenario::step::Step;

/// Keys and schemas of the lists.
pub(super) fn lists() -> Vec<(&'static str, Value)> {
    [
        ("setup", "Once per user, alone."),
        (
            "each-round",
            "Per user and round, alone, before the volleys.",
        ),
        ("volley", "Raced; at least one."),
        ("read-back", "Per user and round, alone, after the volleys."),
        (
            "restore",
            "On a replayed day, alone: by users who miss what they have not removed.",
        ),
        ("refresh", "When a session is stale, alone."),
        (
            "clean-up",
            "Once per user at the end, alone, also after a limit; failures are notes.",
        ),
    ]
    .map(|(key, description)| {
        let items = json!({ "$ref": "#/$defs/step" });
        (
            key,
            json!({ "type": "array", "description": description, "items": items }),
        )
    })
    .into()
}

/// One step.
pub(super) fn step() -> Value {
    let mut keys = request();
    keys.extend(answer());
    keys.extend(purpose());
    keys.extend(faults());
    table(
        "One request that every user sends.",
        &["name", "path"],
        keys,
    )
}

fn request() -> Vec<(&'static str, Value)> {
    let texts_by_name = json!({ "type": "string" });
    let part = table(
        "A part of the body: a text or a file.",
        &["name"],
        vec![
            ("name", text("Name of the form's field.")),
            ("text", text("Its content, a template.")),
            ("file", text("A file beside the scenario.")),
            ("filename", text("The name under which it is sent.")),
            ("type", text("Its content type.")),
        ],
    );
    let raw = table(
        "The body as it is; give its type under `headers`.",
        &[],
        vec![
            ("file", text("A file beside the scenario.")),
            ("base64", text("Bytes in base64.")),
        ],
    );
    vec![
        ("name", text("Different for every step.")),
        ("host", text("One of the target's `hosts`.")),
        (
            "method",
            json!({ "type": "string", "pattern": "^[A-Z]+$", "description": "GET when none is given." }),
        ),
        ("path", text("Begins with /; a template.")),
        (
            "query",
            map("Appended to the path, form-urlencoded.", &texts_by_name),
        ),
        ("headers", map("Headers of this request.", &texts_by_name)),
        (
            "json",
            json!({ "description": "A JSON body: texts in it are templates." }),
        ),
        ("form", map("A form-urlencoded body.", &texts_by_name)),
        ("text", text("A text body, a template.")),
        (
            "multipart",
            json!({ "type": "array", "description": "A multipart/form-data body.", "items": part }),
        ),
        ("raw", raw),
        (
            "anonymous",
            flag("No cookies and no headers of [session].", false),
        ),
        (
            "redirects",
            json!({ "type": "boolean", "description": "Whether redirects are followed, instead of what [session] says." }),
        ),
        (
            "wait-ms",
            number(
                "Idle wait before a step that runs alone, in milliseconds.",
                Step::WAIT_MS,
            ),
        ),
    ]
}

fn answer() -> Vec<(&'static str, Value)> {
    let pattern = json!({ "type": "string" });
    let expect = table(
        "What a good answer holds: regular expressions that must, or must not, be found.",
        &[],
        vec![
            ("headers", map("By header.", &pattern)),
            ("body", text("Found in the decoded body.")),
            ("not-body", text("Not found in the decoded body.")),
        ],
    );
    let capture = table(
        "Where a value comes from: one of json, header, cookie, css, regex.",
        &[],
        vec![
            ("json", text("A JSON pointer (RFC 6901).")),
            ("header", text("A header's name.")),
            ("cookie", text("A cookie's name.")),
            (
                "css",
                text("A CSS selector: the element's text, or its `attribute`."),
            ),
            ("attribute", text("With css: the attribute that is taken.")),
            (
                "regex",
                text("A regular expression: its group 1, or all that it matches."),
            ),
        ],
    );
    let mut status = json!({ "$ref": "#/$defs/status" });
    status["description"] = json!("Which answers are good: any 2xx or 3xx when it is left out.");
    vec![
        ("status", status),
        ("expect", expect),
        (
            "capture",
            map("Values for later templates, by name.", &capture),
        ),
        (
            "readers",
            texts("Names of further users who may read what this step plants."),
        ),
        (
            "sees",
            texts("Slots whose newest own canary a good answer contains."),
        ),
        (
            "removes",
            texts("Slots whose newest own canary this request takes away."),
        ),
    ]
}

fn purpose() -> Vec<(&'static str, Value)> {
    let dead = ["log-out", "idle", "rotation"];
    vec![
        ("login", flag("The answer gives the user a session.", false)),
        ("logout", flag("This step ends the session.", false)),
        (
            "session",
            text("With login: the cookie that is the session."),
        ),
        (
            "echoes",
            flag(
                "The request carries {{ nonce() }} and a right answer holds the same nonce.",
                false,
            ),
        ),
        (
            "learns",
            flag(
                "What only one user's solo answers contain is learnt and looked for ([[volley]]).",
                false,
            ),
        ),
        (
            "dead",
            words(
                "Why the session that this request is sent with must be dead by now; needs `sees`.",
                &dead,
            ),
        ),
        (
            "with",
            text(
                "The [[volley]] step that the same user sends at the same instant on a second connection.",
            ),
        ),
    ]
}

fn faults() -> Vec<(&'static str, Value)> {
    let pace = |description: &str| {
        table(
            description,
            &[],
            vec![
                ("bytes", number("Bytes at a time.", Pace::BYTES)),
                (
                    "every-ms",
                    number("Milliseconds between two times.", Pace::EVERY_MS),
                ),
            ],
        )
    };
    let abort = table(
        "The request is broken off on purpose.",
        &["when"],
        vec![
            ("when", words("When.", AbortWhen::WORDS)),
            (
                "how",
                words("How: close when it is left out.", AbortHow::WORDS),
            ),
            (
                "after-ms",
                number("Milliseconds after that.", Abort::AFTER_MS),
            ),
        ],
    );
    vec![
        ("abort", abort),
        (
            "timeout-ms",
            number_or_none(
                "The client gives up after so many milliseconds, on purpose.",
                Limits::TIMEOUT_MS,
            ),
        ),
        ("slow-read", pace("The answer is read slowly.")),
        ("slow-write", pace("The request is written slowly.")),
        (
            "half-close",
            flag(
                "The sending side is closed after the request (HTTP/1.1).",
                false,
            ),
        ),
        (
            "pipeline",
            number(
                "How often the request is written, in one write (HTTP/1.1).",
                Faults::PIPELINE,
            ),
        ),
        (
            "malformed",
            words("The request is none (HTTP/1.1).", Malformed::WORDS),
        ),
    ]
}
