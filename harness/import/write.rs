//! Writes a draft as the text of a scenario.

use std::collections::BTreeSet;

use super::lines::{Lines, inline, key, quoted};
use super::plan::{Draft, List, Step, is_from_body};
use super::seen::{Body, Credential, Exchange, Source};
use super::text::Writing;
use super::write_body::{body, encoded, repeats};

/// Length up to which a JSON table stands on one line.
const LINE: usize = 90;

/// The scenario.
pub(super) fn write(draft: &Draft) -> String {
    let mut out = Lines::default();
    head(&mut out, draft);
    target(&mut out, draft);
    users(&mut out, draft);
    session(&mut out, draft);
    out.line("[fire]");
    out.line(&format!(
        "rounds = {}    # TO DO: more rounds, more overlaps",
        if draft.pattern { 30 } else { 100 }
    ));
    if draft.lacks_login() {
        out.text.push_str(LOG_IN);
    }
    lists(&mut out, draft);
    out.text
}

/// What is put where no log-in was found.
const LOG_IN: &str = r#"
# TO DO: log in. No log-in and no session were in the input (browsers leave cookies out of a HAR unless told otherwise).
# Take in the users' passwords above, and this:
# [[setup]]
# name = "log in"
# login = true
# method = "POST"
# path = "/login"
# form = { user = "{{ user.name }}", password = "{{ user.password }}" }
"#;

fn head(out: &mut Lines, draft: &Draft) {
    out.remark(&format!(
        "Would catch: an answer of {} that holds another user's data",
        draft
            .url
            .split_once("://")
            .map_or(draft.url.as_str(), |parts| parts.1)
    ));
    if !draft.from.is_empty() {
        out.remark(&format!("Drafted by `crosswire init` from {}.", draft.from));
    }
    out.remark("Read it once: `TO DO` marks what a person has to decide. No password, cookie or token was copied.");
    for (why, count) in &draft.left_out {
        let requests = if *count == 1 { "request" } else { "requests" };
        out.remark(&format!("Left out: {count} {requests} {why}."));
    }
    for remark in &draft.remarks {
        out.remark(remark);
    }
    out.line("version = 1");
}

fn target(out: &mut Lines, draft: &Draft) {
    out.gap();
    out.line("[target]");
    out.pair("url", &quoted(&draft.url));
    if !draft.hosts.is_empty() {
        let hosts: Vec<String> = draft
            .hosts
            .iter()
            .map(|(name, url)| format!("{} = {}", key(name), quoted(url)))
            .collect();
        out.pair("hosts", &format!("{{ {} }}", hosts.join(", ")));
    }
    if draft.insecure {
        out.line("insecure = true          # certificates are not checked");
    }
    if !is_loopback(&draft.url) {
        let host = url::Url::parse(&draft.url).ok();
        let host = host.as_ref().and_then(url::Url::host_str).unwrap_or("HOST");
        out.remark(&format!("TO DO: run it on a copy made for tests: `--url http://127.0.0.1:8080`, or `--allow-host {host}`."));
    }
}

