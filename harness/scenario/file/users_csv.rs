//! Reads users from a file of comma-separated values (RFC 4180): a line that names the columns, then one user a line.

use std::collections::{BTreeMap, BTreeSet};

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};

use super::fields::Located;
use super::steps::is_identifier;
use crate::identity::UserId;
use crate::scenario::error::Fault;
use crate::scenario::template::Text;
use crate::scenario::users::UserTexts;

/// Most columns of such a file.
const COLUMNS_LIMIT: usize = 256;
const COLUMNS_HINT: &str =
    "the first line names the columns: `name,password`; then one user a line";

/// The users in `content`: name and attributes. `path` is the place that names the file. Errors name the file's line and
/// quote nothing of it but names of columns and users: everything else is secret.
pub(super) fn read_csv(path: &Located<'_>, content: &[u8]) -> Result<Vec<UserTexts>, Fault> {
    let fault = |line: u64, message: &str, hint: &str| {
        let message = format!("{}, line {line}: {message}", path.text.escape_debug());
        Fault::new(path.span.clone(), message, "in this file").hint(hint)
    };
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut reader = ReaderBuilder::new()
        .trim(Trim::Headers)
        .from_reader(content);
    let columns = reader.headers().map_err(|error| broken(&error, &fault))?;
    let columns = read_columns(columns).map_err(|message| fault(1, &message, COLUMNS_HINT))?;
    let mut users = Vec::new();
    let mut names = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error, &fault))?;
        let line = record.position().map_or(0, csv::Position::line);
        if users.len() == UserId::LIMIT as usize {
            let message = format!("more than the {} users that a run can have", UserId::LIMIT);
            return Err(fault(line, &message, "make the file shorter"));
        }
        let mut attributes = BTreeMap::new();
        let mut name = "";
        for (column, value) in columns.iter().zip(&record) {
            if column == "name" {
                name = value;
            } else {
                attributes.insert(column.clone(), Text::fixed(value, value.to_owned()));
            }
        }
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(fault(
                line,
                "a user's name is one line and not empty",
                "give every user a name",
            ));
        }
        if let Some(before) = names.insert(name.to_owned(), line) {
            let name = name.escape_debug();
            let message = format!("the user `{name}` stands on line {before} already");
            return Err(fault(
                line,
                &message,
                "two users are two accounts: give each line one of its own",
            ));
        }
        users.push((Text::fixed(name, name.to_owned()), attributes));
    }
    match users.is_empty() {
        true => Err(fault(1, "the file has no user", COLUMNS_HINT)),
        false => Ok(users),
    }
}

fn read_columns(header: &StringRecord) -> Result<Vec<String>, String> {
    let mut known = BTreeSet::new();
    if header.len() > COLUMNS_LIMIT {
        return Err(format!("more than {COLUMNS_LIMIT} columns"));
    }
    for column in header {
        if !is_identifier(column) {
            return Err(format!(
                "the name of column {} must have letters, digits and underscores, no digit first",
                known.len() + 1
            ));
        }
        if !known.insert(column) {
            return Err(format!("two columns are called `{column}`"));
        }
    }
    match known.contains("name") {
        true => Ok(header.iter().map(str::to_owned).collect()),
        false => Err("no column is called `name`".to_owned()),
    }
}

/// What keeps the file from being read, without any of its text.
fn broken(error: &csv::Error, fault: &dyn Fn(u64, &str, &str) -> Fault) -> Fault {
    let line = |position: &Option<csv::Position>| position.as_ref().map_or(1, csv::Position::line);
    match error.kind() {
        ErrorKind::Utf8 { pos, .. } => fault(line(pos), "not UTF-8", "save the file as UTF-8"),
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let message = format!("{len} values, but the first line names {expected_len} columns");
            fault(
                line(pos),
                &message,
                "a value with a comma or a line break stands in double quotes",
            )
        }
        _ => fault(1, "cannot be read as comma-separated values", COLUMNS_HINT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Plain = (String, Vec<(String, String)>);

    fn read(content: &[u8]) -> Result<Vec<Plain>, String> {
        let path = Located {
            text: "users.csv",
            span: 0..0,
        };
        let users = read_csv(&path, content).map_err(|fault| fault.message)?;
        let plain = |text: &Text| text.as_fixed().unwrap().to_owned();
        let users = users.iter().map(|(name, attributes)| {
            let attributes = attributes
                .iter()
                .map(|(key, value)| (key.clone(), plain(value)));
            (plain(name), attributes.collect())
        });
        Ok(users.collect())
    }

    #[test]
    fn a_user_is_a_line_with_everything_that_quotes_allow() {
        let content =
            "\u{feff}name , password\r\nanna,\"a,\"\"b\"\" {{ x }}\"\r\n\r\nb\u{f6}b,${env:X}\r\n";
        let pair = |name: &str, password: &str| {
            let attributes = vec![("password".to_owned(), password.to_owned())];
            (name.to_owned(), attributes)
        };
        assert_eq!(
            read(content.as_bytes()).unwrap(),
            [
                pair("anna", "a,\"b\" {{ x }}"),
                pair("b\u{f6}b", "${env:X}")
            ],
            "nothing in a file of users is a template"
        );
    }

    #[test]
    fn trouble_names_its_line_and_shows_no_value() {
        for (content, told) in [
            (&b""[..], "line 1: no column is called `name`"),
            (
                b"user,password\na,geheim\n",
                "line 1: no column is called `name`",
            ),
            (b"name,name\n", "line 1: two columns are called `name`"),
            (
                b"name,pass word\n",
                "line 1: the name of column 2 must have",
            ),
            (b"name,password\n", "line 1: the file has no user"),
            (
                b"name,password\na,geheim\nb,geheim,x\n",
                "line 3: 3 values, but the first line names 2 columns",
            ),
            (b"name,password\na,geheim\nb\n", "line 3: 1 values"),
            (
                b"name,password\na,geheim\na,x\n",
                "line 3: the user `a` stands on line 2 already",
            ),
            (b"name,password\n,geheim\n", "line 2: a user's name"),
            (b"name,password\n\xff,geheim\n", "line 2: not UTF-8"),
        ] {
            let message = read(content).unwrap_err();
            assert!(message.contains(told), "{message}");
            assert!(!message.contains("geheim"), "{message}");
        }
    }
}
