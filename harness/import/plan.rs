//! Arranges what was seen as a scenario: which request is the log-in, which are done alone, which are raced, what is
//! planted and where it should come back.

use std::collections::{BTreeMap, BTreeSet};

use super::links::{self, Names, identifier, is_read};
use super::login::{self, LogIn};
use super::secrets::{self, Sealed};
use super::seen::{Body, Credential, Exchange, Place, Seen, Source};
use super::sift::{Sifted, sift};
use super::text::Text;

/// A scenario that is not written yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) from: String,
    pub(super) url: String,
    /// Names and base URLs of further hosts.
    pub(super) hosts: Vec<(String, String)>,
    pub(super) insecure: bool,
    /// Whether users are made by a pattern: they log in. Otherwise each brings a session along.
    pub(super) pattern: bool,
    /// Whether users' names are addresses.
    pub(super) addresses: bool,
    pub(super) credentials: Vec<Credential>,
    pub(super) has_login: bool,
    pub(super) steps: Vec<Step>,
    pub(super) left_out: BTreeMap<String, usize>,
    pub(super) remarks: Vec<String>,
}

/// The list in which a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    Setup,
    EachRound,
    Volley,
    Refresh,
    CleanUp,
}

/// A step of the draft.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) list: List,
    pub(super) name: String,
    pub(super) host: Option<String>,
    pub(super) login: bool,
    /// The cookie by which the log-in gives the session.
    pub(super) session: Option<String>,
    /// Slots that the recorded answer held.
    pub(super) sees: Vec<String>,
    /// Slots that it may hold.
    pub(super) may_see: Vec<String>,
    pub(super) learns: bool,
    pub(super) exchange: Exchange,
}

/// A text that was replaced by a canary.
struct Plant {
    slot: String,
    field: String,
    original: String,
    /// The path of the request that plants it.
    path: String,
}

/// Whether `path` has one segment more than `of`.
fn is_item_of(path: &str, of: &str) -> bool {
    let rest = path
        .strip_prefix(of.trim_end_matches('/'))
        .and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
}

/// Arranges at most `limit` steps.
pub(super) fn plan(seen: Seen, limit: usize) -> Draft {
    let sealed = Sealed::of(&seen.exchanges);
    let Sifted {
        mut exchanges,
        url,
        hosts,
        mut left_out,
    } = sift(seen.exchanges, seen.base.as_deref());
    for (why, count) in seen.left_out {
        *left_out.entry(why.to_owned()).or_default() += count;
    }
    let mut names = Names::default();
    for (name, _) in exchanges.iter().flat_map(|exchange| &exchange.captures) {
        names.give(name);
    }
    let log_in = login::find(&exchanges);
    if let Some(log_in) = &log_in {
        log_in.fill_in(&mut exchanges, seen.samples);
    }
    let session = log_in
        .as_ref()
        .and_then(|log_in| log_in.session(&exchanges));
    links::link(&mut exchanges, &mut names);
    let credentials = login::credentials(&mut exchanges, seen.credentials, log_in.is_some());
    for exchange in &mut exchanges {
        secrets::seal(exchange, &sealed);
    }
    let at = log_in.as_ref().map(LogIn::at);
    login::renew(&mut exchanges, at);
    let used = switch_off(&mut exchanges, &credentials, at);
    let plants = plant(&mut exchanges, at);
    let mut arranging = Arranging {
        at,
        session,
        hosts: &hosts,
        names: BTreeSet::new(),
        left_out,
        steps: Vec::new(),
    };
    arranging.arrange(exchanges, &used, limit);
    let mut draft = Draft {
        from: seen.from,
        url,
        insecure: seen.insecure,
        pattern: log_in.is_some()
            || credentials
                .iter()
                .any(|one| matches!(one, Credential::Basic { .. })),
        addresses: log_in.as_ref().is_some_and(|log_in| log_in.by_address()),
        has_login: log_in.is_some(),
        steps: arranging.steps,
        left_out: arranging.left_out,
        remarks: seen.remarks,
        credentials,
        hosts,
    };
    draft.look_for(&plants);
    draft
}

/// What a request is for, by its path.
pub(super) fn says(exchange: &Exchange, words: &[&str]) -> bool {
    let path = exchange
        .request
        .shown_path()
        .to_ascii_lowercase()
        .replace(['-', '_'], "");
    words.iter().any(|word| path.contains(word))
}

