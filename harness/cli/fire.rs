//! `crosswire fire`: URLs and identities instead of a scenario. It makes the scenario of them: every URL is a raced step
//! that learns, from each identity alone, what only that identity is shown.

use std::collections::BTreeMap;
use std::path::Path;

use crosswire::scenario::{FireSettings, Scenario};
use toml::{Table, Value};
use url::Url;

use crate::args::FireArgs;
use crate::exit::{self, Failure};
use crate::run::{Wanted, execute};
use crate::screen::Screen;
use crate::settings;

/// Largest file of headers, bytes.
const HEADERS_LIMIT: u64 = 1 << 20;
/// Overlapping pairs that a clean run should have, whatever the number of identities and URLs; see
/// [`FireSettings::MIN_OVERLAPS`]. Not every pair of a volley overlaps, so rounds are chosen for three times as many.
const PAIRS_WANTED: u64 = 3 * FireSettings::MIN_OVERLAPS.default;
/// Rounds that are made of it at most.
const MOST_ROUNDS: u64 = 300;

/// An identity: name, and headers in the order in which they were given.
struct Identity {
    name: String,
    headers: Vec<(String, String)>,
}

/// Makes the scenario and runs it.
pub(crate) fn fire(args: &FireArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let identities = identities(&args.identities)?;
    let all = args
        .headers
        .iter()
        .map(|text| header(text, "--header"))
        .collect::<Result<Vec<_>, _>>()?;
    let urls = args
        .urls
        .iter()
        .map(|text| target(text))
        .collect::<Result<Vec<_>, _>>()?;
    let text = written(&identities, &all, &urls);
    if args.print_scenario {
        screen
            .out(text.as_bytes())
            .map_err(|error| Failure::usage(format!("cannot write to stdout: {error}")))?;
        return Ok(exit::AS_EXPECTED);
    }
    let values: BTreeMap<String, String> = identities
        .iter()
        .flat_map(|of| {
            of.headers
                .iter()
                .map(|(name, value)| (variable(&of.name, name), value.clone()))
        })
        .collect();
    let environment = |name: &str| values.get(name).cloned();
    let mut scenario = Scenario::parse_in("fire", &text, &environment)
        .map_err(|error| Failure::usage(error.render(screen.colour_err)))?;
    settings::settle(&mut scenario, &args.common)?;
    let wanted = Wanted {
        scenario,
        path: None,
        replay: Box::new(|seed| replay(args, seed)),
        store_delay: None,
        is_replayable: false,
    };
    execute(vec![wanted], &args.common, screen)
}

/// `NAME=HEADER` or `NAME=@FILE`, gathered by name.
fn identities(given: &[String]) -> Result<Vec<Identity>, Failure> {
    let mut identities: Vec<Identity> = Vec::new();
    for text in given {
        let (name, proof) = text.split_once('=').ok_or_else(|| {
            // Not echoed: it may be a credential.
            Failure::usage(
                "--as: say NAME=HEADER or NAME=@FILE, such as --as alice='Cookie: sid=…'",
            )
        })?;
        let name_is_right = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !name_is_right {
            return Err(Failure::usage(
                "--as: the name of an identity has letters, digits, `-`, `_` and `.`: --as alice='Cookie: sid=…'",
            ));
        }
        let headers = match proof.strip_prefix('@') {
            Some(file) => headers_in(Path::new(file))?,
            None => vec![header(proof, &format!("--as {name}=…"))?],
        };
        match identities.iter_mut().find(|known| known.name == name) {
            Some(known) => known.headers.extend(headers),
            None => identities.push(Identity {
                name: name.to_owned(),
                headers,
            }),
        }
    }
    if identities.len() < 2 {
        return Err(Failure::usage(
            "one identity cannot be shown another's data: give a second --as, with another account's header",
        ));
    }
    for (position, identity) in identities.iter().enumerate() {
        let same = identities[..position]
            .iter()
            .find(|other| other.headers == identity.headers);
        if let Some(other) = same {
            return Err(Failure::usage(format!(
                "{} and {} have the same headers: they are one identity",
                other.name, identity.name
            )));
        }
    }
    Ok(identities)
}

fn headers_in(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "cannot use the headers in {}: {why}",
            path.display()
        ))
    };
    let length = std::fs::metadata(path)
        .map_err(|error| wrong(&error))?
        .len();
    if length > HEADERS_LIMIT {
        return Err(wrong(&format!("it has more than {HEADERS_LIMIT} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let lines = text.lines().map(str::trim);
    let headers: Vec<_> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| header(line, &path.display().to_string()))
        .collect::<Result<_, _>>()?;
    match headers.is_empty() {
        true => Err(wrong(&"there is no header in it")),
        false => Ok(headers),
    }
}

/// `Name: value`. What is wrong is told without the value, which may be a credential.
fn header(text: &str, place: &str) -> Result<(String, String), Failure> {
    let form = || {
        Failure::usage(format!(
            "{place}: a header is `Name: value`, such as `Cookie: sid=…` or `Authorization: Bearer …`"
        ))
    };
    let (name, value) = text.split_once(':').ok_or_else(form)?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    let is_token = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !is_token || value.is_empty() || value.chars().any(char::is_control) {
        return Err(form());
    }
    Ok((name, value.to_owned()))
}

/// A URL without what has no meaning in it.
fn target(text: &str) -> Result<Url, Failure> {
    // A password in it is not echoed.
    let wrong = |why: &str| {
        Failure::usage(format!(
            "a URL to fire at {why}\n  it looks like http://127.0.0.1:8080/account"
        ))
    };
    let url = Url::parse(text).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("begins with http:// or https:// and names a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "holds no user or password: identities are given with --as",
        ));
    }
    Ok(url)
}

