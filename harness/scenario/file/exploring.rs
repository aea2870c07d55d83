//! Reads `[explore]`: which requests, in which order their schedules are run, and what ends that.

use toml::de::DeValue;

use super::fields::{Fields, Located, Node, nearest, number, text, unknown_word, wrong_type};
use crate::history::Move;
use crate::scenario::error::Fault;
use crate::scenario::exploring::{ExploreSettings, HoldName, SearchName};
use crate::scenario::step::Step;

/// The keys of `[explore]`.
pub(super) const EXPLORE_KEYS: [&str; 11] = [
    "races",
    "search",
    "preemptions",
    "executions",
    "samples",
    "moves",
    "duration-s",
    "cancel",
    "time",
    "hold",
    "blocked-ms",
];

/// An example of `races`, for hints.
const EXAMPLE: &str = "for example `races = [[\"read\", \"read\"], [\"read\", \"delete\"]]`";

/// Reads the section; `volley` are the raced steps, of `users` users.
pub(super) fn read_explore(
    root: &Fields<'_>,
    volley: &[Step],
    users: u32,
) -> Result<ExploreSettings, Fault> {
    let mut explore = ExploreSettings::default();
    let Some(node) = root.get("explore") else {
        return Ok(explore);
    };
    let fields = Fields::open(node, "[explore]", &EXPLORE_KEYS)?;
    explore.races = read_races(&fields, volley, users)?;
    if let Some(search) = fields.word::<SearchName>("search", SearchName::WORDS)? {
        explore.search = search;
    }
    explore.preemptions = match fields.get("preemptions") {
        None => None,
        Some(node) => {
            let given = number(node, "preemptions", ExploreSettings::PREEMPTIONS)
                .map_err(|fault| fault.hint_if_none("without `preemptions` there is no bound"))?;
            Some(u32::try_from(given).unwrap_or(u32::MAX))
        }
    };
    explore.executions = fields.number("executions", ExploreSettings::EXECUTIONS)?;
    explore.samples = fields.number("samples", ExploreSettings::SAMPLES)?;
    explore.moves = fields.number("moves", ExploreSettings::MOVES)?;
    explore.duration_s = fields.number("duration-s", ExploreSettings::DURATION_S)?;
    explore.cancel = fields.flag("cancel", explore.cancel)?;
    explore.time = fields.flag("time", explore.time)?;
    explore.set_hold(read_hold(&fields)?);
    explore.blocked_ms = fields.number("blocked-ms", ExploreSettings::BLOCKED_MS)?;
    Ok(explore)
}

fn read_races(fields: &Fields<'_>, volley: &[Step], users: u32) -> Result<Vec<Vec<String>>, Fault> {
    let Some(node) = fields.get("races") else {
        return Ok(Vec::new());
    };
    let sets = list_of(node, "`races` is a list of lists of names")?;
    if sets.is_empty() || sets.len() > ExploreSettings::RACES {
        let message = format!("`races` has 1 to {} lists", ExploreSettings::RACES);
        let fault = Fault::new(node.span(), message, format!("{} here", sets.len()));
        return Err(fault.hint("leave it out for every pair of raced steps"));
    }
    let mut races: Vec<Vec<String>> = Vec::new();
    for set in sets {
        let race = read_race(set, volley, users)?;
        if races.contains(&race) {
            let message = format!("the race of {} is there already", race.join(" and "));
            return Err(Fault::new(set.span(), message, "the same again").hint("remove it"));
        }
        races.push(race);
    }
    Ok(races)
}

fn read_race(set: &Node<'_>, volley: &[Step], users: u32) -> Result<Vec<String>, Fault> {
    let names = list_of(set, "a race is a list of the names of raced steps")?;
    let (most, count) = (Move::REQUESTS, names.len());
    if !(2..=most).contains(&count) {
        let message = format!("a race has 2 to {most} requests, one for each user");
        return Err(Fault::new(set.span(), message, format!("{count} here")).hint(EXAMPLE));
    }
    if count > users as usize {
        let message = format!("a race of {count} requests takes as many users; there are {users}");
        let fault = Fault::new(set.span(), message, "more requests than users");
        return Err(fault.hint("let more users take part, or leave names out"));
    }
    let known: Vec<&str> = volley.iter().map(|step| step.name.as_str()).collect();
    let mut race = Vec::new();
    for name in names {
        let name = text(name, "races")?;
        if !known.contains(&name.text) {
            return Err(unknown_step(&name, &known));
        }
        race.push(name.text.to_owned());
    }
    Ok(race)
}

fn unknown_step(name: &Located<'_>, known: &[&str]) -> Fault {
    let message = format!("no raced step is called `{}`", name.text.escape_debug());
    let listed = format!("raced steps: {}", known.join(", "));
    let hint = nearest(name.text, known).map_or(listed.clone(), |near| {
        format!("did you mean `{near}`? ({listed})")
    });
    Fault::new(name.span.clone(), message, "not in `[[volley]]`").hint(hint)
}

fn list_of<'d>(node: &'d Node<'d>, wanted: &str) -> Result<Vec<&'d Node<'d>>, Fault> {
    match node.get_ref() {
        DeValue::Array(items) => Ok(items.iter().collect()),
        other => Err(wrong_type(other, node.span(), wanted).hint(EXAMPLE)),
    }
}

/// What is to be held; empty when the file does not say.
fn read_hold(fields: &Fields<'_>) -> Result<Vec<HoldName>, Fault> {
    let mut hold: Vec<HoldName> = Vec::new();
    for given in fields.texts("hold")? {
        let name: HoldName = given
            .text
            .parse()
            .map_err(|_| unknown_word(&given, "hold", HoldName::WORDS))?;
        if hold.contains(&name) {
            let message = format!("`{name}` is in this list already");
            return Err(Fault::new(given.span, message, "the same again").hint("remove it"));
        }
        hold.push(name);
    }
    if hold.is_empty()
        && let Some(node) = fields.get("hold")
    {
        let fault = Fault::new(
            node.span(),
            "with nothing held there is nothing to decide",
            "empty",
        );
        return Err(fault.hint("leave it out to have what the service sends to its backends held"));
    }
    Ok(hold)
}
