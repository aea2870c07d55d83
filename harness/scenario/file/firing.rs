//! Reads `[fire]`, `[limits]` and `[thresholds]`.

use toml::de::DeValue;

use super::fields::{Fields, Located, nearest, number, text, wrong_type};
use crate::judge::{Metric, Threshold};
use crate::scenario::error::Fault;
use crate::scenario::settings::{
    Connections, FireSettings, Limits, Pattern, Protocol, StrategyName,
};

/// The keys of `[fire]`.
pub(super) const FIRE_KEYS: [&str; 12] = [
    "strategy",
    "protocol",
    "connections",
    "pattern",
    "group",
    "rounds",
    "offsets-us",
    "mean-gap-ms",
    "solo",
    "solo-repeats",
    "sequence",
    "min-overlaps",
];
/// The keys of `[limits]`.
pub(super) const LIMITS_KEYS: [&str; 5] = [
    "requests",
    "duration-s",
    "answer-bytes",
    "timeout-ms",
    "rate",
];

pub(super) fn read_fire(root: &Fields<'_>) -> Result<FireSettings, Fault> {
    let mut fire = FireSettings::default();
    let Some(node) = root.get("fire") else {
        return Ok(fire);
    };
    let fields = Fields::open(node, "[fire]", &FIRE_KEYS)?;
    if let Some(strategy) = fields.word::<StrategyName>("strategy", StrategyName::WORDS)? {
        fire.set_strategy(strategy);
    }
    fire.protocol = fields
        .word::<Protocol>("protocol", Protocol::WORDS)?
        .unwrap_or(fire.protocol);
    fire.connections = fields
        .word::<Connections>("connections", Connections::WORDS)?
        .unwrap_or(fire.connections);
    fire.pattern = fields
        .word::<Pattern>("pattern", Pattern::WORDS)?
        .unwrap_or(fire.pattern);
    fire.group = fields.small_number("group", FireSettings::GROUP)?;
    fire.rounds = fields.small_number("rounds", FireSettings::ROUNDS)?;
    fire.offsets_us = read_offsets(&fields)?;
    fire.mean_gap_ms = fields.small_number("mean-gap-ms", FireSettings::MEAN_GAP_MS)?;
    fire.solo = fields.flag("solo", fire.solo)?;
    fire.solo_repeats = fields.small_number("solo-repeats", FireSettings::SOLO_REPEATS)?;
    fire.sequence = fields.flag("sequence", fire.sequence)?;
    fire.min_overlaps = fields.number("min-overlaps", FireSettings::MIN_OVERLAPS)?;
    match fire.conflict() {
        Some((key, why)) => Err(
            Fault::new(fields.key_span(key), why, "these do not go together")
                .hint("leave the key out to have what the strategy needs"),
        ),
        None => Ok(fire),
    }
}

/// Checks that the groups are large enough for the pattern.
pub(super) fn check_groups(
    root: &Fields<'_>,
    fire: &FireSettings,
    users: u32,
) -> Result<(), Fault> {
    let (Some(node), Some((key, why))) = (root.get("fire"), fire.too_few(users)) else {
        return Ok(());
    };
    let span = Fields::open_any(node, "[fire]")?.key_span("pattern");
    let hint = match key {
        "users" => "let at least 4 users take part",
        _ => "raise `group`, so that the users make groups of 4 or more",
    };
    Err(Fault::new(span, why, "nobody would ask at the same time").hint(hint))
}

fn read_offsets(fields: &Fields<'_>) -> Result<Vec<u32>, Fault> {
    let Some(node) = fields.get("offsets-us") else {
        return Ok(FireSettings::default().offsets_us);
    };
    let DeValue::Array(items) = node.get_ref() else {
        return Err(wrong_type(
            node.get_ref(),
            node.span(),
            "`offsets-us` is a list of whole numbers",
        ));
    };
    if items.is_empty() || items.len() > FireSettings::OFFSETS {
        let message = format!("`offsets-us` has 1 to {} values", FireSettings::OFFSETS);
        return Err(
            Fault::new(node.span(), message, format!("{} here", items.len()))
                .hint("`[0]` is no offset at all"),
        );
    }
    let offset =
        |item| number(item, "offsets-us", FireSettings::OFFSET_US).map(|value| value as u32);
    items.iter().map(offset).collect()
}

pub(super) fn read_limits(root: &Fields<'_>) -> Result<Limits, Fault> {
    let Some(node) = root.get("limits") else {
        return Ok(Limits::default());
    };
    let fields = Fields::open(node, "[limits]", &LIMITS_KEYS)?;
    Ok(Limits {
        requests: fields.number("requests", Limits::REQUESTS)?,
        duration_s: fields.number("duration-s", Limits::DURATION_S)?,
        answer_bytes: fields.number("answer-bytes", Limits::ANSWER_BYTES)?,
        timeout_ms: fields.number("timeout-ms", Limits::TIMEOUT_MS)?,
        rate: fields.number("rate", Limits::RATE)?,
    })
}

/// How often the solo phase runs when the file does not say and a step learns: twice more, so that values that change by
/// themselves are recognised.
const REPEATS_FOR_LEARNING: u32 = 3;

/// Changes what follows from a step that learns.
pub(super) fn prepare_for_learning(
    root: &Fields<'_>,
    fire: &mut FireSettings,
) -> Result<(), Fault> {
    let given = match root.get("fire") {
        Some(node) => Fields::open_any(node, "[fire]")?
            .get("solo-repeats")
            .is_some(),
        None => false,
    };
    if !given {
        fire.solo_repeats = REPEATS_FOR_LEARNING;
    }
    Ok(())
}

pub(super) fn read_thresholds(root: &Fields<'_>) -> Result<Vec<Threshold>, Fault> {
    let mut thresholds = Vec::new();
    let Some(node) = root.get("thresholds") else {
        return Ok(thresholds);
    };
    for (key, node) in Fields::open_any(node, "[thresholds]")?.entries() {
        let metric = metric_of(&key)?;
        let items = match node.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![node],
        };
        for item in items {
            let given = match item.get_ref() {
                DeValue::String(_) => text(item, key.text)?,
                other => {
                    let wanted = format!("`{}` is a comparison in quotes", key.text);
                    let fault = wrong_type(other, item.span(), &wanted);
                    return Err(fault.hint(example(metric)));
                }
            };
            let threshold = Threshold::of(metric, given.text).map_err(|why| {
                Fault::new(given.span, why, "not a comparison").hint(example(metric))
            })?;
            thresholds.push(threshold);
        }
    }
    Ok(thresholds)
}

fn metric_of(key: &Located<'_>) -> Result<Metric, Fault> {
    key.text.parse().map_err(|_| {
        let message = format!(
            "nothing is measured that is called `{}`",
            key.text.escape_debug()
        );
        let hint = match nearest(key.text, Metric::WORDS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("metrics: {}", Metric::WORDS.join(", ")),
        };
        Fault::new(key.span.clone(), message, "unknown metric").hint(hint)
    })
}

fn example(metric: Metric) -> String {
    let bound = match metric {
        Metric::Pairs => ">= 1000",
        Metric::UpperBound => "<= 0.001",
        Metric::Volleys | Metric::Exchanges | Metric::Rounds => ">= 30",
        Metric::Failed => "<= 0.05",
        Metric::SpreadUs => "<= 2000",
        Metric::Seconds => "<= 120",
        Metric::Exposures | Metric::ExposingSchedules => "<= 0",
        Metric::Schedules => ">= 1000",
    };
    format!("for example `{metric} = \"{bound}\"`; `>=`, `<=`, `>` and `<` are known")
}
