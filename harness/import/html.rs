//! Finds in a page what a later request may send back: hidden inputs of forms, and metas.

/// A named value of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
    /// A CSS selector that finds the element.
    pub(super) selector: String,
    /// The attribute that holds the value.
    pub(super) attribute: &'static str,
}

/// Most elements of a page that are looked at.
const FIELD_LIMIT: usize = 1_000;

/// The hidden inputs and metas of a page, in its order.
pub(super) fn fields(html: &str) -> Vec<Field> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let (element, attribute) = match rest.get(..5) {
            Some(tag) if tag.eq_ignore_ascii_case("input") => ("input", "value"),
            Some(tag)
                if tag
                    .get(..4)
                    .is_some_and(|tag| tag.eq_ignore_ascii_case("meta")) =>
            {
                ("meta", "content")
            }
            _ => continue,
        };
        let attributes = attributes(&rest[element.len()..]);
        let get = |name: &str| {
            attributes
                .iter()
                .find(|pair| pair.0 == name)
                .map(|pair| pair.1.as_str())
        };
        let is_wanted = element == "meta"
            || get("type").is_some_and(|kind| kind.eq_ignore_ascii_case("hidden"));
        let (Some(name), Some(value), true) = (get("name"), get(attribute), is_wanted) else {
            continue;
        };
        let can_be_selected = !name.is_empty()
            && name.len() <= 100
            && name
                .chars()
                .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\'));
        if can_be_selected && !value.is_empty() && found.len() < FIELD_LIMIT {
            found.push(Field {
                selector: format!("{element}[name=\"{name}\"]"),
                name: name.to_owned(),
                value: value.to_owned(),
                attribute,
            });
        }
    }
    found
}

/// The attributes of a tag, names in lower case; `rest` begins after the tag's name.
fn attributes(rest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = rest;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') || found.len() == 50 {
            return found;
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))
            .unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let Some(after) = rest.strip_prefix('=') else {
            if end == 0 {
                return found;
            }
            found.push((name, String::new()));
            continue;
        };
        let after = after.trim_start();
        let (value, left) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
            _ => after.split_at(
                after
                    .find(|c: char| c.is_whitespace() || c == '>')
                    .unwrap_or(after.len()),
            ),
        };
        found.push((name, unescaped(value)));
        rest = left;
    }
}

/// Without the entities that generated pages have in values.
fn unescaped(value: &str) -> String {
    let mut text = value.to_owned();
    for (entity, c) in [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#x2F;", "/"),
        ("&#x2B;", "+"),
        ("&#43;", "+"),
        ("&#x3D;", "="),
        ("&#61;", "="),
        ("&amp;", "&"),
    ] {
        if text.contains('&') {
            text = text.replace(entity, c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_inputs_and_metas_are_found_and_others_are_not() {
        let page = r#"<META name=csrf-token content='a&#43;b'><input name="q" value="x"><input disabled type="Hidden"
            name="_token" value="t&quot;1" /><input type=hidden name=empty value=""><meta charset="utf-8"><input type="hidden" name="open" value="y"#;
        let found = fields(page);
        let short: Vec<_> = found
            .iter()
            .map(|field| {
                (
                    field.selector.as_str(),
                    field.attribute,
                    field.value.as_str(),
                )
            })
            .collect();
        assert_eq!(
            short,
            [
                ("meta[name=\"csrf-token\"]", "content", "a+b"),
                ("input[name=\"_token\"]", "value", "t\"1"),
                ("input[name=\"open\"]", "value", "y"),
            ]
        );
    }
}
