//! Reads a whole file, section by section.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fields::{Fields, Located, Node, number, text, unknown_word, wrong_type};
use super::steps::{List, StepReader, is_identifier};
use super::texts::{Compiler, Place};
use crate::identity::UserId;
use crate::judge::Verdict;
use crate::scenario::error::Fault;
use crate::scenario::network::{Network, SessionSettings};
use crate::scenario::settings::{
    Bounds, Connections, FireSettings, Limits, Pattern, Protocol, StoreKind, StrategyName,
    TargetSpec,
};
use crate::scenario::surroundings::Surroundings;
use crate::scenario::template::Text;
use crate::scenario::users::{Origin, Users};
use crate::scenario::{SCENARIO_VERSION, Scenario, Supplied};

const KEYS: [&str; 14] = [
    "version",
    "title",
    "expect",
    "target",
    "users",
    "secrets",
    "fire",
    "limits",
    "setup",
    "each-round",
    "volley",
    "read-back",
    "refresh",
    "clean-up",
];
pub(super) const STORY: &str = "# Would catch:";
const FIRE_KEYS: [&str; 11] = [
    "strategy",
    "protocol",
    "connections",
    "pattern",
    "group",
    "rounds",
    "offsets-us",
    "mean-gap-ms",
    "solo",
    "sequence",
    "min-overlaps",
];

pub(super) fn read(
    name: &str,
    text: &str,
    document: &Spanned<DeTable<'_>>,
    surroundings: &dyn Surroundings,
) -> Result<Scenario, Fault> {
    let root_node = Spanned::new(document.span(), DeValue::Table(document.get_ref().clone()));
    let root = Fields::open(&root_node, "a scenario", &KEYS)?;
    read_version(&root)?;
    let target = read_target(&root)?;
    let fire = read_fire(&root)?;
    let mut compiler = Compiler::new(text, surroundings);
    let users = read_users(&root, &mut compiler)?;
    // With any other pattern not every user has an answer to every step of the volley.
    let captures_may_lack = fire.pattern != Pattern::Same;
    let mut steps = StepReader::new(&mut compiler, text, &users);
    let mut lists = Vec::new();
    for list in List::ALL {
        lists.push(steps.read_list(&root, list, captures_may_lack)?);
    }
    read_secrets(&root, &mut compiler)?;
    let environment = compiler.environment();
    for step in lists.iter_mut().flatten() {
        step.environment = Arc::clone(&environment);
    }
    let name = stem(name);
    let mut lists = lists.into_iter();
    let mut next = || lists.next().unwrap_or_default();
    let scenario = Scenario {
        title: read_title(&root)?.unwrap_or_else(|| name.to_owned()),
        name: name.to_owned(),
        story: story_of(text).to_owned(),
        expect: read_expect(&root)?,
        tags: Vec::new(),
        target,
        hosts: BTreeMap::new(),
        network: Network::default(),
        session: SessionSettings::default(),
        users,
        slots: compiler.slots,
        setup: next(),
        each_round: next(),
        volley: next(),
        read_back: next(),
        refresh: next(),
        clean_up: next(),
        thresholds: Vec::new(),
        fire,
        limits: read_limits(&root)?,
        supplied: Supplied(compiler.supplied),
        marks_requests: false,
    };
    match scenario.volley.is_empty() {
        true => Err(root.missing(
            "volley",
            "at least one `[[volley]]` step is needed: it is what the users race",
        )),
        false => Ok(scenario),
    }
}

/// The file's name without folder and extension.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.strip_suffix(".toml").unwrap_or(file)
}

fn story_of(text: &str) -> &str {
    text.lines()
        .next()
        .and_then(|line| line.strip_prefix(STORY))
        .map_or("", str::trim)
}

fn read_version(root: &Fields<'_>) -> Result<(), Fault> {
    let hint = format!("write `version = {SCENARIO_VERSION}` at the top");
    let node = root.required("version", &hint)?;
    let only = Bounds {
        min: 0,
        default: 0,
        max: u64::MAX,
    };
    match number(node, "version", only)? == u64::from(SCENARIO_VERSION) {
        true => Ok(()),
        false => {
            let message = format!("this crosswire reads version {SCENARIO_VERSION} of the format");
            Err(Fault::new(node.span(), message, "another version"))
        }
    }
}

fn read_title(root: &Fields<'_>) -> Result<Option<String>, Fault> {
    let Some(title) = root.text("title")? else {
        return Ok(None);
    };
    match title.text.trim().is_empty() || title.text.chars().any(char::is_control) {
        true => Err(Fault::new(
            title.span,
            "a title is one line and not empty",
            "not a title",
        )),
        false => Ok(Some(title.text.to_owned())),
    }
}

fn read_expect(root: &Fields<'_>) -> Result<Verdict, Fault> {
    let Some(expect) = root.text("expect")? else {
        return Ok(Verdict::Isolated);
    };
    verdict_of(expect.text)
        .ok_or_else(|| unknown_word(&expect, "expect", &["exposed", "isolated", "inconclusive"]))
}

