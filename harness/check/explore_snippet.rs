//! The test that runs one schedule again, as Rust: what a failing test prints, to be pasted beside it.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::draft::Draft;

/// What the test asks of the service it explores.
pub(super) struct Snippet<'a> {
    /// Name of the test.
    pub(super) name: &'a str,
    /// The factory's path in its crate, or what stands for it.
    pub(super) factory: &'a str,
    /// Who races, in order.
    pub(super) requests: &'a [(String, String)],
    /// Everything that was set.
    pub(super) draft: &'a Draft,
    /// The line that is replayed.
    pub(super) replay: &'a str,
}

/// Lists of steps, and the method that adds to them.
const LISTS: [(&str, &str); 3] = [
    ("setup", "setup"),
    ("each-round", "each_round"),
    ("read-back", "read_back"),
];
/// Lists that have no method: no exploration runs them.
const IDLE_LISTS: [&str; 2] = ["refresh", "clean-up"];

impl Snippet<'_> {
    /// The test.
    pub(super) fn write(&self) -> String {
        let mut text = format!("#[test]\nfn {}() {{\n", self.name);
        let mut line = |call: &str| {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "        {call}");
        };
        let table = &self.draft.table;
        for user in array(table, "users", "list") {
            if let Some(call) = user_call(user) {
                line(&call);
            }
        }
        for (key, value) in table {
            let is_told = key == "version"
                || key == "volley"
                || LISTS.iter().any(|(list, _)| list == key)
                || IDLE_LISTS.contains(&key.as_str());
            if !is_told {
                set_calls(key, value, &mut line);
            }
        }
        for (list, method) in LISTS {
            for step in table
                .get(list)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                line(&format!(".{method}({})", step_code(step)));
            }
        }
        for (user, name) in self.requests {
            let step = table.get("volley").and_then(Value::as_array);
            let step = step
                .into_iter()
                .flatten()
                .find(|step| named(step) == Some(name));
            if let Some(step) = step {
                line(&format!(".request({user:?}, {})", step_code(step)));
            }
        }
        line(&format!(".schedule({:?})", self.replay));
        line(".run()");
        line(".assert_isolated();");
        text.push_str("}\n");
        let begin = format!("{{\n    crosswire::explore({})\n", self.factory);
        text.replacen("{\n", &begin, 1)
    }
}

fn array<'t>(table: &'t Table, section: &str, key: &str) -> &'t [Value] {
    let list = table.get(section).and_then(|section| section.get(key));
    list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn named(step: &Value) -> Option<&str> {
    step.get("name").and_then(Value::as_str)
}

/// `.user("ann", [("token", "…")])`, for a user with attributes.
fn user_call(user: &Value) -> Option<String> {
    let table = user.as_table()?;
    let attributes: Vec<String> = table
        .iter()
        .filter(|(key, _)| *key != "name")
        .map(|(key, value)| Some(format!("({key:?}, {:?})", value.as_str()?)))
        .collect::<Option<_>>()?;
    let name = named(user)?;
    (!attributes.is_empty()).then(|| format!(".user({name:?}, [{}])", attributes.join(", ")))
}

/// Keys outside of steps, but for those that other calls set.
fn set_calls(path: &str, value: &Value, line: &mut dyn FnMut(&str)) {
    match (path, value) {
        ("users.list" | "explore.races", _) => {}
        ("target.url", Value::String(url)) if url == super::explore_builder::URL => {}
        ("target.url", Value::String(url)) => line(&format!(".url({url:?})")),
        ("explore.cancel" | "explore.time", Value::Boolean(true)) => {
            line(&format!(".{}()", path.trim_start_matches("explore.")));
        }
        (
            "explore.preemptions" | "explore.executions" | "explore.samples" | "explore.moves",
            Value::Integer(number),
        ) => line(&format!(
            ".{}({number})",
            path.trim_start_matches("explore.")
        )),
        ("explore.duration-s", Value::Integer(seconds)) => line(&format!(
            ".duration(std::time::Duration::from_secs({seconds}))"
        )),
        ("thresholds", Value::Table(metrics)) => {
            for (metric, comparisons) in metrics {
                for comparison in comparisons.as_array().into_iter().flatten() {
                    let comparison = value_code(comparison);
                    line(&format!(".threshold({metric:?}, {comparison})"));
                }
            }
        }
        ("session.bearer", Value::String(token)) => line(&format!(".bearer({token:?})")),
        ("session.basic", Value::Table(pair)) => match basic(pair) {
            Some((user, password)) => line(&format!(".basic({user:?}, {password:?})")),
            None => line(&format!(".set({path:?}, {})", value_code(value))),
        },
        ("session.headers", Value::Table(headers)) if headers.values().all(Value::is_str) => {
            for (name, value) in headers {
                line(&format!(".session_header({name:?}, {})", value_code(value)));
            }
        }
        ("secrets", Value::Table(slots)) => {
            for (slot, kind) in slots {
                if is_attachment(kind) {
                    line(&format!(".attachment({slot:?})"));
                } else {
                    set_calls(&format!("secrets.{slot}"), kind, line);
                }
            }
        }
        (_, Value::Table(table)) if is_plain(table) => {
            for (key, value) in table {
                set_calls(&format!("{path}.{key}"), value, line);
            }
        }
        _ => line(&format!(".set({path:?}, {})", value_code(value))),
    }
}

