//! Reading TOML tables with their places: types, bounds, unknown keys.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::scenario::error::Fault;
use crate::scenario::settings::Bounds;

/// A value with its place in the file.
pub(super) type Node<'d> = Spanned<DeValue<'d>>;

/// A text with its place in the file.
#[derive(Clone, Debug)]
pub(super) struct Located<'d> {
    pub(super) text: &'d str,
    pub(super) span: Range<usize>,
}

/// A table all of whose keys are known.
#[derive(Clone, Debug)]
pub(super) struct Fields<'d> {
    table: &'d DeTable<'d>,
    /// How errors call the table: `[fire]`.
    title: &'d str,
    span: Range<usize>,
}

impl<'d> Fields<'d> {
    /// Opens a table that may have these keys.
    pub(super) fn open(
        node: &'d Node<'d>,
        title: &'d str,
        known: &[&str],
    ) -> Result<Fields<'d>, Fault> {
        let fields = Fields::open_any(node, title)?;
        match fields
            .table
            .keys()
            .find(|key| !known.contains(&key.get_ref().as_ref()))
        {
            Some(key) => Err(unknown_key(key.get_ref(), key.span(), title, known)),
            None => Ok(fields),
        }
    }

    /// Opens a table whose keys are free.
    pub(super) fn open_any(node: &'d Node<'d>, title: &'d str) -> Result<Fields<'d>, Fault> {
        match node.get_ref() {
            DeValue::Table(table) => Ok(Fields {
                table,
                title,
                span: node.span(),
            }),
            other => {
                let fault = wrong_type(other, node.span(), &format!("{title} is a table"));
                let hint = match title.starts_with('[') {
                    true => format!("it begins with a line `{title}`"),
                    false => "a table stands in braces: `{ key = \"…\" }`".to_owned(),
                };
                Err(fault.hint(hint))
            }
        }
    }

    /// The place of the whole table: its heading, or the braces.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(super) fn get(&self, key: &str) -> Option<&'d Node<'d>> {
        self.table.get(key)
    }

    /// The place of a key, for faults of the key rather than of its value.
    pub(super) fn key_span(&self, key: &str) -> Range<usize> {
        self.table
            .get_key_value(key)
            .map_or(self.span(), |entry| entry.0.span())
    }

    /// All entries in the file's order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Located<'d>, &'d Node<'d>)> + use<'d> {
        self.table.iter().map(|(key, node)| {
            (
                Located {
                    text: key.get_ref(),
                    span: key.span(),
                },
                node,
            )
        })
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<Located<'d>>, Fault> {
        self.get(key).map(|node| text(node, key)).transpose()
    }

    pub(super) fn required(&self, key: &str, hint: &str) -> Result<&'d Node<'d>, Fault> {
        self.get(key).ok_or_else(|| self.missing(key, hint))
    }

    pub(super) fn missing(&self, key: &str, hint: &str) -> Fault {
        Fault::new(
            self.span(),
            format!("{} lacks `{key}`", self.title),
            format!("`{key}` is missing here"),
        )
        .hint(hint)
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, Fault> {
        match self.get(key).map(|node| (node.get_ref(), node.span())) {
            None => Ok(default),
            Some((DeValue::Boolean(truth), _)) => Ok(*truth),
            Some((other, span)) => {
                let fault = wrong_type(other, span, &format!("`{key}` is `true` or `false`"));
                Err(fault.hint(format!(
                    "write `{key} = true` or `{key} = false`, without quotes"
                )))
            }
        }
    }

    pub(super) fn number(&self, key: &str, bounds: Bounds) -> Result<u64, Fault> {
        let default = bounds.default;
        self.get(key).map_or(Ok(default), |node| {
            number(node, key, bounds)
                .map_err(|fault| fault.hint_if_none(format!("without `{key}` it is {default}")))
        })
    }

    /// A number whose bounds lie within `u32`.
    pub(super) fn small_number(&self, key: &str, bounds: Bounds) -> Result<u32, Fault> {
        self.number(key, bounds)
            .map(|value| u32::try_from(value).unwrap_or(u32::MAX))
    }

    /// One of a setting's words.
    pub(super) fn word<T: FromStr>(&self, key: &str, words: &[&str]) -> Result<Option<T>, Fault>
    where
        T::Err: Display,
    {
        let Some(given) = self.text(key)? else {
            return Ok(None);
        };
        given
            .text
            .parse()
            .map(Some)
            .map_err(|_| unknown_word(&given, key, words))
    }

    /// A list of texts; empty when the key is absent.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<Located<'d>>, Fault> {
        let Some(node) = self.get(key) else {
            return Ok(Vec::new());
        };
        match node.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| text(item, key)).collect(),
            other => {
                let fault = wrong_type(other, node.span(), &format!("`{key}` is a list of texts"));
                Err(fault.hint(format!("a list stands in brackets: `{key} = [\"…\"]`")))
            }
        }
    }
}

