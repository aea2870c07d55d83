//! A step, with the words of the scenario file.

use serde::Serialize;
use toml::{Table, Value};

use super::draft;

/// A request that every user sends: what stands under `[[setup]]`, `[[volley]]` and the other lists in a scenario file.
///
/// Texts are templates as in the file: `{{ user.name }}`, `{{ secret('note') }}`, a capture's name. Nothing is checked here;
/// what is wrong is told when the check is run, with the step's name.
///
/// ```
/// use crosswire::Step;
///
/// let log_in = Step::post("log in", "/login")
///     .login()
///     .form([("user", "{{ user.name }}"), ("password", "{{ user.password }}")])
///     .status(303);
/// let search = Step::get("search", "/search")
///     .query([("q", "{{ secret('word') }}")])
///     .set("expect.headers.content-type", "^text/html")
///     .sees(["word"]);
/// # let _ = (log_in, search);
/// ```
#[derive(Clone, Debug)]
pub struct Step {
    table: Table,
    wrong: Option<String>,
}

impl Step {
    /// A step of any method; `name` is what errors and reports call it.
    #[must_use]
    pub fn new(method: &str, name: &str, path: &str) -> Step {
        let mut step = Step {
            table: Table::new(),
            wrong: None,
        };
        step.assign("name", name);
        step.assign("method", method);
        step.assign("path", path);
        step
    }

    /// A `GET`.
    #[must_use]
    pub fn get(name: &str, path: &str) -> Step {
        Step::new("GET", name, path)
    }

    /// A `POST`.
    #[must_use]
    pub fn post(name: &str, path: &str) -> Step {
        Step::new("POST", name, path)
    }

    /// A `PUT`.
    #[must_use]
    pub fn put(name: &str, path: &str) -> Step {
        Step::new("PUT", name, path)
    }

    /// A `DELETE`.
    #[must_use]
    pub fn delete(name: &str, path: &str) -> Step {
        Step::new("DELETE", name, path)
    }

