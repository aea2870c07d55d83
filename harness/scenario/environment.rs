//! Replaces `${env:NAME}` by what the environment holds.

use std::ops::Range;

use super::scan::Outline;

/// Looks a name up in the environment.
pub(super) type Lookup<'l> = dyn Fn(&str) -> Option<String> + 'l;

/// A text with every `${env:NAME}` replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expanded {
    /// The text; where it is a template, what was put in is quoted so that it is never read as one.
    pub(super) text: String,
    /// What was put in.
    pub(super) values: Vec<String>,
}

/// Why a text could not be expanded, with the place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The name is not in the environment (or its value is not UTF-8).
    Missing(Range<usize>, String),
    /// Not of the form `${env:NAME}`.
    Malformed(Range<usize>),
    /// Inside a block of a template, but not inside a string literal.
    Unquoted(Range<usize>),
}

/// How a replacement begins.
pub(super) const OPENING: &str = "${env:";

/// Expands `text`, whose outline is `outline`.
pub(super) fn expand(
    text: &str,
    outline: &Outline,
    lookup: &Lookup<'_>,
) -> Result<Expanded, Trouble> {
    let mut expanded = Expanded {
        text: String::with_capacity(text.len()),
        values: Vec::new(),
    };
    let mut rest = 0;
    while let Some(found) = text[rest..].find(OPENING) {
        let start = rest + found;
        let name_start = start + OPENING.len();
        let name = name_of(&text[name_start..]).ok_or(Trouble::Malformed(start..name_start))?;
        let whole = start..name_start + name.len() + 1;
        let value = lookup(name).ok_or_else(|| Trouble::Missing(whole.clone(), name.to_owned()))?;
        expanded.text.push_str(&text[rest..start]);
        let holds = |range: &&Range<usize>| range.start <= whole.start && whole.end <= range.end;
        if outline.is_plain() {
            expanded.text.push_str(&value);
        } else if outline.strings.iter().any(|range| holds(&range)) {
            push_escaped(&mut expanded.text, &value);
        } else if outline.blocks.iter().any(|range| holds(&range)) {
            return Err(Trouble::Unquoted(whole));
        } else {
            expanded.text.push_str("{{ \"");
            push_escaped(&mut expanded.text, &value);
            expanded.text.push_str("\" }}");
        }
        expanded.values.push(value);
        rest = whole.end;
    }
    expanded.text.push_str(&text[rest..]);
    Ok(expanded)
}

/// The name before the closing brace, when it is one: letters, digits, underscores, no digit first.
fn name_of(text: &str) -> Option<&str> {
    let name = text.split_once('}')?.0;
    let first_is_right = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let all_are_right = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (first_is_right && all_are_right).then_some(name)
}

/// Writes `value` so that it stands for itself inside a template's string literal, whichever its quotes.
fn push_escaped(out: &mut String, value: &str) {
    for c in value.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "PLAIN" => Some("abc".to_owned()),
            "NASTY" => Some("a'\"}} {{ user }} \\ ü😀".to_owned()),
            _ => None,
        }
    }

    fn expand_text(text: &str) -> Result<Expanded, Trouble> {
        expand(text, &Outline::of(text), &lookup)
    }

    #[test]
    fn a_plain_text_takes_the_value_as_it_is() {
        let expanded = expand_text("x ${env:PLAIN}-${env:NASTY}").unwrap();
        assert_eq!(expanded.text, "x abc-a'\"}} {{ user }} \\ ü😀");
        assert_eq!(expanded.values.len(), 2);
    }

    #[test]
    fn in_a_template_a_value_never_becomes_code() {
        let nasty = lookup("NASTY").unwrap();
        for text in [
            "{{ 1 }}|${env:NASTY}",
            "{{ 1 }}|{{ '${env:NASTY}' }}",
            "{{ 1 }}|{{ \"${env:NASTY}\" }}",
        ] {
            let expanded = expand_text(text).unwrap();
            let rendered = minijinja::Environment::new()
                .render_str(&expanded.text, ())
                .unwrap();
            assert_eq!(rendered, format!("1|{nasty}"), "{text}");
        }
    }

    #[test]
    fn trouble_is_told_with_its_place() {
        assert_eq!(
            expand_text("a${env:NONE}"),
            Err(Trouble::Missing(1..12, "NONE".to_owned()))
        );
        assert_eq!(expand_text("${env:}"), Err(Trouble::Malformed(0..6)));
        assert_eq!(expand_text("${env:A B}"), Err(Trouble::Malformed(0..6)));
        assert_eq!(expand_text("${env:OPEN"), Err(Trouble::Malformed(0..6)));
        assert_eq!(
            expand_text("{{ ${env:PLAIN} }}"),
            Err(Trouble::Unquoted(3..15))
        );
        assert_eq!(
            expand_text("$ {env:X} ${other}").unwrap().text,
            "$ {env:X} ${other}"
        );
    }
}
