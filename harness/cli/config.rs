//! Settings that are not on the command line: `CROSSWIRE_…` variables, then `crosswire.toml`, found from the working
//! folder upward to the repository's root.
//!
//! Whatever is found becomes flags in front of those that were typed, and the whole is parsed once more: so a setting means
//! the same wherever it comes from, and there is no second list of what can be set.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::Value;

use crate::exit::Failure;

/// The file's name.
pub(crate) const FILE: &str = "crosswire.toml";
/// Largest file, bytes.
const FILE_LIMIT: u64 = 1 << 20;
/// What a variable's name begins with.
const PREFIX: &str = "CROSSWIRE_";
/// Flags that say what to show or read and mean nothing in a file.
const NEVER: [&str; 4] = ["help", "version", "show-config", "no-config"];

/// The command line with everything that was found elsewhere.
#[derive(Debug)]
pub(crate) struct Settled {
    /// What to parse.
    pub(crate) arguments: Vec<OsString>,
    /// Every setting of the subcommand with its value and where it comes from, for `--show-config`.
    pub(crate) shown: Option<String>,
    /// What was not typed, with where it comes from: should it be wrong, a reader must know where to look.
    pub(crate) found: Vec<String>,
}

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Typed,
    Variable(String),
    File(PathBuf),
    Default,
}

#[derive(Clone, Debug)]
struct Setting {
    values: Vec<String>,
    origin: Origin,
}