fn verdict_of(word: &str) -> Option<Verdict> {
    match word {
        "exposed" => Some(Verdict::Exposed),
        "isolated" => Some(Verdict::Isolated),
        "inconclusive" => Some(Verdict::Inconclusive),
        _ => None,
    }
}

pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Exposed => "exposed",
        Verdict::Isolated => "isolated",
        Verdict::Inconclusive => "inconclusive",
    }
}

fn read_target(root: &Fields<'_>) -> Result<TargetSpec, Fault> {
    let hint = "add `[target]` with `url = \"http://127.0.0.1:8080\"`, or with `bundled = \"mail/shared-note\"`";
    let fields = Fields::open(
        root.required("target", hint)?,
        "[target]",
        &["bundled", "url", "store", "tls"],
    )?;
    match (fields.text("bundled")?, fields.text("url")?) {
        (Some(bundled), None) => {
            let store = fields
                .word::<StoreKind>("store", StoreKind::WORDS)?
                .unwrap_or(StoreKind::Sqlite);
            let tls = fields.flag("tls", false)?;
            let part_is_right = |part: &str| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            };
            match bundled
                .text
                .split_once('/')
                .filter(|parts| part_is_right(parts.0) && part_is_right(parts.1))
            {
                Some((target, variant)) => Ok(TargetSpec::Bundled {
                    target: target.to_owned(),
                    variant: variant.to_owned(),
                    store,
                    tls,
                }),
                None => {
                    let fault = Fault::new(
                        bundled.span,
                        "a bundled target is named with its variant",
                        "not `target/variant`",
                    );
                    Err(fault.hint("for example `mail/shared-note`"))
                }
            }
        }
        (None, Some(url)) => {
            if let Some(key) = ["store", "tls"]
                .into_iter()
                .find(|key| fields.get(key).is_some())
            {
                let message = format!("`{key}` is a setting of bundled targets");
                return Err(Fault::new(
                    fields.key_span(key),
                    message,
                    "has no meaning with `url`",
                ));
            }
            read_url(&url).map(TargetSpec::Url)
        }
        (Some(_), Some(url)) => Err(Fault::new(
            url.span,
            "a scenario has one target: `bundled` or `url`",
            "a second target",
        )),
        (None, None) => Err(fields.missing(
            "url",
            "`url = \"http://127.0.0.1:8080\"`, or `bundled = \"mail/shared-note\"`",
        )),
    }
}

/// A base URL without a slash at its end.
fn read_url(url: &Located<'_>) -> Result<String, Fault> {
    let fault = |message: &str, hint: &str| {
        Err(Fault::new(url.span.clone(), message, "not a base URL").hint(hint))
    };
    let Some((scheme, rest)) = url
        .text
        .split_once("://")
        .filter(|parts| matches!(parts.0, "http" | "https"))
    else {
        return fault(
            "a URL begins with `http://` or `https://`",
            "for example `http://127.0.0.1:8080`",
        );
    };
    let base = rest.strip_suffix('/').unwrap_or(rest);
    if base.contains('@') {
        return fault(
            "a URL with a password in it",
            "log in with a `[[setup]]` step or a header",
        );
    }
    if rest.contains(['?', '#']) {
        return fault(
            "the target's URL has no query",
            "write it into the paths of the steps",
        );
    }
    let (authority, path) = base.find('/').map_or((base, ""), |at| base.split_at(at));
    if !is_authority(authority) {
        return fault(
            "the URL has no host, or one with characters that cannot be",
            "for example `http://127.0.0.1:8080`",
        );
    }
    match path.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(format!("{scheme}://{authority}{path}")),
        false => fault(
            "the URL's path is not printable ASCII",
            "for example `http://127.0.0.1:8080/app`",
        ),
    }
}

/// Whether it is a host, with or without a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) if host.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", None),
            Some((host, rest)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
                ("v6", Some(rest.strip_prefix(':').unwrap_or("")))
            }
            _ => return false,
        },
        None => text
            .split_once(':')
            .map_or((text, None), |parts| (parts.0, Some(parts.1))),
    };
    let host_is_right = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    host_is_right && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0))
}