/// The two texts of `session.basic`.
fn basic(pair: &Table) -> Option<(&str, &str)> {
    let text = |key: &str| pair.get(key).and_then(Value::as_str);
    let texts = (text("user")?, text("password")?);
    (pair.len() == 2).then_some(texts)
}

/// `{ attachment = true }`, and nothing else.
fn is_attachment(slot: &Value) -> bool {
    let table = slot.as_table().filter(|table| table.len() == 1);
    table.and_then(|table| table.get("attachment")) == Some(&Value::Boolean(true))
}

/// Whether a dotted path can name each of its keys.
fn is_plain(table: &Table) -> bool {
    !table.is_empty()
        && table
            .keys()
            .all(|key| !key.contains('.') && !key.is_empty())
}

/// `Step::get("read", "/note").sees(["note"])`.
fn step_code(step: &Value) -> String {
    let Some(table) = step.as_table() else {
        return value_code(step);
    };
    let text = |key: &str| table.get(key).and_then(Value::as_str).unwrap_or_default();
    let (name, path) = (text("name"), text("path"));
    let mut code = match text("method") {
        "GET" => format!("Step::get({name:?}, {path:?})"),
        "POST" => format!("Step::post({name:?}, {path:?})"),
        "PUT" => format!("Step::put({name:?}, {path:?})"),
        "DELETE" => format!("Step::delete({name:?}, {path:?})"),
        method => format!("Step::new({method:?}, {name:?}, {path:?})"),
    };
    for (key, value) in table {
        if !matches!(key.as_str(), "name" | "method" | "path") {
            step_key(key, value, &mut code);
        }
    }
    code
}

fn step_key(key: &str, value: &Value, code: &mut String) {
    let call = match (key, value) {
        ("login" | "logout" | "learns" | "echoes" | "anonymous", Value::Boolean(true)) => {
            format!(".{key}()")
        }
        ("form" | "query", Value::Table(table)) if table.values().all(Value::is_str) => {
            format!(".{key}({})", pairs(table))
        }
        ("headers", Value::Table(table)) if table.values().all(Value::is_str) => table
            .iter()
            .map(|(name, value)| format!(".header({name:?}, {})", value_code(value)))
            .collect(),
        ("capture", Value::Table(table)) if table.values().all(|how| capture(how).is_some()) => {
            let calls = table.iter().map(|(name, how)| {
                let (method, from) = capture(how).unwrap_or_default();
                format!(".capture_{method}({name:?}, {from})")
            });
            calls.collect()
        }
        ("sees" | "removes" | "readers" | "status" | "text" | "session" | "host", _)
            if !value.is_table() =>
        {
            format!(".{key}({})", value_code(value))
        }
        (_, Value::Table(table)) if is_plain(table) => {
            for (inner, value) in table {
                step_key(&format!("{key}.{inner}"), value, code);
            }
            return;
        }
        ("expect.body", Value::String(pattern)) => format!(".expect_body({pattern:?})"),
        _ => format!(".set({key:?}, {})", value_code(value)),
    };
    code.push_str(&call);
}

