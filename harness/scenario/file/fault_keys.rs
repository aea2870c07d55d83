//! Reads what a step does to its own request on purpose.

use super::fields::{Fields, number};
use crate::scenario::error::Fault;
use crate::scenario::fault::{Abort, AbortHow, AbortWhen, Faults, Malformed, Pace};
use crate::scenario::settings::{Limits, Protocol};

/// The faults that are not there over HTTP/2.
const HTTP1_ALONE: [&str; 3] = ["half-close", "pipeline", "malformed"];

/// Pairs that say two things of one request.
const CONFLICTS: [(&str, &str); 8] = [
    ("abort", "timeout-ms"),
    ("abort", "malformed"),
    ("abort", "pipeline"),
    ("timeout-ms", "pipeline"),
    ("half-close", "malformed"),
    ("pipeline", "malformed"),
    ("slow-write", "malformed"),
    ("slow-write", "pipeline"),
];

pub(super) fn read_faults(fields: &Fields<'_>, protocol: Protocol) -> Result<Faults, Fault> {
    let faults = Faults {
        abort: read_abort(fields)?,
        timeout_ms: fields
            .get("timeout-ms")
            .map(|node| number(node, "timeout-ms", Limits::TIMEOUT_MS))
            .transpose()?,
        slow_read: read_pace(fields, "slow-read")?,
        slow_write: read_pace(fields, "slow-write")?,
        half_close: fields.flag("half-close", false)?,
        pipeline: fields.small_number("pipeline", Faults::PIPELINE)?,
        malformed: fields.word::<Malformed>("malformed", Malformed::WORDS)?,
    };
    let given = |key: &str| match key {
        "abort" => faults.abort.is_some(),
        "timeout-ms" => faults.timeout_ms.is_some(),
        "slow-read" => faults.slow_read.is_some(),
        "slow-write" => faults.slow_write.is_some(),
        "half-close" => faults.half_close,
        "pipeline" => faults.pipeline > 1,
        _ => faults.malformed.is_some(),
    };
    if let Some((one, other)) = CONFLICTS
        .into_iter()
        .find(|pair| given(pair.0) && given(pair.1))
    {
        let message = format!("`{one}` and `{other}` cannot both be done to one request");
        let later = [one, other]
            .into_iter()
            .max_by_key(|key| fields.key_span(key).start)
            .unwrap_or(other);
        let fault = Fault::new(fields.key_span(later), message, "the second of two");
        return Err(fault.hint("write two steps"));
    }
    match HTTP1_ALONE.into_iter().find(|key| given(key)) {
        Some(key) if protocol != Protocol::Http1 => {
            let message = format!("`{key}` is a fault of HTTP/1.1");
            let fault = Fault::new(fields.key_span(key), message, "the scenario speaks HTTP/2");
            Err(fault.hint("set `protocol = \"http/1.1\"` under `[fire]`"))
        }
        _ => Ok(faults),
    }
}

fn read_abort(fields: &Fields<'_>) -> Result<Option<Abort>, Fault> {
    let Some(node) = fields.get("abort") else {
        return Ok(None);
    };
    let fields = Fields::open(node, "`abort`", &["when", "how", "after-ms"])?;
    let when = fields.word::<AbortWhen>("when", AbortWhen::WORDS)?;
    Ok(Some(Abort {
        when: when.ok_or_else(|| {
            fields.missing("when", "`mid-request`, `before-answer` or `mid-answer`")
        })?,
        how: fields
            .word::<AbortHow>("how", AbortHow::WORDS)?
            .unwrap_or(AbortHow::Close),
        after_ms: fields.number("after-ms", Abort::AFTER_MS)?,
    }))
}

fn read_pace(fields: &Fields<'_>, key: &str) -> Result<Option<Pace>, Fault> {
    let Some(node) = fields.get(key) else {
        return Ok(None);
    };
    let title = format!("`{key}`");
    let fields = Fields::open(node, &title, &["bytes", "every-ms"])?;
    Ok(Some(Pace {
        bytes: fields.small_number("bytes", Pace::BYTES)?,
        every_ms: fields.small_number("every-ms", Pace::EVERY_MS)?,
    }))
}
