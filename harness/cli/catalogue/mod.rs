//! `crosswire catalogue`: the known ways to show one user another's data; and `crosswire run catalogue`, which tries them all.

mod matrix;
mod measured;
mod trial;

use std::fmt::Write as _;
use std::path::Path;

use crosswire::report::words::wrapped;
use crosswire_targets::{ClassInfo, Sees, TargetInfo, targets};

use crate::exit::{self, Failure};
use crate::screen::Screen;

pub(crate) use matrix::matrix;

/// What `crosswire run` takes for all of it; with a `/` and a class behind it, for that one.
const NAME: &str = "catalogue";

/// Columns of a line.
const WIDTH: usize = 98;

/// Lists the classes, or tells of one: by its number, or by its target's name.
pub(crate) fn catalogue(class: Option<&str>, screen: &mut Screen) -> Result<u8, Failure> {
    let mut text = String::new();
    match class {
        None => list(&mut text),
        Some(asked) => page(&mut text, find(asked)?),
    }
    screen
        .out(text.as_bytes())
        .map_err(|error| Failure::usage(format!("cannot write to stdout: {error}")))?;
    Ok(exit::AS_EXPECTED)
}

/// The classes that are meant, when it is the catalogue that is to be run: a file or folder of that name comes first.
///
/// # Errors
/// Usage, when there is no such class, or scenarios are named besides.
pub(crate) fn meant(given: &[String]) -> Result<Option<Vec<&'static TargetInfo>>, Failure> {
    let class_of = |one: &str| match one.split_once('/') {
        None => (one == NAME).then_some(None),
        Some((name, class)) => (name == NAME).then(|| Some(class.to_owned())),
    };
    let is_meant = |one: &&String| class_of(one).is_some() && !Path::new(one).exists();
    let of_catalogue: Vec<&String> = given.iter().filter(is_meant).collect();
    if of_catalogue.is_empty() {
        return Ok(None);
    }
    if of_catalogue.len() < given.len() {
        return Err(Failure::usage(
            "the catalogue has a table of its own: run it and scenarios one after the other",
        ));
    }
    let mut classes = Vec::new();
    for one in of_catalogue {
        match class_of(one).flatten() {
            None => return Ok(Some(targets().iter().collect())),
            Some(class) => classes.push(find(&class)?),
        }
    }
    Ok(Some(classes))
}

fn find(asked: &str) -> Result<&'static TargetInfo, Failure> {
    let is_meant =
        |target: &&TargetInfo| target.name == asked || asked.parse() == Ok(target.class.number);
    targets().iter().find(is_meant).ok_or_else(|| {
        let known: Vec<String> = targets()
            .iter()
            .map(|target| format!("{} {}", target.class.number, target.name))
            .collect();
        Failure::usage(format!(
            "the catalogue has no class `{}`; it has {}",
            asked.escape_debug(),
            known.join(", ")
        ))
    })
}

fn list(text: &mut String) {
    for target in targets() {
        head(text, target);
        for incident in target.class.incidents {
            told(text, "happened", incident.what);
        }
        variants(text, target);
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "seconds       of whole runs when the README's matrix was made ({})\n\
         one in full   crosswire catalogue NAME\n\
         all of it     crosswire run {NAME}",
        measured::WHERE
    );
}

fn page(text: &mut String, target: &TargetInfo) {
    head(text, target);
    for incident in target.class.incidents {
        told(
            text,
            "happened",
            &format!("{} ({})", incident.what, incident.source),
        );
    }
    variants(text, target);
    let _ = write!(text, "\n{}", target.story);
}

fn head(text: &mut String, target: &TargetInfo) {
    let ClassInfo {
        number,
        title,
        cwe,
        triggers,
        ..
    } = target.class;
    let cwe: Vec<String> = cwe.iter().map(|number| format!("CWE-{number}")).collect();
    let triggers: Vec<&str> = triggers.iter().map(|trigger| trigger.word()).collect();
    let _ = writeln!(text, "{number:2}  {}: {title}", target.name);
    told(text, "weakness", &cwe.join(", "));
    told(text, "brought by", &triggers.join(", "));
}

fn told(text: &mut String, what: &str, said: &str) {
    const MARGIN: usize = 16;
    for (place, line) in wrapped(said, WIDTH - MARGIN).iter().enumerate() {
        let what = if place == 0 { what } else { "" };
        let _ = writeln!(text, "    {what:11} {line}");
    }
}

fn variants(text: &mut String, target: &TargetInfo) {
    let width = target
        .variants
        .iter()
        .map(|variant| variant.name.len())
        .max();
    let width = width.unwrap_or(0);
    for variant in target.variants {
        let (mut role, mut name) = (variant.role.to_string(), variant.name);
        for expected in variant.expected {
            let full = format!("{}/{}", target.name, variant.name);
            let how_fast = measured::measured(&full, expected.engine).map(|row| {
                let seconds = row.took.as_secs_f64();
                format!("{}, {seconds:.2} s", row.first)
            });
            let line = format!(
                "    {role:8}    {name:width$}  {:7}  {:17}  {}",
                expected.engine,
                words(expected.sees),
                how_fast.unwrap_or_default()
            );
            let _ = writeln!(text, "{}", line.trim_end());
            role.clear();
            name = "";
        }
    }
}

/// What an engine says, in a few words.
fn words(sees: Sees) -> &'static str {
    match sees {
        Sees::InSequence => "found in sequence",
        Sees::InRace => "found in a race",
        Sees::EitherWay => "found either way",
        Sees::Nothing => "nothing",
    }
}
