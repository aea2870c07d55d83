//! A scenario under construction: the keys of the file, gathered in memory and written as the file would be.
//!
//! What is written goes through the same reader as a file, so that a key means the same in both.

use serde::Serialize;
use toml::{Table, Value};

use crate::scenario::SCENARIO_VERSION;

/// The lists of steps, in the order in which a run takes them.
const LISTS: [&str; 6] = [
    "setup",
    "each-round",
    "volley",
    "read-back",
    "refresh",
    "clean-up",
];

/// A scenario's keys and values. The first thing that goes wrong is kept, and everything after it has no effect.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) table: Table,
    /// The file's first line, when there is one that tells what it would catch.
    story: Option<String>,
    wrong: Option<String>,
}

/// A scenario as text, and where its steps begin.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) text: String,
    places: Vec<StepPlace>,
}

/// Where a step begins.
#[derive(Clone, Debug)]
struct StepPlace {
    line: usize,
    list: &'static str,
    name: Option<String>,
}

impl Draft {
    pub(super) fn new() -> Draft {
        let mut table = Table::new();
        table.insert("version".to_owned(), i64::from(SCENARIO_VERSION).into());
        Draft {
            table,
            story: None,
            wrong: None,
        }
    }

    /// The keys of a text that was read as a scenario before.
    pub(super) fn of(text: &str) -> Result<Draft, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let table = text
            .parse::<Table>()
            .map_err(|error| error.message().to_owned())?;
        let first = text.lines().next().unwrap_or_default();
        Ok(Draft {
            table,
            story: first.starts_with('#').then(|| first.to_owned()),
            wrong: None,
        })
    }

    /// Sets the key at a dotted path.
    pub(super) fn set(&mut self, path: &str, value: impl Serialize) {
        let done = set(&mut self.table, path, value);
        self.note(done);
    }

    /// Adds to the list at a dotted path.
    pub(super) fn push(&mut self, path: &str, value: Value) {
        let done = push(&mut self.table, path, value);
        self.note(done);
    }

    /// Adds to the table at a dotted path, under a key that may hold dots.
    pub(super) fn insert(&mut self, path: &str, key: &str, value: impl Serialize) {
        let done = insert(&mut self.table, path, key, value);
        self.note(done);
    }

    pub(super) fn remove(&mut self, path: &str, key: &str) {
        if let Some(Value::Table(table)) = self.table.get_mut(path) {
            table.remove(key);
        }
    }

    pub(super) fn has(&self, path: &str, key: &str) -> bool {
        let table = self.table.get(path).and_then(Value::as_table);
        table.is_some_and(|table| table.contains_key(key))
    }

    /// Keeps what went wrong, unless something did before.
    pub(super) fn note(&mut self, done: Result<(), String>) {
        if let (Err(why), None) = (done, &self.wrong) {
            self.wrong = Some(why);
        }
    }

    pub(super) fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// The scenario as a file.
    pub(super) fn write(&self) -> Written {
        let mut page = Written {
            text: String::new(),
            places: Vec::new(),
        };
        if let Some(story) = &self.story {
            page.line(story);
        }
        let is_section =
            |key: &str, value: &Value| LISTS.contains(&key) && value.is_array() || value.is_table();
        for (key, value) in self
            .table
            .iter()
            .filter(|(key, value)| !is_section(key, value))
        {
            page.entry(key, value);
        }
        for (key, value) in &self.table {
            if let Value::Table(section) = value {
                page.section(key, section);
            }
        }
        for list in LISTS {
            if let Some(Value::Array(steps)) = self.table.get(list) {
                steps.iter().for_each(|step| page.step(list, step));
            }
        }
        page
    }
}

impl Written {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn entry(&mut self, key: &str, value: &Value) {
        self.line(&format!("{} = {value}", quoted_key(key)));
    }

    fn section(&mut self, key: &str, section: &Table) {
        let users = match section.get("list") {
            Some(Value::Array(users)) if key == "users" => users.as_slice(),
            _ => &[],
        };
        let others = || {
            section
                .iter()
                .filter(|(k, _)| users.is_empty() || *k != "list")
        };
        if others().next().is_some() || users.is_empty() {
            self.line(&format!("\n[{}]", quoted_key(key)));
        }
        for (key, value) in others() {
            self.entry(key, value);
        }
        for user in users {
            self.line("\n[[users.list]]");
            let attributes = user.as_table().into_iter().flatten();
            for (key, value) in attributes {
                self.entry(key, value);
            }
        }
    }

    fn step(&mut self, list: &'static str, step: &Value) {
        self.line("");
        self.places.push(StepPlace {
            line: self.text.lines().count() + 1,
            list,
            name: step.get("name").and_then(Value::as_str).map(str::to_owned),
        });
        self.line(&format!("[[{list}]]"));
        for (key, value) in step.as_table().into_iter().flatten() {
            self.entry(key, value);
        }
    }

