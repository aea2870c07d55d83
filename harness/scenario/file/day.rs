//! Reads `[day]`: the phases of a day that is replayed, what else happened, and what a court found.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::fields::{Fields, Located, Node, nearest, number, text, unknown_word, wrong_type};
use crate::history::{Day, DayCheck, DayEvent, DayPhase, DayWork, Ruling};
use crate::scenario::error::Fault;
use crate::scenario::settings::{Bounds, FireSettings, TargetSpec};
use crate::scenario::step::Step;

/// The keys of `[day]`.
pub(super) const DAY_KEYS: [&str; 7] = ["title", "scale", "mix", "ruling", "ci", "phase", "event"];
/// The keys of `[[day.phase]]`.
pub(super) const PHASE_KEYS: [&str; 10] = [
    "name",
    "date",
    "from",
    "to",
    "serves",
    "users",
    "mean-gap-ms",
    "before",
    "after",
    "ruling",
];
const EVENT_KEYS: [&str; 2] = ["at", "says"];
const RULING_KEYS: [&str; 6] = [
    "source",
    "exposed",
    "downloaded",
    "deleted",
    "restored",
    "noticed",
];
const CI_KEYS: [&str; 2] = ["users", "rounds"];
/// The lists of steps that may stand before or after a phase.
pub(in crate::scenario) const WORKS: [(&str, DayWork); 3] = [
    ("each-round", DayWork::EachRound),
    ("read-back", DayWork::ReadBack),
    ("restore", DayWork::Restore),
];

impl Day {
    /// Bounds of [`Day::scale`]: from the day's own pace to a day in less than a second.
    pub const SCALE: Bounds = Bounds::new(1, 60, 100_000);
    /// Bounds of [`DayPhase::mean_gap_ms`].
    pub const GAP_MS: Bounds = Bounds::new(1, 1_000, 3_600_000);
    /// Bounds of the values of [`Day::mix`].
    pub const WEIGHT: Bounds = Bounds::new(1, 1, 1_000);
    /// Bounds of [`DayCheck::users`]; alone, a user has nobody to meet.
    pub const CHECK_USERS: Bounds = Bounds::new(2, 20, 1_000);
}

/// Reads the section; `None` where there is none.
pub(super) fn read_day(
    root: &Fields<'_>,
    target: &TargetSpec,
    volley: &[Step],
    users: u32,
    restores: bool,
) -> Result<Option<Day>, Fault> {
    let Some(node) = root.get("day") else {
        if restores {
            let fault = Fault::new(
                root.key_span("restore"),
                "`[[restore]]` is for a replayed day, and there is no `[day]`",
                "nobody would send it",
            );
            return Err(fault.hint("steps that every round ends with stand in `[[read-back]]`"));
        }
        return Ok(None);
    };
    let fields = Fields::open(node, "[day]", &DAY_KEYS)?;
    if let TargetSpec::Url(_) = target {
        let fault = Fault::new(
            fields.span(),
            "a day changes what is served, and only a bundled target can be changed",
            "not for a URL",
        );
        return Err(fault.hint("write `bundled = \"mail/shared-note\"` under `[target]`"));
    }
    let title = required_line(&fields, "title", "for example `title = \"22 July 2008\"`")?;
    let day = Day {
        title: title.text.to_owned(),
        scale: fields.small_number("scale", Day::SCALE)?,
        mix: read_mix(&fields, volley)?,
        phases: read_phases(&fields, users, restores)?,
        events: read_events(&fields)?,
        ruling: read_ruling(&fields)?,
        ci: read_check(&fields, users)?,
    };
    check_events(&fields, &day)?;
    Ok(Some(day))
}

/// How often each raced step is drawn.
fn read_mix(fields: &Fields<'_>, volley: &[Step]) -> Result<BTreeMap<String, u32>, Fault> {
    let Some(node) = fields.get("mix") else {
        return Ok(BTreeMap::new());
    };
    let known: Vec<&str> = volley.iter().map(|step| step.name.as_str()).collect();
    let mut mix = BTreeMap::new();
    for (step, node) in Fields::open_any(node, "[day.mix]")?.entries() {
        if !known.contains(&step.text) {
            let message = format!("no raced step is called `{}`", step.text.escape_debug());
            let listed = format!("raced steps: {}", known.join(", "));
            let hint = nearest(step.text, &known).map_or(listed.clone(), |near| {
                format!("did you mean `{near}`? ({listed})")
            });
            return Err(Fault::new(step.span, message, "not in `[[volley]]`").hint(hint));
        }
        mix.insert(
            step.text.to_owned(),
            small(number(node, step.text, Day::WEIGHT)?),
        );
    }
    Ok(mix)
}

