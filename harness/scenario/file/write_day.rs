//! Writes `[day]`.

use toml::{Table, Value};

use super::day::WORKS;
use super::write::{Page, whole};
use crate::history::{Day, DayPhase, DayWork, Ruling};

pub(super) fn write_day(page: &mut Page, day: &Day) {
    page.heading("[day]");
    page.text("title", &day.title);
    page.entry("scale", i64::from(day.scale));
    if let Some(ci) = &day.ci {
        let pairs = [("users", ci.users), ("rounds", ci.rounds)];
        let pairs = pairs.map(|(key, number)| (key.to_owned(), Value::from(i64::from(number))));
        page.entry("ci", Value::Table(Table::from_iter(pairs)));
    }
    if !day.mix.is_empty() {
        page.heading("[day.mix]");
        for (step, weight) in &day.mix {
            page.entry(step, i64::from(*weight));
        }
    }
    if let Some(ruling) = &day.ruling {
        page.heading("[day.ruling]");
        for (key, value) in rows(ruling) {
            page.text(key, value);
        }
    }
    for phase in &day.phases {
        page.heading("[[day.phase]]");
        write_phase(page, phase);
    }
    for event in &day.events {
        page.heading("[[day.event]]");
        page.text("at", &Day::clock(event.at_s));
        page.text("says", &event.says);
    }
}

fn rows(ruling: &Ruling) -> impl Iterator<Item = (&'static str, &str)> {
    let rows = [
        ("source", Some(&ruling.source)),
        ("exposed", ruling.exposed.as_ref()),
        ("downloaded", ruling.downloaded.as_ref()),
        ("deleted", ruling.deleted.as_ref()),
        ("restored", ruling.restored.as_ref()),
        ("noticed", ruling.noticed.as_ref()),
    ];
    rows.into_iter()
        .filter_map(|(key, value)| Some((key, value?.as_str())))
}

fn write_phase(page: &mut Page, phase: &DayPhase) {
    page.text("name", &phase.name);
    if let Some(date) = &phase.date {
        page.text("date", date);
    }
    page.text("from", &Day::clock(phase.from_s));
    page.text("to", &Day::clock(phase.to_s));
    if let Some(serves) = &phase.serves {
        page.text("serves", serves);
    }
    let users = [phase.users.0, phase.users.1].map(|user| Value::from(i64::from(user)));
    page.entry("users", Value::Array(users.into()));
    if let Some(gap_ms) = phase.mean_gap_ms {
        page.entry("mean-gap-ms", whole(gap_ms.into()));
    }
    for (key, works) in [("before", &phase.before), ("after", &phase.after)] {
        let words = works.iter().map(|work| Value::from(word(*work)));
        page.entry(key, Value::Array(words.collect()));
    }
    if let Some(ruling) = &phase.ruling {
        page.text("ruling", ruling);
    }
}

fn word(work: DayWork) -> &'static str {
    WORKS
        .into_iter()
        .find(|word| word.1 == work)
        .map_or("each-round", |word| word.0)
}