/// Looks for settings of the subcommand that `typed` names.
///
/// # Errors
/// Usage, when the file cannot be read, is not TOML, or sets what the subcommand does not have.
pub(crate) fn settle(
    command: &Command,
    typed: Vec<OsString>,
    folder: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Settled, Failure> {
    let found = command
        .clone()
        .ignore_errors(true)
        .try_get_matches_from(typed.clone());
    let chosen = found.as_ref().ok().and_then(ArgMatches::subcommand);
    let Some((name, matches)) = chosen else {
        return Ok(unchanged(typed));
    };
    let Some(subcommand) = command.find_subcommand(name) else {
        return Ok(unchanged(typed));
    };
    let mut filed = match wants_no_file(matches) {
        true => None,
        false => find(folder)?,
    };
    if let Some(filed) = &mut filed {
        filed.check(command)?;
    }
    let mut settings = BTreeMap::new();
    for arg in subcommand.get_arguments() {
        let Some(key) = key(arg) else {
            continue;
        };
        let is_typed = is_typed(matches, arg);
        let setting = if !is_typed && is_ruled_out(subcommand, matches, arg) {
            None
        } else if is_typed {
            Some(Setting {
                values: typed_values(matches, arg),
                origin: Origin::Typed,
            })
        } else {
            from_variable(arg, &key, variable).map_or_else(
                || from_file(filed.as_ref(), name, arg, &key),
                |found| Ok(Some(found)),
            )?
        };
        settings.insert(key, (arg.clone(), setting));
    }
    let shown = has_flag(matches, "show_config").then(|| shown(name, &settings, filed.as_ref()));
    Ok(Settled {
        arguments: with_flags(typed, name, &settings),
        shown,
        found: found_elsewhere(&settings),
    })
}

fn is_typed(matches: &ArgMatches, arg: &Arg) -> bool {
    matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// Whether something was typed that does not go together with the argument.
fn is_ruled_out(subcommand: &Command, matches: &ArgMatches, arg: &Arg) -> bool {
    let conflicts = |one: &Arg, other: &Arg| {
        let against = subcommand.get_arg_conflicts_with(one);
        against.iter().any(|arg| arg.get_id() == other.get_id())
    };
    subcommand
        .get_arguments()
        .filter(|other| is_typed(matches, other))
        .any(|other| conflicts(arg, other) || conflicts(other, arg))
}

fn unchanged(arguments: Vec<OsString>) -> Settled {
    Settled {
        arguments,
        shown: None,
        found: Vec::new(),
    }
}

fn has_flag(matches: &ArgMatches, id: &str) -> bool {
    matches
        .try_get_one::<bool>(id)
        .ok()
        .flatten()
        .copied()
        .unwrap_or(false)
}

fn wants_no_file(matches: &ArgMatches) -> bool {
    has_flag(matches, "no_config")
}

/// The name under which an argument can be set: its long flag, or, without one, its name in the help.
fn key(arg: &Arg) -> Option<String> {
    let key = arg
        .get_long()
        .map_or_else(|| arg.get_id().as_str().replace('_', "-"), str::to_owned);
    (!NEVER.contains(&key.as_str())).then_some(key)
}

fn is_flag(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

fn is_path(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == std::any::TypeId::of::<PathBuf>()
}

fn typed_values(matches: &ArgMatches, arg: &Arg) -> Vec<String> {
    let id = arg.get_id().as_str();
    if is_flag(arg) {
        return Vec::new();
    }
    matches
        .get_raw(id)
        .into_iter()
        .flatten()
        .map(|value| value.to_string_lossy().into_owned())
        .collect()
}

fn from_variable(
    arg: &Arg,
    key: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<Setting> {
    let name = format!("{PREFIX}{}", key.to_ascii_uppercase().replace('-', "_"));
    let value = variable(&name).filter(|value| !value.is_empty())?;
    let values = match () {
        () if is_flag(arg) && matches!(value.as_str(), "0" | "false" | "no") => return None,
        () if is_flag(arg) => Vec::new(),
        () if is_list(arg) => value.split(',').map(|one| one.trim().to_owned()).collect(),
        () => vec![value],
    };
    Some(Setting {
        values,
        origin: Origin::Variable(name),
    })
}

/// A `crosswire.toml` that was found.
#[derive(Debug)]
struct Filed {
    path: PathBuf,
    tables: toml::Table,
}

/// The nearest file from `folder` upward; the folder that holds `.git` is the last one that is looked into.
fn find(folder: &Path) -> Result<Option<Filed>, Failure> {
    for folder in folder.ancestors() {
        let path = folder.join(FILE);
        if path.is_file() {
            return read(path).map(Some);
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    Ok(None)
}

fn read(path: PathBuf) -> Result<Filed, Failure> {
    let shown = path.display().to_string();
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "cannot use the settings in {shown}: {why}\n  --no-config leaves them out"
        ))
    };
    let length = std::fs::metadata(&path)
        .map_err(|error| wrong(&error))?
        .len();
    if length > FILE_LIMIT {
        return Err(wrong(&format!("it has more than {FILE_LIMIT} bytes")));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(&error))?;
    let tables = text
        .parse::<toml::Table>()
        .map_err(|error| wrong(&error.to_string().trim_end()))?;
    Ok(Filed { path, tables })
}

impl Filed {
    /// Whether every table is a subcommand and every key one of its flags.
    fn check(&self, command: &Command) -> Result<(), Failure> {
        let wrong = |text: String| Failure::usage(format!("{}: {text}", self.path.display()));
        for (table, settings) in &self.tables {
            let Some(subcommand) = command.find_subcommand(table) else {
                return Err(wrong(format!(
                    "there is no subcommand `{table}`; settings stand under `[run]`, for instance"
                )));
            };
            let Some(settings) = settings.as_table() else {
                return Err(wrong(format!("`{table}` is a table: write `[{table}]`")));
            };
            for name in settings.keys() {
                let known: Vec<String> = subcommand.get_arguments().filter_map(key).collect();
                if !known.contains(name) {
                    return Err(wrong(format!(
                        "`crosswire {table}` has no setting `{name}`; there is {}",
                        known.join(", ")
                    )));
                }
            }
        }
        Ok(())
    }
}

fn from_file(
    filed: Option<&Filed>,
    table: &str,
    arg: &Arg,
    key: &str,
) -> Result<Option<Setting>, Failure> {
    let Some(filed) = filed else {
        return Ok(None);
    };
    let Some(value) = filed.tables.get(table).and_then(|table| table.get(key)) else {
        return Ok(None);
    };
    let wrong = |wanted: &str| {
        Failure::usage(format!(
            "{}: `{key}` under `[{table}]` is {wanted}",
            filed.path.display()
        ))
    };
    let one = |value: &Value| match value {
        Value::String(text) if is_path(arg) => {
            let folder = filed.path.parent().unwrap_or(Path::new(""));
            Some(folder.join(text).to_string_lossy().into_owned())
        }
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    };
    let values = match value {
        Value::Boolean(false) if is_flag(arg) => return Ok(None),
        Value::Boolean(true) if is_flag(arg) => Vec::new(),
        _ if is_flag(arg) => return Err(wrong("`true` or `false`")),
        Value::Array(items) if is_list(arg) => items
            .iter()
            .map(one)
            .collect::<Option<Vec<String>>>()
            .ok_or_else(|| wrong("a list of texts"))?,
        value => vec![one(value).ok_or_else(|| wrong("a text or a whole number"))?],
    };
    Ok(Some(Setting {
        values,
        origin: Origin::File(filed.path.clone()),
    }))
}

/// Puts what was found right behind the subcommand, so that what was typed comes later.
fn with_flags(
    typed: Vec<OsString>,
    name: &str,
    settings: &BTreeMap<String, (Arg, Option<Setting>)>,
) -> Vec<OsString> {
    let Some(at) = typed.iter().skip(1).position(|word| word == name) else {
        return typed;
    };
    let mut arguments: Vec<OsString> = typed[..at + 2].to_vec();
    let mut positional: Vec<OsString> = Vec::new();
    for (arg, setting) in settings.values() {
        let Some(setting) = setting
            .as_ref()
            .filter(|setting| setting.origin != Origin::Typed)
        else {
            continue;
        };
        match arg.get_long() {
            None => positional.extend(setting.values.iter().map(OsString::from)),
            Some(long) if is_flag(arg) => arguments.push(format!("--{long}").into()),
            Some(long) => arguments.extend(
                setting
                    .values
                    .iter()
                    .map(|value| format!("--{long}={value}").into()),
            ),
        }
    }
    arguments.extend(typed[at + 2..].iter().cloned());
    arguments.extend(positional);
    arguments
}

fn found_elsewhere(settings: &BTreeMap<String, (Arg, Option<Setting>)>) -> Vec<String> {
    let told = |(key, (_, setting)): (&String, &(Arg, Option<Setting>))| {
        let origin = match &setting.as_ref()?.origin {
            Origin::Variable(name) => name.clone(),
            Origin::File(path) => path.display().to_string(),
            Origin::Typed | Origin::Default => return None,
        };
        Some(format!("  --{key} is from {origin}"))
    };
    settings.iter().filter_map(told).collect()
}

/// One line a setting: name, value, origin.
fn shown(
    name: &str,
    settings: &BTreeMap<String, (Arg, Option<Setting>)>,
    filed: Option<&Filed>,
) -> String {
    let mut text = match filed {
        Some(filed) => format!("crosswire {name}, with {}\n\n", filed.path.display()),
        None => format!("crosswire {name}, without a {FILE}\n\n"),
    };
    let width = settings.keys().map(String::len).max().unwrap_or(0);
    for (key, (arg, setting)) in settings {
        let (value, origin) = match setting {
            Some(setting) if is_flag(arg) => ("true".to_owned(), setting.origin.clone()),
            Some(setting) => (
                setting
                    .values
                    .iter()
                    .map(|value| masked(value))
                    .collect::<Vec<_>>()
                    .join(", "),
                setting.origin.clone(),
            ),
            None => (default_of(arg), Origin::Default),
        };
        let origin = match origin {
            Origin::Typed => "command line".to_owned(),
            Origin::Variable(name) => name,
            Origin::File(path) => path.display().to_string(),
            Origin::Default => "default".to_owned(),
        };
        let _ = writeln!(text, "  {key:width$}  {value:24}  {origin}");
    }
    text
}

fn default_of(arg: &Arg) -> String {
    let defaults: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    match defaults.is_empty() {
        true => "-".to_owned(),
        false => defaults.join(", "),
    }
}

/// The value without what stands before an `@` in a URL, and without the value of a header: both may be secret.
fn masked(value: &str) -> String {
    if let Some((scheme, rest)) = value.split_once("://")
        && let Some((_, host)) = rest.rsplit_once('@')
    {
        return format!("{scheme}://***@{host}");
    }
    match value.split_once(": ") {
        Some((name, _)) => format!("{name}: ***"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests;
