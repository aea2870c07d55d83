//! Reads a whole file, section by section.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::day::read_day;
use super::exploring::read_explore;
use super::fields::{Fields, number, unknown_word};
use super::firing::{check_groups, prepare_for_learning, read_fire, read_limits, read_thresholds};
use super::session::{read_headers, read_session};
use super::steps::{List, StepReader};
use super::target::read_target;
use super::texts::Compiler;
use super::users::read_users;
use crate::judge::Verdict;
use crate::scenario::error::Fault;
use crate::scenario::settings::{Bounds, MOST_SUBJECTS, Pattern};
use crate::scenario::surroundings::Surroundings;
use crate::scenario::{SCENARIO_VERSION, Scenario, Supplied};

/// The keys of a file.
pub(super) const KEYS: [&str; 20] = [
    "version",
    "title",
    "tags",
    "expect",
    "target",
    "users",
    "session",
    "secrets",
    "fire",
    "explore",
    "day",
    "thresholds",
    "limits",
    "setup",
    "each-round",
    "volley",
    "read-back",
    "restore",
    "refresh",
    "clean-up",
];
/// The keys of `[secrets.NAME]`.
pub(super) const SECRET_KEYS: [&str; 2] = ["attachment", "most-subjects"];
/// Most tags of a scenario.
const TAGS_LIMIT: usize = 32;
pub(super) const STORY: &str = "# Would catch:";

pub(super) fn read(
    name: &str,
    text: &str,
    document: &Spanned<DeTable<'_>>,
    surroundings: &dyn Surroundings,
) -> Result<Scenario, Fault> {
    let root_node = Spanned::new(document.span(), DeValue::Table(document.get_ref().clone()));
    let root = Fields::open(&root_node, "a scenario", &KEYS)?;
    read_version(&root)?;
    let mut fire = read_fire(&root)?;
    let mut compiler = Compiler::new(text, surroundings);
    let target = read_target(&root, &mut compiler)?;
    let users = read_users(&root, &mut compiler)?;
    check_groups(&root, &fire, users.count())?;
    // With any other pattern not every user has an answer to every step of the volley.
    let captures_may_lack = fire.pattern != Pattern::Same;
    let mut steps = StepReader::new(&mut compiler, text, &users, &fire);
    let mut read = |list| steps.read_list(&root, list, captures_may_lack);
    let mut lists = [
        read(List::Setup)?,
        read(List::EachRound)?,
        read(List::Volley)?,
        read(List::ReadBack)?,
        read(List::Restore)?,
        read(List::Refresh)?,
        read(List::CleanUp)?,
    ];
    let open_questions = steps.into_open_questions();
    let can_refresh = !lists[5].is_empty();
    let session = read_session(&root, can_refresh)?;
    let session_headers = Arc::new(read_headers(&root, &mut compiler)?);
    if lists.iter().flatten().any(|step| step.learns) {
        prepare_for_learning(&root, &mut fire)?;
    }
    read_secrets(&root, &mut compiler)?;
    let environment = compiler.environment();
    for step in lists.iter_mut().flatten() {
        step.environment = Arc::clone(&environment);
        step.session_headers = Arc::clone(&session_headers);
    }
    open_questions.check(&lists)?;
    let name = stem(name);
    let [
        setup,
        each_round,
        volley,
        read_back,
        restore,
        refresh,
        clean_up,
    ] = lists;
    let restores = !restore.is_empty();
    let day = read_day(&root, &target.spec, &volley, users.count(), restores)?;
    let explore = read_explore(&root, &volley, users.count())?;
    let scenario = Scenario {
        title: read_title(&root)?.unwrap_or_else(|| name.to_owned()),
        name: name.to_owned(),
        story: story_of(text).to_owned(),
        expect: read_expect(&root)?,
        tags: read_tags(&root)?,
        target: target.spec,
        hosts: target.hosts,
        network: target.network,
        session,
        session_headers,
        written: target.written,
        users,
        slots: compiler.slots,
        setup,
        each_round,
        volley,
        read_back,
        restore,
        refresh,
        clean_up,
        thresholds: read_thresholds(&root)?,
        fire,
        explore,
        day,
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
            let fault = Fault::new(node.span(), message, "another version");
            Err(fault.hint(format!(
                "write `version = {SCENARIO_VERSION}`, or use a newer crosswire"
            )))
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
        )
        .hint("leave it out to have the file's name")),
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

fn read_tags(root: &Fields<'_>) -> Result<Vec<String>, Fault> {
    let mut tags: Vec<String> = Vec::new();
    for tag in root.texts("tags")? {
        let is_right =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if tag.text.is_empty() || tag.text.len() > 64 || !tag.text.bytes().all(is_right) {
            let message = "a tag has 1 to 64 lower-case letters, digits or `-`";
            let better = tag.text.to_ascii_lowercase().replace([' ', '_'], "-");
            let fault = Fault::new(tag.span, message, "not a tag");
            return Err(
                match !better.is_empty() && better.len() <= 64 && better.bytes().all(is_right) {
                    true => fault.hint(format!("write `{better}`")),
                    false => fault.hint("for example `tags = [\"smoke\", \"mail\"]`"),
                },
            );
        }
        if tags.iter().any(|known| known == tag.text) {
            let message = format!("the tag `{}` is there already", tag.text);
            return Err(Fault::new(tag.span, message, "the same tag again").hint("remove it"));
        }
        if tags.len() == TAGS_LIMIT {
            let message = format!("a scenario has at most {TAGS_LIMIT} tags");
            return Err(Fault::new(tag.span, message, "one too many")
                .hint("keep those by which it is chosen"));
        }
        tags.push(tag.text.to_owned());
    }
    Ok(tags)
}

fn read_secrets(root: &Fields<'_>, compiler: &mut Compiler<'_>) -> Result<(), Fault> {
    let Some(node) = root.get("secrets") else {
        return Ok(());
    };
    for (slot, node) in Fields::open_any(node, "[secrets]")?.entries() {
        let fields = Fields::open(node, "a secret", &SECRET_KEYS)?;
        let attachment = fields.flag("attachment", false)?;
        let most_subjects = match fields.get("most-subjects") {
            None => None,
            Some(node) => {
                let given = number(node, "most-subjects", MOST_SUBJECTS).map_err(|fault| {
                    fault.hint_if_none("without `most-subjects` a reader may be given everybody's")
                })?;
                Some(u32::try_from(given).unwrap_or(u32::MAX))
            }
        };
        let Some(index) = compiler.known_slot(slot.text) else {
            return Err(compiler.never_planted(&slot));
        };
        let known = &mut compiler.slots[usize::from(index)];
        (known.attachment, known.most_subjects) = (attachment, most_subjects);
    }
    Ok(())
}