    /// Any key of the file, by its name there; a dotted one is a key of a table, such as `expect.body` or `abort.when`.
    /// Where a key holds dots itself, set the whole table.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Serialize) -> Step {
        self.assign(key, value);
        self
    }

    /// `login = true`: it gives the user a session.
    #[must_use]
    pub fn login(self) -> Step {
        self.set("login", true)
    }

    /// `logout = true`: it ends the user's session.
    #[must_use]
    pub fn logout(self) -> Step {
        self.set("logout", true)
    }

    /// Beside [`Step::login`]: the cookie that is the session. One value of it given to two users is an exposure.
    #[must_use]
    pub fn session(self, cookie: &str) -> Step {
        self.set("session", cookie)
    }

    /// The named host it goes to; see [`Check::host`](super::Check::host).
    #[must_use]
    pub fn host(self, name: &str) -> Step {
        self.set("host", name)
    }

    /// Keys and values of the query, behind the path.
    #[must_use]
    pub fn query<K, V>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Step
    where
        K: Into<String>,
        V: Into<String>,
    {
        self.set("query", texts(pairs))
    }

    /// A header; the one of `content-type` is set with the body unless it is given.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Step {
        let done = draft::insert(&mut self.table, "headers", name, value);
        self.note(done);
        self
    }

    /// A form as the body.
    #[must_use]
    pub fn form<K, V>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Step
    where
        K: Into<String>,
        V: Into<String>,
    {
        self.set("form", texts(pairs))
    }

    /// JSON as the body, templates in its texts. TOML has no `null`: give a body that needs one with [`Step::text`] and a
    /// header.
    #[must_use]
    pub fn json(self, value: impl Serialize) -> Step {
        self.set("json", value)
    }

    /// A text as the body.
    #[must_use]
    pub fn text(self, text: &str) -> Step {
        self.set("text", text)
    }

    /// Which answers are good: `201`, `"2xx"`, or a list of these.
    #[must_use]
    pub fn status(self, status: impl Serialize) -> Step {
        self.set("status", status)
    }

    /// A regular expression that must be found in the body of a good answer.
    #[must_use]
    pub fn expect_body(self, pattern: &str) -> Step {
        self.set("expect.body", pattern)
    }

    /// Takes `name` for later steps from the JSON body, by a pointer (RFC 6901): `/csrf`.
    #[must_use]
    pub fn capture_json(self, name: &str, pointer: &str) -> Step {
        self.capture(name, [("json", pointer)])
    }

    /// Takes `name` for later steps from a header.
    #[must_use]
    pub fn capture_header(self, name: &str, header: &str) -> Step {
        self.capture(name, [("header", header)])
    }

    /// Takes `name` for later steps from a cookie that the answer sets.
    #[must_use]
    pub fn capture_cookie(self, name: &str, cookie: &str) -> Step {
        self.capture(name, [("cookie", cookie)])
    }

    /// Takes `name` for later steps from an attribute of the first element that a CSS selector finds:
    /// `("csrf", "input[name=_token]", "value")`.
    #[must_use]
    pub fn capture_css(self, name: &str, selector: &str, attribute: &str) -> Step {
        self.capture(name, [("css", selector), ("attribute", attribute)])
    }

    /// Takes `name` for later steps from the body: the first group of a regular expression, or the whole match.
    #[must_use]
    pub fn capture_regex(self, name: &str, pattern: &str) -> Step {
        self.capture(name, [("regex", pattern)])
    }

    /// Slots whose newest own canary a good answer contains: the control that the user was shown its own data.
    #[must_use]
    pub fn sees<S: Into<String>>(self, slots: impl IntoIterator<Item = S>) -> Step {
        self.set("sees", list(slots))
    }

    /// Slots whose newest own canary this request takes away.
    #[must_use]
    pub fn removes<S: Into<String>>(self, slots: impl IntoIterator<Item = S>) -> Step {
        self.set("removes", list(slots))
    }

    /// Names of further users who may read what this step plants.
    #[must_use]
    pub fn readers<S: Into<String>>(self, users: impl IntoIterator<Item = S>) -> Step {
        self.set("readers", list(users))
    }

    /// `learns = true`: what only one user's answers contain when that user is alone is learnt, and looked for in the
    /// answers of others. For services in which nothing can be planted. In the volley alone.
    #[must_use]
    pub fn learns(self) -> Step {
        self.set("learns", true)
    }

    /// `echoes = true`: the request carries `{{ nonce() }}`, and a right answer holds the same nonce.
    #[must_use]
    pub fn echoes(self) -> Step {
        self.set("echoes", true)
    }

    /// `anonymous = true`: sent without cookies and without what belongs to the session.
    #[must_use]
    pub fn anonymous(self) -> Step {
        self.set("anonymous", true)
    }

    fn capture<const N: usize>(mut self, name: &str, from: [(&str, &str); N]) -> Step {
        let done = draft::insert(&mut self.table, "capture", name, texts(from));
        self.note(done);
        self
    }

    fn assign(&mut self, key: &str, value: impl Serialize) {
        let done = draft::set(&mut self.table, key, value);
        self.note(done);
    }

    fn note(&mut self, done: Result<(), String>) {
        if let (Err(why), None) = (done, &self.wrong) {
            let name = self.table.get("name").and_then(Value::as_str);
            let name = name.unwrap_or_default().escape_debug();
            self.wrong = Some(format!("the step `{name}`: {why}"));
        }
    }

    pub(super) fn into_value(self) -> Result<Value, String> {
        match self.wrong {
            Some(why) => Err(why),
            None => Ok(Value::Table(self.table)),
        }
    }
}

/// A table of texts, in the order in which they are given.
pub(super) fn texts<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Table
where
    K: Into<String>,
    V: Into<String>,
{
    let pairs = pairs.into_iter();
    pairs
        .map(|(key, value)| (key.into(), Value::String(value.into())))
        .collect()
}

fn list<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Vec<String> {
    items.into_iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_keys_of_the_file_in_the_order_of_the_calls() {
        let step = Step::post("note", "/notes")
            .form([("text", "{{ secret('note') }}"), ("a", "b")])
            .header("x-a.b", "1")
            .capture_css("t", "input", "value")
            .set("expect.not-body", "error")
            .status([200, 303]);
        let text = step.into_value().unwrap().to_string();
        assert_eq!(
            text,
            "{ name = \"note\", method = \"POST\", path = \"/notes\", \
             form = { text = \"{{ secret('note') }}\", a = \"b\" }, headers = { \"x-a.b\" = \"1\" }, \
             capture = { t = { css = \"input\", attribute = \"value\" } }, \
             expect = { not-body = \"error\" }, status = [200, 303] }"
        );
    }

    #[test]
    fn what_toml_has_no_words_for_is_told_with_the_step() {
        let why = Step::post("note", "/notes")
            .json(serde_json::json!({ "a": null }))
            .into_value()
            .unwrap_err();
        assert!(
            why.starts_with("the step `note`: the value of `json`"),
            "{why}"
        );
    }
}
