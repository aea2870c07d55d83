//! The sections of a scenario file but for the lists of steps.

use serde_json::{Value, json};

use super::{day, exploring, flag, map, number, number_or_none, table, text, texts, words};
use crate::identity::UserId;
use crate::judge::Metric;
use crate::scenario::network::SessionSettings;
use crate::scenario::settings::{
    Bounds, Connections, FireSettings, Limits, MOST_SUBJECTS, Pattern, Protocol, StoreKind,
    StrategyName,
};

/// Keys and schemas.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    let verdicts = ["isolated", "exposed", "inconclusive"];
    let mut tags = texts("Words by which a command chooses scenarios: --tag, --skip-tag.");
    tags["items"] = json!({ "type": "string", "pattern": "^[a-z0-9-]+$" });
    let secret = table(
        "What is known of a slot.",
        &[],
        vec![
            (
                "attachment",
                flag(
                    "A crossing counts as a file downloaded by somebody else.",
                    false,
                ),
            ),
            (
                "most-subjects",
                number_or_none(
                    "The most different users whose canaries of this slot one reader may be given.",
                    MOST_SUBJECTS,
                ),
            ),
        ],
    );
    vec![
        (
            "title",
            text("A title for people; the file's name when it is left out."),
        ),
        ("tags", tags),
        (
            "expect",
            words(
                "The verdict that is expected: isolated when it is left out.",
                &verdicts,
            ),
        ),
        ("target", target()),
        ("users", users()),
        ("session", session()),
        ("secrets", map("Slots by name.", &secret)),
        ("fire", fire()),
        ("explore", exploring::explore()),
        ("day", day::day()),
        ("thresholds", thresholds()),
        ("limits", limits()),
    ]
}

fn target() -> Value {
    let url = json!({ "type": "string" });
    let mut target = table(
        "The service, and how it is reached.",
        &[],
        vec![
            (
                "bundled",
                text("A service that comes with crosswire: target/variant."),
            ),
            (
                "url",
                text("Base URL: scheme, host, port, perhaps a path. ${env:NAME} is replaced."),
            ),
            (
                "store",
                words(
                    "Where a bundled target keeps its data: sqlite when it is left out.",
                    StoreKind::WORDS,
                ),
            ),
            ("tls", flag("A bundled target is served over TLS.", false)),
            (
                "hosts",
                map(
                    "Further base URLs by name; a step goes there with `host`.",
                    &url,
                ),
            ),
            (
                "ca",
                text(
                    "Certificates (PEM) trusted besides the system's: a file beside the scenario, or PEM itself.",
                ),
            ),
            (
                "client-certificate",
                text("Certificate (PEM) that is shown to the service; with client-key."),
            ),
            (
                "client-key",
                text("Private key (PEM) of client-certificate."),
            ),
            ("insecure", flag("Certificates are not checked.", false)),
            (
                "proxy",
                text(
                    "http://host:port or socks5://host:port, with user:password@ where it asks for one.",
                ),
            ),
            (
                "resolve",
                map(
                    "host:port to the address, or address and port, that is connected to instead.",
                    &url,
                ),
            ),
        ],
    );
    target["anyOf"] = json!([{ "required": ["bundled"] }, { "required": ["url"] }]);
    target
}

fn users() -> Value {
    let attribute = json!({
        "type": "string",
        "description": "An attribute, which templates use as {{ user.key }}. It is secret and masked everywhere."
    });
    let name = "The user's name, as reports show it.";
    let user = json!({
        "type": "object",
        "required": ["name"],
        "properties": { "name": text(name) },
        "additionalProperties": attribute
    });
    let count = Bounds::new(1, 1, UserId::LIMIT.into());
    json!({
        "type": "object",
        "description": "Who takes part: a pattern with `count` and `name`, a list, or a file.",
        "properties": {
            "count": number_or_none("How many users there are; of a file, how many take part.", count),
            "name": text("Pattern of the names, for example user{{ index }}."),
            "list": { "type": "array", "description": "The users one by one.", "items": user },
            "csv": text("A file beside the scenario: the first line names the columns, `name` and attributes; then one user a line.")
        },
        "additionalProperties": attribute,
        "anyOf": [{ "required": ["count", "name"] }, { "required": ["list"] }, { "required": ["csv"] }]
    })
}