    /// The step that stands on a line, from 1, for people; none when the line is before the first.
    pub(super) fn step_at(&self, line: usize) -> Option<String> {
        let place = self.places.iter().rfind(|place| place.line <= line)?;
        Some(match &place.name {
            Some(name) => format!("the step `{}` of [[{}]]", name.escape_debug(), place.list),
            None => format!("a step of [[{}]] without a name", place.list),
        })
    }
}

/// A value as TOML has it.
pub(super) fn value_of(path: &str, value: impl Serialize) -> Result<Value, String> {
    Value::try_from(value)
        .map_err(|error| format!("the value of `{path}` cannot stand in a scenario: {error}"))
}

/// Sets the key at a dotted path.
pub(super) fn set(table: &mut Table, path: &str, value: impl Serialize) -> Result<(), String> {
    let value = value_of(path, value)?;
    let (parents, key) = path.rsplit_once('.').unwrap_or(("", path));
    descend(table, parents)?.insert(key.to_owned(), value);
    Ok(())
}

/// Adds to the table at a dotted path, under a key that may hold dots.
pub(super) fn insert(
    table: &mut Table,
    path: &str,
    key: &str,
    value: impl Serialize,
) -> Result<(), String> {
    let value = value_of(path, value)?;
    descend(table, path)?.insert(key.to_owned(), value);
    Ok(())
}

/// Adds to the list at a dotted path; a single value that stands there becomes the first of the list.
pub(super) fn push(table: &mut Table, path: &str, value: Value) -> Result<(), String> {
    let (parents, key) = path.rsplit_once('.').unwrap_or(("", path));
    let there = descend(table, parents)?
        .entry(key)
        .or_insert_with(|| Value::Array(Vec::new()));
    if !there.is_array() {
        *there = Value::Array(vec![there.clone()]);
    }
    if let Value::Array(list) = there {
        list.push(value);
    }
    Ok(())
}

fn descend<'t>(table: &'t mut Table, path: &str) -> Result<&'t mut Table, String> {
    let mut here = table;
    for key in path.split('.').filter(|key| !key.is_empty()) {
        let next = here
            .entry(key)
            .or_insert_with(|| Value::Table(Table::new()));
        here = match next {
            Value::Table(table) => table,
            _ => {
                return Err(format!(
                    "`{key}` in `{path}` is no table: it was set to a value"
                ));
            }
        };
    }
    Ok(here)
}

/// A key as TOML has it: bare when it can be.
fn quoted_key(key: &str) -> String {
    let is_bare = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_bare {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Scenario, shipped};

    #[test]
    fn a_draft_of_a_file_is_the_same_scenario() {
        for one in shipped() {
            let written = Draft::of(one.text).unwrap().write();
            let of_draft = Scenario::parse(one.name, &written.text)
                .unwrap_or_else(|error| panic!("{error}\n{}", written.text));
            assert!(
                of_draft == Scenario::parse(one.name, one.text).unwrap(),
                "{}",
                written.text
            );
        }
    }

    #[test]
    fn a_step_is_found_by_its_line() {
        let mut draft = Draft::new();
        draft.push(
            "volley",
            value_of(
                "",
                [("name", "a")]
                    .into_iter()
                    .collect::<std::collections::BTreeMap<_, _>>(),
            )
            .unwrap(),
        );
        draft.push("volley", Value::Table(Table::new()));
        draft.set("fire.rounds", 3);
        let written = draft.write();
        let line = |text: &str| written.text.lines().position(|line| line == text).unwrap() + 1;
        assert_eq!(
            written.step_at(line("rounds = 3")),
            None,
            "{}",
            written.text
        );
        assert_eq!(
            written.step_at(line("name = \"a\"")).unwrap(),
            "the step `a` of [[volley]]"
        );
        assert_eq!(
            written.step_at(line("name = \"a\"") + 2).unwrap(),
            "a step of [[volley]] without a name"
        );
    }

    #[test]
    fn the_first_thing_that_goes_wrong_is_kept() {
        let mut draft = Draft::new();
        draft.set("fire.rounds", ());
        draft.set("version.minor", 2);
        let wrong = draft.wrong().unwrap();
        assert!(wrong.starts_with("the value of `fire.rounds`"), "{wrong}");
        assert!(set(&mut draft.table, "version.minor", 2).is_err());
    }

    #[test]
    fn keys_may_hold_anything() {
        let mut draft = Draft::new();
        draft.insert("target.resolve", "app.example:443", "127.0.0.1");
        let text = draft.write().text;
        assert!(text.parse::<Table>().unwrap() == draft.table, "{text}");
    }
}