fn is_loopback(url: &str) -> bool {
    let parsed = url::Url::parse(url).ok();
    parsed.is_some_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

fn users(out: &mut Lines, draft: &Draft) {
    out.gap();
    let attributes = draft.attributes();
    if draft.pattern {
        out.remark("TO DO: accounts that exist and are made for tests; or [[users.list]], with a name and a password each.");
        out.line("[users]");
        out.line("count = 20");
        let name = if draft.addresses {
            "tester{{ index }}@example.com"
        } else {
            "tester{{ index }}"
        };
        out.pair("name", &quoted(name));
        attributes_of(out, draft, &attributes, "TESTER");
        return;
    }
    out.remark("TO DO: two users at least, each with data of its own.");
    if !attributes.is_empty() {
        out.remark(
            "Log in as each of them, and put what the browser then sends into the environment.",
        );
    }
    for (at, name) in ["alice", "bob"].into_iter().enumerate() {
        if at > 0 {
            out.gap();
        }
        out.line("[[users.list]]");
        out.pair("name", &quoted(name));
        attributes_of(out, draft, &attributes, &name.to_ascii_uppercase());
    }
}

fn attributes_of(out: &mut Lines, draft: &Draft, attributes: &BTreeSet<String>, whose: &str) {
    for attribute in attributes {
        let variable = format!("${{env:{whose}_{}}}", attribute.to_ascii_uppercase());
        let note = if draft.is_number(attribute) {
            "  # a whole number"
        } else {
            ""
        };
        out.pair(attribute, &format!("{}{note}", quoted(&variable)));
    }
    if draft.lacks_login() && !attributes.contains("password") {
        out.remark(&format!("password = \"${{env:{whose}_PASSWORD}}\""));
    }
}

fn session(out: &mut Lines, draft: &Draft) {
    out.gap();
    if draft.credentials.is_empty() {
        return;
    }
    out.line("[session]");
    let mut headers = Vec::new();
    for credential in &draft.credentials {
        match credential {
            Credential::Bearer(token) => out.pair("bearer", &quoted(&token.source(Writing::Whole))),
            Credential::Basic { user, password } => {
                let user = quoted(&user.source(Writing::Whole));
                let password = quoted(&password.source(Writing::Whole));
                out.pair(
                    "basic",
                    &format!("{{ user = {user}, password = {password} }}"),
                );
            }
            Credential::Header(name, value) => {
                headers.push(format!(
                    "{} = {}",
                    key(name),
                    quoted(&value.source(Writing::Whole))
                ));
            }
        }
    }
    if !headers.is_empty() {
        out.pair("headers", &format!("{{ {} }}", headers.join(", ")));
    }
    if draft
        .steps
        .iter()
        .any(|step| step.list == List::Refresh && step.exchange.off.is_none())
    {
        out.line("refresh-status = [401]  # an answer with this runs [[refresh]] once, then the step again");
    }
    out.gap();
}

fn lists(out: &mut Lines, draft: &Draft) {
    let mut steps: Vec<&Step> = draft.steps.iter().collect();
    steps.sort_by_key(|step| step.list);
    if !steps.iter().any(|step| step.list == List::Volley) {
        out.gap();
        out.remark(
            "TO DO: nothing that reads was in the input: which page shows a user's own data?",
        );
        out.line("[[volley]]\nname = \"a user's own page\"\npath = \"/\"\nlearns = true            # what only one user's answers hold is learnt");
    }
    let mut before = None;
    let mut group = None;
    for step in steps {
        if before != Some(step.list) {
            out.gap();
            out.remark(match step.list {
                List::Setup => "Once per user, alone.",
                List::EachRound => "Per user and round, alone, before the volleys. TO DO: may it all be done again and again?",
                List::Volley => "Raced. TO DO: keep the steps whose answers hold a user's own data.",
                List::Refresh => "When a session ends early.",
                List::CleanUp => "Seen, and not done unless you want it:",
            });
            (before, group) = (Some(step.list), None);
        }
        if step.exchange.group != group {
            group.clone_from(&step.exchange.group);
            if let Some(group) = &group {
                out.gap();
                out.remark(&format!("-- {group} --"));
            }
        }
        out.gap();
        write_step(out, step);
    }
}

fn write_step(out: &mut Lines, step: &Step) {
    let exchange = &step.exchange;
    if let Some(why) = &exchange.off {
        out.remark(&format!("TO DO: it {why}. {}", advice(step)));
    }
    for remark in &exchange.remarks {
        out.remark(remark);
    }
    if let Body::Left(why) = &exchange.request.body {
        out.remark(&format!("TO DO: the body is missing: {why}."));
    }
    out.off = exchange.off.is_some();
    out.line(match step.list {
        List::Setup => "[[setup]]",
        List::EachRound => "[[each-round]]",
        List::Volley => "[[volley]]",
        List::Refresh => "[[refresh]]",
        List::CleanUp => "[[clean-up]]",
    });
    out.pair("name", &quoted(&step.name));
    if step.login {
        out.line("login = true");
        match &step.session {
            Some(session) => out.pair("session", &quoted(session)),
            None => out
                .remark("TO DO: session = \"…\", the cookie that is the session, if there is one"),
        }
    }
    let late = request(out, step);
    answer(out, step);
    for (heading, entries) in late {
        out.line(&format!("\n[{}.{heading}]", list_key(step.list)));
        for (key, value) in entries {
            out.pair(&key, &value);
        }
    }
    out.off = false;
}

fn advice(step: &Step) -> &'static str {
    match (step.list, step.exchange.request.method.as_str()) {
        (_, "DELETE") => {
            "Race it as [[volley]] with removes = [\"SLOT\"] to see whether it ever hits somebody else's."
        }
        (List::Refresh, _) => "Have it capture what it gives under the names used above.",
        (List::CleanUp, _) => "As the last step of a run it belongs here.",
        _ => "Accounts are made beforehand as a rule; otherwise it comes before the log-in.",
    }
}

fn list_key(list: List) -> &'static str {
    match list {
        List::Setup => "setup",
        List::EachRound => "each-round",
        List::Volley => "volley",
        List::Refresh => "refresh",
        List::CleanUp => "clean-up",
    }
}