fn read_phases(fields: &Fields<'_>, users: u32, restores: bool) -> Result<Vec<DayPhase>, Fault> {
    const HINT: &str =
        "a day begins with `[[day.phase]]`: a name, `from`, `to`, and what it `serves`";
    let nodes = tables(fields.required("phase", HINT)?, "phase", Day::PHASES)?;
    let mut phases: Vec<DayPhase> = Vec::new();
    for node in nodes {
        let of_phase = Fields::open(node, "[[day.phase]]", &PHASE_KEYS)?;
        let phase = read_phase(&of_phase, users, restores)?;
        let earlier = phases.iter().rfind(|before| before.date == phase.date);
        if let Some(before) = earlier.filter(|before| before.to_s > phase.from_s) {
            let message = format!(
                "`{}` ends at {}, so this one cannot begin at {}",
                before.name,
                Day::clock(before.to_s),
                Day::clock(phase.from_s)
            );
            let fault = Fault::new(of_phase.key_span("from"), message, "phases overlap");
            return Err(fault.hint("one version is served at a time; phases stand in order"));
        }
        phases.push(phase);
    }
    Ok(phases)
}

fn read_phase(fields: &Fields<'_>, users: u32, restores: bool) -> Result<DayPhase, Fault> {
    let name = required_line(fields, "name", "for example `name = \"rolled out\"`")?;
    let (from_s, to_s) = (clock(fields, "from")?, clock(fields, "to")?);
    if to_s <= from_s {
        let fault = Fault::new(
            fields.key_span("to"),
            "a phase ends after it begins",
            "not after `from`",
        );
        return Err(fault.hint("a phase does not go past midnight; `24:00` is the last time"));
    }
    let serves = line(fields, "serves")?;
    let is_open = serves.is_some();
    let mean_gap_ms = match fields.get("mean-gap-ms") {
        None => None,
        Some(node) => Some(small(number(node, "mean-gap-ms", Day::GAP_MS)?)),
    };
    let ordinary = |work| if is_open { vec![work] } else { Vec::new() };
    let phase = DayPhase {
        name: name.text.to_owned(),
        date: line(fields, "date")?,
        from_s,
        to_s,
        serves,
        users: read_users(fields, users)?,
        mean_gap_ms,
        before: works(fields, "before", restores)?.unwrap_or_else(|| ordinary(DayWork::EachRound)),
        after: works(fields, "after", restores)?.unwrap_or_else(|| ordinary(DayWork::ReadBack)),
        ruling: line(fields, "ruling")?,
    };
    let idle = [("before", &phase.before), ("after", &phase.after)];
    if let Some((key, _)) = idle
        .into_iter()
        .find(|(_, works)| !is_open && !works.is_empty())
    {
        let fault = Fault::new(
            fields.key_span(key),
            "while nothing is served, no step can succeed",
            "the service is closed",
        );
        return Err(fault.hint("let another phase begin with it, or say what this one `serves`"));
    }
    Ok(phase)
}

/// The first and the last user of a phase; all of them when the file does not say.
fn read_users(fields: &Fields<'_>, users: u32) -> Result<(u32, u32), Fault> {
    const HINT: &str = "for example `users = [1, 20]`, the first and the last";
    let Some(node) = fields.get("users") else {
        return Ok((1, users));
    };
    let DeValue::Array(items) = node.get_ref() else {
        return Err(wrong_type(node.get_ref(), node.span(), "`users` is a list of two").hint(HINT));
    };
    let bounds = Bounds::new(1, 1, u64::from(users));
    let ends = items.iter().map(|item| number(item, "users", bounds));
    match ends.collect::<Result<Vec<u64>, Fault>>()?[..] {
        [first, last] if first <= last => Ok((small(first), small(last))),
        _ => Err(Fault::new(
            node.span(),
            "`users` is two numbers, the first user and the last",
            "not from one to another",
        )
        .hint(HINT)),
    }
}

fn works(fields: &Fields<'_>, key: &str, restores: bool) -> Result<Option<Vec<DayWork>>, Fault> {
    if fields.get(key).is_none() {
        return Ok(None);
    }
    let mut works = Vec::new();
    for given in fields.texts(key)? {
        let known = WORKS.into_iter().find(|word| word.0 == given.text);
        let Some((_, work)) = known else {
            return Err(unknown_word(&given, key, &WORKS.map(|word| word.0)));
        };
        if work == DayWork::Restore && !restores {
            let fault = Fault::new(
                given.span,
                "there is no `[[restore]]` step",
                "nothing to send",
            );
            return Err(fault.hint("say how users ask for what they miss: `[[restore]]`"));
        }
        works.push(work);
    }
    Ok(Some(works))
}

fn read_events(fields: &Fields<'_>) -> Result<Vec<DayEvent>, Fault> {
    let Some(node) = fields.get("event") else {
        return Ok(Vec::new());
    };
    let mut events = Vec::new();
    for node in tables(node, "event", Day::EVENTS)? {
        let of_event = Fields::open(node, "[[day.event]]", &EVENT_KEYS)?;
        let says = required_line(&of_event, "says", "for example `says = \"first report\"`")?;
        events.push(DayEvent {
            at_s: clock(&of_event, "at")?,
            says: says.text.to_owned(),
        });
    }
    events.sort_by_key(|event| event.at_s);
    Ok(events)
}

