//! Writes a step as the file has it.

use toml::{Table, Value};

use super::write::Page;
use crate::history::StepRole;
use crate::scenario::Scenario;
use crate::scenario::body::Body;
use crate::scenario::capture::CaptureFrom;
use crate::scenario::status::{Allowed, StatusRule};
use crate::scenario::step::Step;
use crate::scenario::template::Text;

pub(super) fn write_step(page: &mut Page, step: &Step, scenario: &Scenario) {
    page.text("name", &step.name);
    if step.role == StepRole::LogIn {
        page.entry("login", true);
    }
    if let Some(session) = &step.session {
        page.text("session", session);
    }
    page.text("method", &step.method);
    page.text("path", step.path.source());
    if !step.headers.is_empty() {
        page.entry("headers", sources(&step.headers));
    }
    match &step.body {
        Body::Empty => {}
        Body::Json(value, _) => page.entry("json", value.clone()),
        Body::Form(fields) => page.entry("form", sources(fields)),
        Body::Text(text) => page.text("text", text.source()),
    }
    if step.status != StatusRule::default() {
        let allowed = step.status.allowed().iter().map(|allowed| match allowed {
            Allowed::Code(code) => Value::from(i64::from(*code)),
            Allowed::Class(_) => Value::from(allowed.to_string()),
        });
        page.entry("status", Value::Array(allowed.collect()));
    }
    if !step.captures.is_empty() {
        let mut captures = Table::new();
        for capture in &step.captures {
            let (key, value) = match &capture.from {
                CaptureFrom::Json(pointer) => ("json", pointer),
                CaptureFrom::Header(name) => ("header", name),
                CaptureFrom::Cookie(name) => ("cookie", name),
            };
            let from = Table::from_iter([(key.to_owned(), Value::from(value.as_str()))]);
            captures.insert(capture.name.clone(), Value::Table(from));
        }
        page.entry("capture", Value::Table(captures));
    }
    if !step.readers.is_empty() {
        page.entry(
            "readers",
            Value::Array(
                step.readers
                    .iter()
                    .map(|reader| Value::from(reader.source()))
                    .collect(),
            ),
        );
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
}

fn sources(texts: &[(String, Text)]) -> Value {
    Value::Table(
        texts
            .iter()
            .map(|(key, text)| (key.clone(), Value::from(text.source())))
            .collect(),
    )
}