fn read_users(root: &Fields<'_>, compiler: &mut Compiler<'_>) -> Result<Users, Fault> {
    let hint = "add `[users]` with `count = 20` and `name = \"user{{ index }}\"`";
    let node = root.required("users", hint)?;
    let fields = Fields::open_any(node, "[users]")?;
    let (origin, count, span) = match fields.get("list") {
        Some(list) => {
            if let Some((key, _)) = fields.entries().find(|entry| entry.0.text != "list") {
                let message = format!(
                    "`{}` has no meaning beside `[[users.list]]`",
                    key.text.escape_debug()
                );
                return Err(Fault::new(key.span, message, "users are a list here"));
            }
            let DeValue::Array(items) = list.get_ref() else {
                return Err(wrong_type(
                    list.get_ref(),
                    list.span(),
                    "`users.list` is a list of tables",
                ));
            };
            let users: Vec<_> = items
                .iter()
                .map(|item| read_user(item, compiler))
                .collect::<Result<_, _>>()?;
            (
                Origin::List(users),
                items.len() as u64,
                fields.key_span("list"),
            )
        }
        None => {
            let count = fields.required(
                "count",
                "how many users there are, for example `count = 20`",
            )?;
            let bounds = Bounds {
                min: 1,
                default: 1,
                max: u64::from(UserId::LIMIT),
            };
            let count = number(count, "count", bounds)?;
            let (name, attributes) = read_user(node, compiler)?;
            (
                Origin::Pattern { name, attributes },
                count,
                fields.key_span("name"),
            )
        }
    };
    compiler.attributes = attributes_of(&origin);
    let users = Users::new(
        origin,
        u32::try_from(count).unwrap_or(u32::MAX),
        compiler.environment(),
    );
    let users = users.map_err(|error| {
        let fault = Fault::new(span, error.0, "these users cannot be");
        fault.hint("a pattern tells users apart by `{{ index }}`")
    })?;
    compiler.user_count = users.count();
    compiler.first_user = users.list().first().cloned().unwrap_or_default();
    Ok(users)
}

/// Reads the texts of one user, or of the pattern for all.
fn read_user(
    node: &Node<'_>,
    compiler: &mut Compiler<'_>,
) -> Result<(Text, BTreeMap<String, Text>), Fault> {
    let fields = Fields::open_any(node, "a user")?;
    let name = text(
        fields.required("name", "for example `name = \"user{{ index }}\"`")?,
        "name",
    )?;
    // Names are shown: what the environment supplied for a name alone is no secret.
    let supplied = compiler.supplied.len();
    let name = compiler.compile(&name, Place::User, true)?;
    compiler.supplied.truncate(supplied);
    let mut attributes = BTreeMap::new();
    for (key, node) in fields
        .entries()
        .filter(|entry| !matches!(entry.0.text, "name" | "count"))
    {
        if !is_identifier(key.text) {
            let message = "an attribute's name has letters, digits and underscores, no digit first";
            let fault = Fault::new(key.span, message, "cannot be named in a template");
            let better = key.text.replace('-', "_");
            return Err(if is_identifier(&better) {
                fault.hint(format!("write `{better}`"))
            } else {
                fault
            });
        }
        attributes.insert(
            key.text.to_owned(),
            compiler.compile(&text(node, key.text)?, Place::User, true)?,
        );
    }
    Ok((name, attributes))
}

/// The attributes that every user has.
fn attributes_of(origin: &Origin) -> BTreeSet<String> {
    let keys = |attributes: &BTreeMap<String, Text>| {
        attributes.keys().cloned().collect::<BTreeSet<String>>()
    };
    let mut common = match origin {
        Origin::Pattern { attributes, .. } => keys(attributes),
        Origin::List(users) => {
            let sets = users.iter().map(|user| keys(&user.1));
            sets.reduce(|common, of_user| &common & &of_user)
                .unwrap_or_default()
        }
    };
    common.insert("name".to_owned());
    common
}

fn read_secrets(root: &Fields<'_>, compiler: &mut Compiler<'_>) -> Result<(), Fault> {
    let Some(node) = root.get("secrets") else {
        return Ok(());
    };
    for (slot, node) in Fields::open_any(node, "[secrets]")?.entries() {
        let fields = Fields::open(node, "a secret", &["attachment"])?;
        let attachment = fields.flag("attachment", false)?;
        match compiler.known_slot(slot.text) {
            Some(index) => compiler.slots[usize::from(index)].attachment = attachment,
            None => return Err(compiler.never_planted(&slot)),
        }
    }
    Ok(())
}

fn read_fire(root: &Fields<'_>) -> Result<FireSettings, Fault> {
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
    fire.sequence = fields.flag("sequence", fire.sequence)?;
    fire.min_overlaps = fields.number("min-overlaps", FireSettings::MIN_OVERLAPS)?;
    match fire.conflict() {
        Some((key, why)) => Err(Fault::new(
            fields.key_span(key),
            why,
            "these do not go together",
        )),
        None => Ok(fire),
    }
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

fn read_limits(root: &Fields<'_>) -> Result<Limits, Fault> {
    let Some(node) = root.get("limits") else {
        return Ok(Limits::default());
    };
    let fields = Fields::open(
        node,
        "[limits]",
        &["requests", "duration-s", "answer-bytes", "timeout-ms"],
    )?;
    Ok(Limits {
        requests: fields.number("requests", Limits::REQUESTS)?,
        duration_s: fields.number("duration-s", Limits::DURATION_S)?,
        answer_bytes: fields.number("answer-bytes", Limits::ANSWER_BYTES)?,
        timeout_ms: fields.number("timeout-ms", Limits::TIMEOUT_MS)?,
    })
}
