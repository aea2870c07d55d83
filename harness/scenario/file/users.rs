//! Reads `[users]`: a pattern, a list, or a file of users.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeValue;

use super::fields::{Fields, Node, number, text, wrong_type};
use super::steps::is_identifier;
use super::texts::{Compiler, Place};
use super::users_csv::read_csv;
use crate::identity::UserId;
use crate::scenario::error::Fault;
use crate::scenario::settings::Bounds;
use crate::scenario::template::Text;
use crate::scenario::users::{Origin, UserTexts, Users};

const COUNT: Bounds = Bounds::new(1, 1, UserId::LIMIT as u64);

pub(super) fn read_users(root: &Fields<'_>, compiler: &mut Compiler<'_>) -> Result<Users, Fault> {
    let hint = "add `[users]` with `count = 20` and `name = \"user{{ index }}\"`";
    let node = root.required("users", hint)?;
    let fields = Fields::open_any(node, "[users]")?;
    let (origin, count, span) = match (fields.text("csv")?, fields.get("list")) {
        (Some(csv), None) => {
            refuse_others(
                &fields,
                &["csv", "count"],
                "`csv`",
                "users come from a file here",
            )?;
            let users = read_csv(&csv, &compiler.file(&csv)?)?;
            let count = read_csv_count(&fields, users.len())?;
            let path = csv.text.to_owned();
            (Origin::Csv(path, users), count, csv.span)
        }
        (Some(csv), Some(_)) => {
            let message = "users come from `csv` or from `[[users.list]]`, not from both";
            let fault = Fault::new(csv.span, message, "a second source");
            return Err(fault.hint("remove one of them, or write the listed users into the file"));
        }
        (None, Some(list)) => {
            refuse_others(
                &fields,
                &["list"],
                "`[[users.list]]`",
                "users are a list here",
            )?;
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
        (None, None) => {
            let count = fields.required(
                "count",
                "how many users there are, for example `count = 20`",
            )?;
            let count = number(count, "count", COUNT).map_err(|fault| {
                fault.hint_if_none("more users than a group has are several groups")
            })?;
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

fn refuse_others(
    fields: &Fields<'_>,
    known: &[&str],
    beside: &str,
    label: &str,
) -> Result<(), Fault> {
    let other = fields
        .entries()
        .find(|entry| !known.contains(&entry.0.text));
    let Some((key, _)) = other else {
        return Ok(());
    };
    let message = format!(
        "`{}` has no meaning beside {beside}",
        key.text.escape_debug()
    );
    let fault = Fault::new(key.span, message, label);
    Err(fault.hint("every user has its own attributes there: write it for each of them"))
}

/// How many of the users in the file take part: all of them when `count` does not say.
fn read_csv_count(fields: &Fields<'_>, rows: usize) -> Result<u64, Fault> {
    let rows = rows as u64;
    let Some(node) = fields.get("count") else {
        return Ok(rows);
    };
    let count = number(node, "count", COUNT)?;
    if count > rows {
        let message = format!("the file has {rows} users, and `count` asks for {count}");
        let fault = Fault::new(node.span(), message, "more than there are");
        return Err(fault.hint("leave `count` out to take them all"));
    }
    Ok(count)
}

/// Reads the texts of one user, or of the pattern for all.
fn read_user(node: &Node<'_>, compiler: &mut Compiler<'_>) -> Result<UserTexts, Fault> {
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
        Origin::List(users) | Origin::Csv(_, users) => {
            let sets = users.iter().map(|user| keys(&user.1));
            sets.reduce(|common, of_user| &common & &of_user)
                .unwrap_or_default()
        }
    };
    common.insert("name".to_owned());
    common
}