/// Makes comments of the steps that would end what the others need, unless one of these needs what they give. Returns the
/// names of the captures that the others use.
fn switch_off(
    exchanges: &mut [Exchange],
    credentials: &[Credential],
    login: Option<usize>,
) -> BTreeSet<String> {
    for (at, exchange) in exchanges.iter_mut().enumerate() {
        let is_refresh =
            !is_read(exchange) && (says(exchange, &["refresh"]) || grants_refresh(exchange));
        exchange.off = if Some(at) == login {
            None
        } else if says(exchange, &["logout", "signout", "logoff"]) {
            Some("ends the session".to_owned())
        } else if is_refresh {
            (!exchange.renews).then(|| "renews the session".to_owned())
        } else if exchange.request.method == "DELETE" {
            Some("takes something away".to_owned())
        } else if !is_read(exchange)
            && says(
                exchange,
                &["register", "signup", "resetpassword", "forgotpassword"],
            )
        {
            Some("registers somebody".to_owned())
        } else {
            exchange.off.take()
        };
    }
    loop {
        let used = used_names(exchanges, credentials);
        let needed = exchanges.iter_mut().find(|exchange| {
            exchange.off.is_some()
                && exchange
                    .captures
                    .iter()
                    .any(|capture| used.contains(&capture.0))
        });
        match needed {
            Some(exchange) => exchange.off = None,
            None => return used,
        }
    }
}

fn grants_refresh(exchange: &Exchange) -> bool {
    exchange
        .request
        .leaves()
        .iter()
        .any(|leaf| leaf.1 == "grant_type" && leaf.2 == "refresh_token")
}

/// First words of all code in requests that are made, and in the credentials.
fn used_names(exchanges: &[Exchange], credentials: &[Credential]) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut note = |text: &Text| {
        for code in text.codes() {
            let end = code
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(code.len());
            used.insert(code[..end].to_owned());
        }
    };
    for exchange in exchanges.iter().filter(|exchange| exchange.off.is_none()) {
        exchange.request.clone().visit(&mut |_, _, text| note(text));
    }
    for credential in credentials {
        match credential {
            Credential::Bearer(text) | Credential::Header(_, text) => note(text),
            Credential::Basic { user, password } => {
                [user, password].into_iter().for_each(&mut note)
            }
        }
    }
    used
}

/// Names of fields that people write into.
const FREE_TEXTS: [&str; 14] = [
    "title",
    "text",
    "body",
    "name",
    "note",
    "comment",
    "message",
    "subject",
    "description",
    "content",
    "summary",
    "memo",
    "caption",
    "bio",
];

/// Puts a canary into the first free text of every write.
fn plant(exchanges: &mut [Exchange], login: Option<usize>) -> Vec<Plant> {
    let mut plants: Vec<Plant> = Vec::new();
    let mut slots = Names::default();
    for (at, exchange) in exchanges.iter_mut().enumerate() {
        if Some(at) == login
            || is_read(exchange)
            || exchange.off.is_some()
            || exchange.renews
            || says(exchange, &["login", "signin"])
        {
            continue;
        }
        let path = exchange.request.shown_path();
        let mut planted = false;
        if let Body::Multipart(parts) = &mut exchange.request.body {
            for part in parts.iter_mut().filter(|part| part.is_file) {
                let slot = slots.give(&slot_of(&part.name));
                planted = true;
                part.text = Text::code(format!("secret_file('{slot}')"));
                plants.push(Plant {
                    slot,
                    field: part.name.clone(),
                    original: String::new(),
                    path: path.clone(),
                });
            }
        }
        exchange.request.visit(&mut |place, name, text| {
            let is_free = place.is_body() && place != Place::Body && is_free_text(name);
            let Some(original) = text
                .as_plain()
                .filter(|plain| is_free && !planted && !is_number(plain))
            else {
                return;
            };
            // A change of what an earlier write made replaces its text: the newer canary is the one to be seen.
            let made = plants
                .iter()
                .find(|plant| plant.field == name && is_item_of(&path, &plant.path));
            let slot = made.map_or_else(|| slots.give(&slot_of(name)), |plant| plant.slot.clone());
            plants.push(Plant {
                slot: slot.clone(),
                field: name.to_owned(),
                original: original.to_owned(),
                path: path.clone(),
            });
            *text = Text::code(format!("secret('{slot}')"));
            planted = true;
        });
        if !planted && exchange.request.body != Body::Empty {
            exchange.remarks.push(
                "TO DO: put {{ secret('…') }} where this request carries what belongs to the user"
                    .to_owned(),
            );
        }
    }
    plants
}