/// A table that stands after the step's own keys: its name and its entries.
type Late = Vec<(&'static str, Vec<(String, String)>)>;

fn request(out: &mut Lines, step: &Step) -> Late {
    let request = &step.exchange.request;
    let mut late = Late::new();
    if let Some(host) = &step.host {
        out.pair("host", &quoted(host));
    }
    if request.method != "GET" {
        out.pair("method", &quoted(&request.method));
    }
    let (path, query) = path(&step.exchange);
    out.pair("path", &quoted(&path));
    table(out, &mut late, "query", query);
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .filter(|header| header.0 != "content-type" || matches!(request.body, Body::Text(_)))
        .map(|(name, value)| (key(name), quoted(&value.source(Writing::Whole))))
        .collect();
    let body = body(out, &request.body);
    if let Some(kind) = &body.kind
        && !headers.iter().any(|header| header.0 == "content-type")
    {
        headers.push(("content-type".to_owned(), quoted(kind)));
    }
    table(out, &mut late, "headers", headers);
    if let Some((name, value)) = body.line {
        out.pair(name, &value);
    }
    if let Some((name, entries)) = body.table {
        table(out, &mut late, name, entries);
    }
    if step.exchange.anonymous {
        out.line("anonymous = true");
    }
    if step.exchange.redirects == Some(false) && step.list != List::Volley {
        out.line("redirects = false");
    }
    late
}

/// A table on one line where it fits, otherwise later.
fn table(out: &mut Lines, late: &mut Late, name: &'static str, entries: Vec<(String, String)>) {
    if entries.is_empty() {
        return;
    }
    let line = inline(&entries);
    if line.len() <= LINE {
        out.pair(name, &line);
    } else {
        late.push((name, entries));
    }
}

/// The path, and the query when it can be a table: a table has every key once.
fn path(exchange: &Exchange) -> (String, Vec<(String, String)>) {
    let request = &exchange.request;
    let mut path = String::new();
    for (at, segment) in request.segments.iter().enumerate() {
        let is_whole = at == 0 && request.from_location;
        if !is_whole {
            path.push('/');
        }
        path.push_str(&segment.source(if is_whole {
            Writing::Whole
        } else {
            Writing::Encoded
        }));
    }
    if path.is_empty() {
        path.push('/');
    }
    if repeats(request.query.iter().map(|pair| &pair.0)) {
        path.push_str(&format!("?{}", encoded(&request.query)));
        return (path, Vec::new());
    }
    let query = request
        .query
        .iter()
        .map(|(name, value)| (key(name), quoted(&value.source(Writing::Whole))))
        .collect();
    (path, query)
}

fn answer(out: &mut Lines, step: &Step) {
    let exchange = &step.exchange;
    if let Some(status) = exchange
        .expect
        .status
        .filter(|status| (100..600).contains(status))
    {
        out.pair("status", &status.to_string());
    } else if step.login {
        out.remark("TO DO: a refused log-in may look the same: expect = { body = \"…\" } with what only a good one shows");
    }
    let mut expect = Vec::new();
    if !exchange.expect.headers.is_empty() {
        let headers: Vec<(String, String)> = exchange
            .expect
            .headers
            .iter()
            .map(|(name, regex)| (key(name), quoted(regex)))
            .collect();
        expect.push(("headers".to_owned(), inline(&headers)));
    }
    for (name, regex) in [
        ("body", &exchange.expect.body),
        ("not-body", &exchange.expect.not_body),
    ] {
        expect.extend(regex.as_ref().map(|regex| (name.to_owned(), quoted(regex))));
    }
    if !expect.is_empty() {
        out.pair("expect", &inline(&expect));
    }
    let captures: Vec<(String, String)> = exchange
        .captures
        .iter()
        .map(|(name, source)| (key(name), capture(source)))
        .collect();
    if !captures.is_empty() {
        if exchange
            .captures
            .iter()
            .any(|capture| is_from_body(&capture.1))
            && exchange.answer.is_none()
        {
            out.remark("TO DO: check where the answer has what is captured");
        }
        out.pair("capture", &inline(&captures));
    }
    let list = |slots: &[String]| {
        let slots: Vec<String> = slots.iter().map(|slot| quoted(slot)).collect();
        format!("[{}]", slots.join(", "))
    };
    if !step.sees.is_empty() {
        out.pair("sees", &list(&step.sees));
    } else if !step.may_see.is_empty() {
        out.remark(&format!(
            "TO DO: sees = {}, what of it the answer shows",
            list(&step.may_see)
        ));
    }
    if step.learns {
        out.line("learns = true            # nothing is planted: what only one user's answers hold is learnt");
    }
}

fn capture(source: &Source) -> String {
    let entry = |name: &str, value: &str| (name.to_owned(), quoted(value));
    inline(&match source {
        Source::Json(pointer) => vec![entry("json", pointer)],
        Source::Header(name) => vec![entry("header", name)],
        Source::Cookie(name) => vec![entry("cookie", name)],
        Source::Regex(regex) => vec![entry("regex", regex)],
        Source::Css {
            selector,
            attribute,
        } => {
            let mut entries = vec![entry("css", selector)];
            entries.extend(
                attribute
                    .as_ref()
                    .map(|attribute| entry("attribute", attribute)),
            );
            entries
        }
    })
}