pub(super) fn text<'d>(node: &'d Node<'d>, key: &str) -> Result<Located<'d>, Fault> {
    match node.get_ref() {
        DeValue::String(text) => Ok(Located {
            text,
            span: node.span(),
        }),
        other => {
            let fault = wrong_type(other, node.span(), &format!("`{key}` is a text"));
            Err(fault.hint(format!("a text stands in quotes: `{key} = \"…\"`")))
        }
    }
}

pub(super) fn number(node: &Node<'_>, key: &str, bounds: Bounds) -> Result<u64, Fault> {
    let DeValue::Integer(integer) = node.get_ref() else {
        return Err(wrong_type(
            node.get_ref(),
            node.span(),
            &format!("`{key}` is a whole number"),
        )
        .hint(format!("write it without quotes and fraction: `{key} = 1`")));
    };
    let within = |value: &u64| bounds.contain(*value);
    let value = u64::from_str_radix(integer.as_str(), integer.radix())
        .ok()
        .filter(within);
    value.ok_or_else(|| {
        let message = format!("`{key}` is out of bounds");
        Fault::new(
            node.span(),
            message,
            format!("from {} to {}", bounds.min, bounds.max),
        )
    })
}

/// The fault of a value that has another type; `wanted` is a sentence that says which it should have.
pub(super) fn wrong_type(found: &DeValue<'_>, span: Range<usize>, wanted: &str) -> Fault {
    let found = match found {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a truth value",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Fault::new(
        span,
        format!("{wanted}, not {found}"),
        format!("this is {found}"),
    )
}

fn unknown_key(key: &str, span: Range<usize>, title: &str, known: &[&str]) -> Fault {
    let message = format!("{title} has no key `{}`", key.escape_debug());
    let hint = match nearest(key, known) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("known keys: {}", known.join(", ")),
    };
    Fault::new(span, message, "unknown key").hint(hint)
}

pub(super) fn unknown_word(given: &Located<'_>, what: &str, words: &[&str]) -> Fault {
    let message = format!("`{what}` cannot be `{}`", given.text.escape_debug());
    let listed = format!("one of: {}", words.join(", "));
    let hint = nearest(given.text, words).map_or(listed.clone(), |word| {
        format!("did you mean `{word}`? ({listed})")
    });
    Fault::new(given.span.clone(), message, "unknown value").hint(hint)
}

/// The known word that `given` is most likely a slip of.
pub(super) fn nearest<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    // Far longer than any known word; the distance costs the product of the lengths.
    const LONGEST: usize = 64;
    if given.len() > LONGEST {
        return None;
    }
    let normal = given.to_lowercase().replace('_', "-");
    let distance = |word: &str| strsim::damerau_levenshtein(&normal, word);
    let best = known.iter().min_by_key(|word| distance(word))?;
    (distance(best) <= best.chars().count().div_ceil(3)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["strategy", "each-round", "path"];
        assert_eq!(nearest("strategie", &known), Some("strategy"));
        assert_eq!(nearest("each_round", &known), Some("each-round"));
        assert_eq!(nearest("Path", &known), Some("path"));
        assert_eq!(nearest("headers", &known), None);
        assert_eq!(nearest(&"p".repeat(100_000), &known), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