fn slot_of(field: &str) -> String {
    identifier(last_part(field))
}

fn last_part(field: &str) -> &str {
    field
        .rsplit(['[', ']', '.', '_', '-', ':'])
        .find(|part| !part.is_empty())
        .unwrap_or(field)
}

fn is_free_text(name: &str) -> bool {
    let before = name.to_ascii_lowercase();
    // `first_name` is a free text as well, `user_name` tells who somebody is.
    FREE_TEXTS.contains(&last_part(&before))
        && !["user", "file", "host", "nick"]
            .iter()
            .any(|part| before.contains(part))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

struct Arranging<'a> {
    at: Option<usize>,
    session: Option<String>,
    hosts: &'a [(String, String)],
    names: BTreeSet<String>,
    left_out: BTreeMap<String, usize>,
    steps: Vec<Step>,
}

impl Arranging<'_> {
    fn arrange(&mut self, exchanges: Vec<Exchange>, used: &BTreeSet<String>, limit: usize) {
        let mut asked: BTreeSet<String> = BTreeSet::new();
        for (at, mut exchange) in exchanges.into_iter().enumerate() {
            exchange
                .captures
                .retain(|capture| used.contains(&capture.0));
            let gives = !exchange.captures.is_empty();
            let reads = is_read(&exchange);
            let key = format!("{:?}", exchange.request);
            let is_repeated = !asked.insert(key);
            let is_before = self.at.is_some_and(|login| at < login);
            let why = if self.steps.len() >= limit {
                Some(format!("beyond the {limit} steps of a draft"))
            } else if is_repeated && !gives {
                Some("repeated".to_owned())
            } else if is_before && reads && !gives {
                Some("before the log-in, with nothing that a later one needs".to_owned())
            } else {
                None
            };
            if let Some(why) = why {
                *self.left_out.entry(why).or_default() += 1;
                continue;
            }
            let alone = if self.at.is_some_and(|login| at <= login) {
                List::Setup
            } else {
                List::EachRound
            };
            match (&exchange.off, reads, gives) {
                (Some(why), ..) => {
                    let list = match why.split(' ').next() {
                        Some("renews") => List::Refresh,
                        Some("registers") => List::Setup,
                        _ => List::CleanUp,
                    };
                    self.push(at, list, exchange);
                }
                (None, false, _) if exchange.renews => self.push(at, List::Refresh, exchange),
                (None, false, _) => self.push(at, alone, exchange),
                (None, true, true) => {
                    let mut raced = exchange.clone();
                    raced.captures.clear();
                    raced.redirects = None;
                    if !is_before && Some(at) != self.at && !is_repeated {
                        self.push(at, List::Volley, raced);
                        let shown = format!(
                            "{} {}",
                            exchange.request.method,
                            exchange.request.shown_path()
                        );
                        exchange.name = Some(format!("{}, alone", exchange.name.unwrap_or(shown)));
                    }
                    self.push(at, alone, exchange);
                }
                (None, true, false) => {
                    let list = if Some(at) == self.at {
                        List::Setup
                    } else {
                        List::Volley
                    };
                    self.push(at, list, exchange);
                }
            }
        }
    }

    fn push(&mut self, at: usize, list: List, mut exchange: Exchange) {
        let login = Some(at) == self.at;
        let status = exchange.answer.as_ref().map_or(0, |answer| answer.status);
        if (300..400).contains(&status)
            && !exchange.captures.is_empty()
            && exchange.redirects.is_none()
        {
            // What is captured is in this answer, not in that of the page to which it points.
            exchange.redirects = Some(false);
        }
        if login && (200..300).contains(&status) && exchange.expect.status.is_none() {
            exchange.expect.status = Some(status);
        }
        let wanted = match (&exchange.name, login) {
            (_, true) => "log in".to_owned(),
            (Some(name), _) => name.clone(),
            (None, _) => format!(
                "{} {}",
                exchange.request.method,
                exchange.request.shown_path()
            ),
        };
        let name = self.name(&wanted);
        let origin = &exchange.request.origin;
        self.steps.push(Step {
            list,
            name,
            host: self
                .hosts
                .iter()
                .find(|host| host.1 == *origin)
                .map(|host| host.0.clone()),
            session: self.session.clone().filter(|_| login),
            login,
            sees: Vec::new(),
            may_see: Vec::new(),
            learns: false,
            exchange,
        });
    }

    /// A name that no step has yet, of at most 100 bytes and without control characters.
    fn name(&mut self, wanted: &str) -> String {
        let mut base = String::new();
        for c in wanted.trim().chars().filter(|c| !c.is_control()) {
            if base.len() + c.len_utf8() > 90 {
                break;
            }
            base.push(c);
        }
        let base = if base.trim().is_empty() {
            "step".to_owned()
        } else {
            base.trim().to_owned()
        };
        let mut name = base.clone();
        let mut number = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{base} ({number})");
            number += 1;
        }
        name
    }
}