/// The variable in which a printed scenario expects a header of an identity.
fn variable(user: &str, header: &str) -> String {
    let upper = |text: &str| {
        text.to_ascii_uppercase()
            .replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    };
    format!("AS_{}_{}", upper(user), upper(header))
}

/// The attribute of a user that holds a header.
fn attribute(header: &str) -> String {
    format!(
        "header_{}",
        header.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    )
}

/// The scenario as a file; the environment stands for the headers of identities.
fn written(identities: &[Identity], all: &[(String, String)], urls: &[Url]) -> String {
    let mut file = Table::new();
    file.insert("version".into(), 1.into());
    file.insert("title".into(), "What each identity alone is shown".into());
    let origins = origins(urls);
    let mut target = Table::new();
    target.insert("url".into(), origins[0].clone().into());
    let others: Table = (2..)
        .zip(&origins[1..])
        .map(|(number, origin)| (format!("host{number}"), Value::from(origin.as_str())))
        .collect();
    if !others.is_empty() {
        target.insert("hosts".into(), others.into());
    }
    file.insert("target".into(), target.into());
    file.insert("users".into(), users(identities).into());
    if let Some(session) = session(identities, all) {
        file.insert("session".into(), session.into());
    }
    let pairs = (identities.len() * (identities.len() - 1) / 2 * urls.len()) as u64;
    let rounds = PAIRS_WANTED
        .div_ceil(pairs)
        .clamp(FireSettings::ROUNDS.default, MOST_ROUNDS);
    let mut fire = Table::new();
    fire.insert("rounds".into(), (rounds as i64).into());
    file.insert("fire".into(), fire.into());
    let steps = urls
        .iter()
        .enumerate()
        .map(|(at, url)| step(at, url, urls, &origins));
    file.insert("volley".into(), Value::Array(steps.collect()));
    let story = "# Would catch: one identity receiving what only another is shown\n";
    format!("{story}{file}")
}

/// Scheme, host and port of every URL, each once.
fn origins(urls: &[Url]) -> Vec<String> {
    let mut origins: Vec<String> = Vec::new();
    for url in urls {
        let origin = url.origin().ascii_serialization();
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    origins
}

fn users(identities: &[Identity]) -> Table {
    let user = |identity: &Identity| {
        let mut user = Table::new();
        user.insert("name".into(), identity.name.clone().into());
        for name in every_header(identities) {
            let of_user = identity.headers.iter().any(|header| header.0 == name);
            let value = if of_user {
                format!("${{env:{}}}", variable(&identity.name, &name))
            } else {
                String::new()
            };
            user.insert(attribute(&name), value.into());
        }
        Value::Table(user)
    };
    let list: Vec<Value> = identities.iter().map(user).collect();
    Table::from_iter([("list".to_owned(), Value::Array(list))])
}

/// Names of the headers by which any identity is proved, each once.
fn every_header(identities: &[Identity]) -> Vec<String> {
    let mut names: Vec<String> = identities
        .iter()
        .flat_map(|identity| identity.headers.iter().map(|header| header.0.clone()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn session(identities: &[Identity], all: &[(String, String)]) -> Option<Table> {
    let mut headers: Table = all
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.replace("{{", "{{ '{{' }}"))))
        .collect();
    for name in every_header(identities) {
        let text = format!("{{{{ user.{} }}}}", attribute(&name));
        headers.insert(name, text.into());
    }
    (!headers.is_empty()).then(|| Table::from_iter([("headers".to_owned(), headers.into())]))
}

fn step(at: usize, url: &Url, urls: &[Url], origins: &[String]) -> Value {
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut step = Table::new();
    let is_again = urls[..at]
        .iter()
        .any(|earlier| earlier.path() == url.path());
    let shown: String = url.path().chars().take(80).collect();
    let name = if is_again {
        format!("GET {shown} ({})", at + 1)
    } else {
        format!("GET {shown}")
    };
    step.insert("name".into(), name.into());
    let origin = url.origin().ascii_serialization();
    let host = origins
        .iter()
        .position(|known| *known == origin)
        .unwrap_or(0);
    if host > 0 {
        step.insert("host".into(), format!("host{}", host + 1).into());
    }
    step.insert("path".into(), path.replace('{', "%7B").into());
    step.insert("learns".into(), true.into());
    Value::Table(step)
}

/// The command that does the same again. Credentials are not shown: an identity given by a file is named by it, any other
/// one is left to be filled in.
fn replay(args: &FireArgs, seed: u64) -> Option<String> {
    let mut words: Vec<String> = vec!["crosswire".into(), "fire".into()];
    words.extend(args.urls.iter().cloned());
    for identity in &args.identities {
        let (name, proof) = identity.split_once('=')?;
        let shown = match (proof.starts_with('@'), proof.split_once(':')) {
            (true, _) => proof.to_owned(),
            (false, Some((header, _))) => format!("{header}: …"),
            (false, None) => "…".to_owned(),
        };
        words.extend(["--as".into(), format!("{name}={shown}")]);
    }
    for header in &args.headers {
        words.extend(["--header".into(), header.clone()]);
    }
    words.extend(settings::common_flags(&args.common, seed));
    shlex::try_join(words.iter().map(String::as_str)).ok()
}

#[cfg(test)]
mod tests;