/// An event that no phase of the day itself reaches would stand beside its timeline.
fn check_events(fields: &Fields<'_>, day: &Day) -> Result<(), Fault> {
    let own = || day.phases.iter().filter(|phase| phase.date.is_none());
    let (from, to) = (
        own().map(|phase| phase.from_s).min(),
        own().map(|phase| phase.to_s).max(),
    );
    let (Some(from), Some(to)) = (from, to) else {
        let fault = Fault::new(
            fields.key_span("phase"),
            "every phase has a `date` of its own: none is of the day itself",
            "no day",
        );
        return Err(fault.hint("leave `date` out for the phases of the day that is replayed"));
    };
    let is_outside = |event: &&DayEvent| !(from..=to).contains(&event.at_s);
    match day.events.iter().find(is_outside) {
        None => Ok(()),
        Some(event) => {
            let message = format!(
                "`{}` is at {}, but the day goes from {} to {}",
                event.says,
                Day::clock(event.at_s),
                Day::clock(from),
                Day::clock(to)
            );
            Err(
                Fault::new(fields.key_span("event"), message, "beside the day")
                    .hint("move it into a phase without a `date`"),
            )
        }
    }
}

fn read_ruling(fields: &Fields<'_>) -> Result<Option<Ruling>, Fault> {
    let Some(node) = fields.get("ruling") else {
        return Ok(None);
    };
    let of_ruling = Fields::open(node, "[day.ruling]", &RULING_KEYS)?;
    let source = required_line(&of_ruling, "source", "say which court, and when")?;
    Ok(Some(Ruling {
        source: source.text.to_owned(),
        exposed: line(&of_ruling, "exposed")?,
        downloaded: line(&of_ruling, "downloaded")?,
        deleted: line(&of_ruling, "deleted")?,
        restored: line(&of_ruling, "restored")?,
        noticed: line(&of_ruling, "noticed")?,
    }))
}

fn read_check(fields: &Fields<'_>, users: u32) -> Result<Option<DayCheck>, Fault> {
    let Some(node) = fields.get("ci") else {
        return Ok(None);
    };
    let of_check = Fields::open(node, "[day.ci]", &CI_KEYS)?;
    let check = DayCheck {
        users: of_check.small_number("users", Day::CHECK_USERS)?,
        rounds: of_check.small_number("rounds", FireSettings::ROUNDS)?,
    };
    if check.users > users {
        let message = format!("{} users are wanted, and there are {users}", check.users);
        let fault = Fault::new(of_check.key_span("users"), message, "too many");
        return Err(fault.hint("raise `count` under `[users]`, or take fewer here"));
    }
    Ok(Some(check))
}

fn clock(fields: &Fields<'_>, key: &str) -> Result<u32, Fault> {
    const HINT: &str =
        "hours and minutes in quotes, such as \"15:10\", or with seconds, \"15:10:30\"";
    let given = text(fields.required(key, HINT)?, key)?;
    Day::seconds(given.text).ok_or_else(|| {
        let message = format!("`{}` is no time of the day", given.text.escape_debug());
        Fault::new(given.span.clone(), message, "not a time").hint(HINT)
    })
}

fn tables<'d>(node: &'d Node<'d>, key: &str, most: usize) -> Result<Vec<&'d Node<'d>>, Fault> {
    let hint = format!("each begins with a line `[[day.{key}]]`");
    match node.get_ref() {
        DeValue::Array(items) if (1..=most).contains(&items.len()) => Ok(items.iter().collect()),
        DeValue::Array(items) => {
            let message = format!("a day has 1 to {most} tables `{key}`");
            let label = format!("{} here", items.len());
            Err(Fault::new(node.span(), message, label).hint(hint))
        }
        other => {
            let wanted = format!("`{key}` is a list of tables");
            Err(wrong_type(other, node.span(), &wanted).hint(hint))
        }
    }
}

fn required_line<'d>(fields: &Fields<'d>, key: &str, hint: &str) -> Result<Located<'d>, Fault> {
    let given = text(fields.required(key, hint)?, key)?;
    is_line(given, key)
}

fn line(fields: &Fields<'_>, key: &str) -> Result<Option<String>, Fault> {
    let given = fields.text(key)?;
    let given = given.map(|given| is_line(given, key)).transpose()?;
    Ok(given.map(|given| given.text.to_owned()))
}

fn is_line<'d>(given: Located<'d>, key: &str) -> Result<Located<'d>, Fault> {
    match given.text.trim().is_empty() || given.text.chars().any(char::is_control) {
        true => {
            let message = format!("`{key}` is one line and not empty");
            Err(Fault::new(given.span, message, "not a line").hint("it is shown in a table"))
        }
        false => Ok(given),
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