impl Draft {
    /// Says of every raced step which slots come back in its answer.
    fn look_for(&mut self, plants: &[Plant]) {
        let planted: BTreeSet<String> = self
            .steps
            .iter()
            .filter(|step| matches!(step.list, List::Setup | List::EachRound))
            .flat_map(|step| slots_in(&step.exchange))
            .collect();
        let plants: Vec<&Plant> = plants
            .iter()
            .filter(|plant| planted.contains(&plant.slot))
            .collect();
        for step in self
            .steps
            .iter_mut()
            .filter(|step| step.list == List::Volley)
        {
            step.learns = plants.is_empty();
            if step.exchange.anonymous {
                continue;
            }
            let path = step.exchange.request.shown_path();
            for plant in &plants {
                let seen = match &step.exchange.answer {
                    Some(answer) => holds(&answer.body, &plant.original),
                    None => {
                        step.exchange.answer_fields.contains(&plant.field)
                            && (path == plant.path || is_item_of(&path, &plant.path))
                    }
                };
                let slots = if seen {
                    &mut step.sees
                } else {
                    &mut step.may_see
                };
                if !slots.contains(&plant.slot) {
                    slots.push(plant.slot.clone());
                }
            }
            let Step { sees, may_see, .. } = step;
            may_see.retain(|slot| !sees.contains(slot));
        }
    }

    /// Whether the input had neither a log-in nor a session.
    pub(super) fn lacks_login(&self) -> bool {
        !self.has_login && self.credentials.is_empty()
    }

    /// Whether an attribute stands where JSON has a number.
    pub(super) fn is_number(&self, attribute: &str) -> bool {
        let code = format!("user.{attribute} | int");
        self.steps.iter().any(|step| {
            let mut found = false;
            step.exchange
                .request
                .clone()
                .visit(&mut |_, _, text| found |= text.as_code() == Some(code.as_str()));
            found
        })
    }

    /// Names of all attributes that users need, besides their names.
    pub(super) fn attributes(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut note = |text: &Text| {
            for code in text.codes() {
                for rest in code.split("user.").skip(1) {
                    let end = rest
                        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                        .unwrap_or(rest.len());
                    found.insert(rest[..end].to_owned());
                }
            }
        };
        for step in &self.steps {
            step.exchange
                .request
                .clone()
                .visit(&mut |_, _, text| note(text));
        }
        for credential in &self.credentials {
            match credential {
                Credential::Bearer(text) | Credential::Header(_, text) => note(text),
                Credential::Basic { user, password } => {
                    [user, password].into_iter().for_each(&mut note)
                }
            }
        }
        found.remove("name");
        found
    }
}

/// Slots into which a request plants.
fn slots_in(exchange: &Exchange) -> Vec<String> {
    let mut slots = Vec::new();
    let mut note = |text: &Text| {
        for code in text.codes().filter(|code| code.starts_with("secret")) {
            slots.extend(code.split('\'').nth(1).map(str::to_owned));
        }
    };
    let mut request = exchange.request.clone();
    request.visit(&mut |_, _, text| note(text));
    if let Body::Multipart(parts) = &request.body {
        parts
            .iter()
            .filter(|part| part.is_file)
            .for_each(|part| note(&part.text));
    }
    slots
}

/// Whether a body holds a text, as it is or as JSON writes it.
fn holds(body: &str, text: &str) -> bool {
    let in_json = serde_json::Value::from(text).to_string();
    text.len() >= 3 && (body.contains(text) || body.contains(in_json.trim_matches('"')))
}

/// Where a capture is from, for comments.
pub(super) fn is_from_body(source: &Source) -> bool {
    !matches!(source, Source::Header(_) | Source::Cookie(_))
}
