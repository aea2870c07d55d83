//! Writes a step as the file has it.

use toml::{Table, Value};

use super::purpose::dead_word;
use super::write::{Page, whole};
use crate::history::StepRole;
use crate::scenario::Scenario;
use crate::scenario::body::{Body, RawSource};
use crate::scenario::capture::CaptureFrom;
use crate::scenario::expectation::Expectations;
use crate::scenario::fault::Faults;
use crate::scenario::multipart::{Part, PartContent};
use crate::scenario::status::{Allowed, StatusRule};
use crate::scenario::step::Step;
use crate::scenario::template::Text;

pub(super) fn write_step(page: &mut Page, step: &Step, scenario: &Scenario) {
    page.text("name", &step.name);
    write_purpose(page, step, scenario);
    page.text("method", &step.method);
    page.text("path", step.path.source());
    if !step.query.is_empty() {
        page.entry("query", sources(&step.query));
    }
    if !step.headers.is_empty() {
        page.entry("headers", sources(&step.headers));
    }
    write_body(page, &step.body);
    if step.status != StatusRule::unsaid(step.dead.is_some() || step.faults.breaks_off()) {
        let allowed = step.status.allowed().iter().map(|allowed| match allowed {
            Allowed::Code(code) => Value::from(i64::from(*code)),
            Allowed::Class(_) => Value::from(allowed.to_string()),
        });
        page.entry("status", Value::Array(allowed.collect()));
    }
    if !step.expectations.is_empty() {
        page.entry("expect", expectations(&step.expectations));
    }
    if !step.captures.is_empty() {
        let captures = step
            .captures
            .iter()
            .map(|capture| (capture.name.clone(), source_of(&capture.from)));
        page.entry("capture", Value::Table(captures.collect()));
    }
    if !step.readers.is_empty() {
        let readers = step.readers.iter().map(|text| Value::from(text.source()));
        page.entry("readers", Value::Array(readers.collect()));
    }
    for (key, slots) in [("sees", &step.sees), ("removes", &step.removes)] {
        let names = slots
            .iter()
            .filter_map(|slot| scenario.slots.get(usize::from(*slot)));
        let names: Vec<Value> = names.map(|slot| Value::from(slot.name.as_str())).collect();
        if !names.is_empty() {
            page.entry(key, Value::Array(names));
        }
    }
    write_faults(page, &step.faults);
}

/// What the step is for, and how its session is meant.
fn write_purpose(page: &mut Page, step: &Step, scenario: &Scenario) {
    let flags = [
        ("login", step.role == StepRole::LogIn),
        ("logout", step.role == StepRole::LogOut),
        ("anonymous", step.anonymous),
        ("echoes", step.echoes),
        ("learns", step.learns),
    ];
    for (key, _) in flags.into_iter().filter(|flag| flag.1) {
        page.entry(key, true);
    }
    if let Some(session) = &step.session {
        page.text("session", session);
    }
    if let Some(host) = &step.host {
        page.text("host", host);
    }
    if let Some(redirects) = step.redirects {
        page.entry("redirects", redirects);
    }
    if step.wait_ms > 0 {
        page.entry("wait-ms", whole(step.wait_ms));
    }
    if let Some(dead) = step.dead {
        page.text("dead", dead_word(dead));
    }
    let companion = step
        .with
        .and_then(|index| scenario.steps().find(|other| other.index == index));
    if let Some(companion) = companion {
        page.text("with", &companion.name);
    }
}

fn write_body(page: &mut Page, body: &Body) {
    match body {
        Body::Empty => {}
        Body::Json(value, _) => page.entry("json", value.clone()),
        Body::Form(fields) => page.entry("form", sources(fields)),
        Body::Text(text) => page.text("text", text.source()),
        Body::Multipart(parts) => {
            page.entry("multipart", Value::Array(parts.iter().map(part).collect()));
        }
        Body::Raw(source, _) => {
            let (key, value) = match source {
                RawSource::File(path) => ("file", path),
                RawSource::Base64(text) => ("base64", text),
            };
            page.entry("raw", table([(key, value.as_str())]));
        }
    }
}

fn part(part: &Part) -> Value {
    let (key, content) = match &part.content {
        PartContent::Text(text) => ("text", text.source()),
        PartContent::File(path, _) => ("file", path.as_str()),
    };
    let filename = part
        .filename
        .as_ref()
        .map(|text| ("filename", text.source()));
    let content_type = part.content_type.as_deref().map(|given| ("type", given));
    table(
        [("name", part.name.as_str()), (key, content)]
            .into_iter()
            .chain(filename)
            .chain(content_type),
    )
}

fn expectations(expectations: &Expectations) -> Value {
    let mut written = Table::new();
    if !expectations.headers.is_empty() {
        let headers = expectations
            .headers
            .iter()
            .map(|(name, pattern)| (name.as_str(), pattern.as_str()));
        written.insert("headers".to_owned(), table(headers));
    }
    for (key, pattern) in [
        ("body", &expectations.body),
        ("not-body", &expectations.not_body),
    ] {
        if let Some(pattern) = pattern {
            written.insert(key.to_owned(), Value::from(pattern.as_str()));
        }
    }
    Value::Table(written)
}

fn source_of(from: &CaptureFrom) -> Value {
    match from {
        CaptureFrom::Json(pointer) => table([("json", pointer.as_str())]),
        CaptureFrom::Header(name) => table([("header", name.as_str())]),
        CaptureFrom::Cookie(name) => table([("cookie", name.as_str())]),
        CaptureFrom::Css {
            selector,
            attribute,
        } => {
            let attribute = attribute.as_deref().map(|name| ("attribute", name));
            table([("css", selector.as_str())].into_iter().chain(attribute))
        }
        CaptureFrom::Regex(pattern) => table([("regex", pattern.as_str())]),
    }
}

fn write_faults(page: &mut Page, faults: &Faults) {
    if let Some(abort) = &faults.abort {
        let mut written = Table::new();
        written.insert("when".to_owned(), Value::from(abort.when.as_str()));
        written.insert("how".to_owned(), Value::from(abort.how.as_str()));
        written.insert("after-ms".to_owned(), Value::from(whole(abort.after_ms)));
        page.entry("abort", Value::Table(written));
    }
    if let Some(timeout_ms) = faults.timeout_ms {
        page.entry("timeout-ms", whole(timeout_ms));
    }
    for (key, pace) in [
        ("slow-read", &faults.slow_read),
        ("slow-write", &faults.slow_write),
    ] {
        if let Some(pace) = pace {
            let mut written = Table::new();
            written.insert("bytes".to_owned(), Value::from(i64::from(pace.bytes)));
            written.insert("every-ms".to_owned(), Value::from(i64::from(pace.every_ms)));
            page.entry(key, Value::Table(written));
        }
    }
    if faults.half_close {
        page.entry("half-close", true);
    }
    if faults.pipeline > 1 {
        page.entry("pipeline", i64::from(faults.pipeline));
    }
    if let Some(malformed) = faults.malformed {
        page.text("malformed", malformed.as_str());
    }
}

fn table<'t>(entries: impl IntoIterator<Item = (&'t str, &'t str)>) -> Value {
    let entries = entries
        .into_iter()
        .map(|(key, text)| (key.to_owned(), Value::from(text)));
    Value::Table(entries.collect())
}

fn sources(texts: &[(String, Text)]) -> Value {
    Value::Table(
        texts
            .iter()
            .map(|(key, text)| (key.clone(), Value::from(text.source())))
            .collect(),
    )
}