/// `json = "/csrf"` is the method's end and its arguments.
fn capture(how: &Value) -> Option<(&str, String)> {
    let table = how.as_table()?;
    let mut keys = table.iter();
    let (method, from) = keys.next()?;
    let from = from.as_str()?;
    match (method.as_str(), keys.next(), keys.next()) {
        (method @ ("json" | "header" | "cookie" | "regex"), None, None) => {
            Some((method, format!("{from:?}")))
        }
        ("css", Some((key, Value::String(attribute))), None) if key == "attribute" => {
            Some(("css", format!("{from:?}, {attribute:?}")))
        }
        _ => None,
    }
}

fn pairs(table: &Table) -> String {
    let pairs = table
        .iter()
        .map(|(key, value)| format!("({key:?}, {})", value_code(value)));
    format!("[{}]", pairs.collect::<Vec<_>>().join(", "))
}

/// A value as Rust that is serialized to the same.
fn value_code(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(is_so) => is_so.to_string(),
        Value::Array(items) if is_of_one_kind(items) => {
            let items: Vec<String> = items.iter().map(value_code).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Array(_) | Value::Table(_) | Value::Datetime(_) => {
            format!("serde_json::json!({})", json(value))
        }
    }
}

fn is_of_one_kind(items: &[Value]) -> bool {
    let is_simple = |item: &Value| !item.is_table() && !item.is_array();
    !items.is_empty()
        && items.windows(2).all(|pair| pair[0].same_type(&pair[1]))
        && items.iter().all(is_simple)
}

fn json(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(table) => {
            let pairs = table
                .iter()
                .map(|(key, value)| format!("{key:?}: {}", json(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Datetime(time) => format!("{:?}", time.to_string()),
        plain => value_code(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Step;

    fn code(step: Step) -> String {
        step_code(&step.into_value().unwrap())
    }

    #[test]
    fn a_step_is_written_with_the_words_of_the_builder() {
        let step = Step::post("write", "/notes")
            .login()
            .form([("text", "{{ secret('note') }}"), ("a", "\"b\"")])
            .header("x-a.b", "1")
            .capture_css("t", "input", "value")
            .capture_json("csrf", "/csrf")
            .set("expect.not-body", "error")
            .expect_body("^ok")
            .status(["2xx", "303"])
            .sees(["note"]);
        assert_eq!(
            code(step),
            r#"Step::post("write", "/notes").login().form([("text", "{{ secret('note') }}"), ("a", "\"b\"")]).header("x-a.b", "1").capture_css("t", "input", "value").capture_json("csrf", "/csrf").set("expect.not-body", "error").expect_body("^ok").status(["2xx", "303"]).sees(["note"])"#
        );
    }

    #[test]
    fn sessions_and_limits_are_written_as_one_writes_them_by_hand() {
        let exploration = crate::explore(|| {
            tower::service_fn(|_: http::Request<crate::explore::Body>| async {
                Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
            })
        })
        .bearer("{{ token }}")
        .basic("u", "p")
        .session_header("x-user", "{{ user.name }}")
        .session_header("x-a.b", "1")
        .attachment("file")
        .threshold("schedules", ">= 10")
        .threshold("schedules", "< 99")
        .duration(std::time::Duration::from_secs(5))
        .set("secrets.note.attachment", false);
        let mut lines = Vec::new();
        for (key, value) in &exploration.check.draft.table {
            if !matches!(key.as_str(), "version" | "users") {
                set_calls(key, value, &mut |call| lines.push(call.to_owned()));
            }
        }
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                r#".attachment("file")"#,
                r#".basic("u", "p")"#,
                r#".bearer("{{ token }}")"#,
                r#".duration(std::time::Duration::from_secs(5))"#,
                r#".session_header("x-a.b", "1")"#,
                r#".session_header("x-user", "{{ user.name }}")"#,
                r#".set("secrets.note.attachment", false)"#,
                r#".threshold("schedules", "< 99")"#,
                r#".threshold("schedules", ">= 10")"#,
            ]
        );
    }

    #[test]
    fn values_of_several_kinds_stay_what_they_are() {
        let step =
            Step::put("p", "/").json(serde_json::json!({ "a": { "b": [1, "x"] }, "c": true }));
        assert_eq!(
            code(step),
            r#"Step::put("p", "/").set("json.a.b", serde_json::json!([1, "x"])).set("json.c", true)"#
        );
        let dotted = Step::put("p", "/").json(serde_json::json!({ "a.b": 1 }));
        assert_eq!(
            code(dotted),
            r#"Step::put("p", "/").set("json", serde_json::json!({"a.b": 1}))"#
        );
    }
}