fn session() -> Value {
    let header = json!({ "type": "string" });
    let basic = table(
        "Authorization: Basic, from user and password.",
        &["user", "password"],
        vec![
            ("user", text("Without a colon.")),
            ("password", text("Secret.")),
        ],
    );
    let mut refresh_status = json!({ "$ref": "#/$defs/status" });
    refresh_status["description"] = json!(
        "After such an answer `[[refresh]]` is run once and the step sent again: 401 when it is left out."
    );
    table(
        "What belongs to every request of a user. A header that needs a capture which is not there yet is left out.",
        &[],
        vec![
            (
                "headers",
                map(
                    "Headers of every request; a step's own come first.",
                    &header,
                ),
            ),
            ("bearer", text("Authorization: Bearer, with this token.")),
            ("basic", basic),
            (
                "redirects",
                flag("Steps that run alone follow redirects.", true),
            ),
            ("refresh-status", refresh_status),
            (
                "refresh-after-s",
                number_or_none(
                    "Seconds after which `[[refresh]]` is run before a step.",
                    SessionSettings::REFRESH_AFTER_S,
                ),
            ),
            (
                "max-redirects",
                number(
                    "Redirects followed in a row.",
                    SessionSettings::MAX_REDIRECTS,
                ),
            ),
        ],
    )
}

fn fire() -> Value {
    let offsets = json!({
        "type": "array",
        "description": "Offsets between neighbouring users in microseconds, one value per volley in turn.",
        "items": {
            "type": "integer",
            "minimum": FireSettings::OFFSET_US.min,
            "maximum": FireSettings::OFFSET_US.max
        },
        "minItems": 1,
        "maxItems": FireSettings::OFFSETS
    });
    table(
        "How the volleys are fired.",
        &[],
        vec![
            (
                "strategy",
                words(
                    "How the requests of a volley are let go: barrier when it is left out.",
                    StrategyName::WORDS,
                ),
            ),
            (
                "protocol",
                words(
                    "Version of HTTP: http/1.1 when it is left out.",
                    Protocol::WORDS,
                ),
            ),
            (
                "connections",
                words(
                    "How users share connections: per-user when it is left out.",
                    Connections::WORDS,
                ),
            ),
            (
                "pattern",
                words(
                    "Which step each user of a volley sends: same when it is left out.",
                    Pattern::WORDS,
                ),
            ),
            (
                "group",
                number("Users released together.", FireSettings::GROUP),
            ),
            (
                "rounds",
                number("How often everything is repeated.", FireSettings::ROUNDS),
            ),
            ("offsets-us", offsets),
            (
                "mean-gap-ms",
                number(
                    "arrivals: mean of the random gaps in milliseconds.",
                    FireSettings::MEAN_GAP_MS,
                ),
            ),
            ("solo", flag("First every user alone: the control.", true)),
            (
                "solo-repeats",
                number(
                    "How often the solo phase runs; 3 when it is left out and a step learns.",
                    FireSettings::SOLO_REPEATS,
                ),
            ),
            ("sequence", flag("Then one user after the other.", true)),
            (
                "min-overlaps",
                number(
                    "Overlapping pairs of different owners, below which a clean run is inconclusive.",
                    FireSettings::MIN_OVERLAPS,
                ),
            ),
        ],
    )
}

fn thresholds() -> Value {
    let one = json!({
        "type": "string",
        "pattern": "^\\s*(>=|<=|>|<)\\s*[0-9]"
    });
    let comparison = json!({ "anyOf": [one, { "type": "array", "items": one }] });
    let metrics = Metric::WORDS.iter().map(|word| (*word, comparison.clone()));
    table(
        "What the run must reach besides its verdict, for example pairs = \">= 1000\". A broken one ends with exit code 5.",
        &[],
        metrics.collect(),
    )
}

fn limits() -> Value {
    table(
        "What a run never goes beyond. They are always on.",
        &[],
        vec![
            (
                "requests",
                number("Requests of the whole run.", Limits::REQUESTS),
            ),
            (
                "duration-s",
                number("Length of the run in seconds.", Limits::DURATION_S),
            ),
            (
                "answer-bytes",
                number(
                    "Bytes of an answer that are kept and judged.",
                    Limits::ANSWER_BYTES,
                ),
            ),
            (
                "timeout-ms",
                number(
                    "Milliseconds until an answer counts as missing.",
                    Limits::TIMEOUT_MS,
                ),
            ),
            (
                "rate",
                number("Requests a second, on the average.", Limits::RATE),
            ),
        ],
    )
}
