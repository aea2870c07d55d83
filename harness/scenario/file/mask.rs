//! Hides attributes of users, credentials of sessions and keys in the text that an error shows, without moving anything.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::fields::Node;

/// Keys of `[users]` that are no attribute.
const OPEN_KEYS: [&str; 4] = ["count", "name", "list", "csv"];
/// Keys of `[session]` that are no credential. Any other is hidden: it may be one of them, misspelt.
const OPEN_SESSION_KEYS: [&str; 4] = [
    "redirects",
    "max-redirects",
    "refresh-status",
    "refresh-after-s",
];

/// `text` with the values of all attributes under `users`, of the credentials under `session` and of a key starred out,
/// `{{ … }}` and `${…}` excepted, and what stands before the host of a URL.
pub(super) fn mask(text: &str, document: &DeTable<'_>) -> String {
    let mut hidden = Vec::new();
    if let Some(DeValue::Table(users)) = document.get("users").map(|node| node.get_ref()) {
        collect(users, &mut hidden);
    }
    if let Some(DeValue::Table(session)) = document.get("session").map(|node| node.get_ref()) {
        for (key, node) in session {
            if !OPEN_SESSION_KEYS.contains(&key.get_ref().as_ref()) {
                hide(node, &mut hidden);
            }
        }
    }
    if let Some(DeValue::Table(target)) = document.get("target").map(|node| node.get_ref()) {
        for (key, node) in target {
            hide_in_target(key.get_ref(), node, text, &mut hidden);
        }
    }
    hidden.extend(user_infos(text));
    star_out(text, &hidden)
}

/// The same for a text that could not be read: all that follows an equals sign under a heading of users or
/// of a session, and everything between the lines of a key.
pub(super) fn mask_unread(text: &str) -> String {
    let (mut hidden, mut start, mut in_users, mut in_key) = (Vec::new(), 0, false, false);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if trimmed.starts_with('[') {
            let heading = trimmed.trim_start_matches('[').trim_start();
            in_users = heading.starts_with("users") || heading.starts_with("session");
        }
        in_key |= line.contains("-----BEGIN");
        if in_key {
            hidden.push(start..start + line.len());
            in_key = !line.contains("-----END");
        } else if let Some((key, value)) = line.split_once('=') {
            let key = key.trim();
            if key.ends_with("proxy")
                && let Some(at) = value.rfind('@')
            {
                let begin = start + line.len() - value.len();
                hidden.push(begin..begin + at);
            }
            let open = OPEN_KEYS.contains(&key)
                || ["users.name", "users.count", "users.csv"].contains(&key);
            if !open && (in_users || key.starts_with("users") || key.starts_with("session")) {
                hidden.push(start + line.len() - value.len()..start + line.len());
            }
        } else if in_users && !trimmed.starts_with(['[', '#']) {
            // Perhaps a later line of a text over several.
            hidden.push(start..start + line.len());
        }
        start += line.len();
    }
    hidden.extend(user_infos(text));
    star_out(text, &hidden)
}

/// The `user:password` of every `scheme://user:password@host`.
fn user_infos(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("://").filter_map(|(at, mark)| {
        let start = at + mark.len();
        let authority = text[start..]
            .split(|c: char| c.is_whitespace() || "/?#\"'".contains(c))
            .next()?;
        authority.rfind('@').map(|end| start..start + end)
    })
}

fn collect(users: &DeTable<'_>, hidden: &mut Vec<Range<usize>>) {
    for (key, node) in users {
        match (key.get_ref().as_ref(), node.get_ref()) {
            ("list", DeValue::Array(list)) => {
                for user in list {
                    if let DeValue::Table(user) = user.get_ref() {
                        collect(user, hidden);
                    }
                }
            }
            ("count" | "name" | "csv", _) => {}
            _ => hide(node, hidden),
        }
    }
}

/// A key that stands in the file itself, and all before the last `@` of an address: a password may hold anything.
fn hide_in_target(key: &str, node: &Node<'_>, text: &str, hidden: &mut Vec<Range<usize>>) {
    let DeValue::String(value) = node.get_ref() else {
        return;
    };
    let span = node.span();
    if value.contains("-----BEGIN") && key != "ca" {
        hidden.push(span);
    } else if let Some(at) = text[span.clone()].rfind('@') {
        let before = &text[span.start..span.start + at];
        let start = before.find("://").map_or(0, |mark| mark + "://".len());
        hidden.push(span.start + start..span.start + at);
    }
}

fn hide(node: &Node<'_>, hidden: &mut Vec<Range<usize>>) {
    match node.get_ref() {
        DeValue::Table(table) => table.values().for_each(|value| hide(value, hidden)),
        _ => hidden.push(node.span()),
    }
}

fn star_out(text: &str, hidden: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in hidden {
        let value = &text[range.clone()];
        let mut open_until = 0;
        for (at, c) in value.char_indices() {
            let rest = &value[at..];
            let closing = [("{{", "}}"), ("${", "}")]
                .into_iter()
                .find(|pair| rest.starts_with(pair.0));
            if let Some(end) =
                closing.and_then(|pair| rest.find(pair.1).map(|found| at + found + pair.1.len()))
            {
                open_until = open_until.max(end);
            }
            if at >= open_until && !matches!(c, '"' | '\'' | '\n' | '\r' | ' ') {
                bytes[range.start + at..range.start + at + c.len_utf8()].fill(b'*');
            }
        }
    }
    // Whole characters were replaced by ASCII, so this never loses anything.
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_hidden_and_places_stay() {
        let text = "[users]\nname = \"u{{ index }}\"\npassword = \"hünter{{ index }}x${env:P}\"\n[[users.list]]\nname = 'a'\npin = 1234\n[fire]\nrounds = 3\n";
        let document = DeTable::parse(text.split_once("[[users").unwrap().0).unwrap();
        let masked = mask(text, document.get_ref());
        assert_eq!(masked.len(), text.len());
        assert!(
            masked.contains("password = \"*******{{ index }}*${env:P}\""),
            "{masked}"
        );
        assert!(masked.contains("name = \"u{{ index }}\""));
        let masked = mask_unread(text);
        assert_eq!(masked.len(), text.len());
        assert!(
            masked.contains("pin = ****\n") && !masked.contains("hünter"),
            "{masked}"
        );
        assert!(masked.contains("name = 'a'") && masked.contains("rounds = 3"));
    }

    #[test]
    fn inline_and_dotted_users_are_hidden_too() {
        let text = "users.password = 'geheim'\nusers.name = 'u'\n";
        let document = DeTable::parse(text).unwrap();
        assert_eq!(
            mask(text, document.get_ref()),
            "users.password = '******'\nusers.name = 'u'\n"
        );
        assert_eq!(
            mask_unread(text),
            "users.password = '******'\nusers.name = 'u'\n"
        );
        let text = "users = { name = 'u', password = 'geheim' }\n";
        let document = DeTable::parse(text).unwrap();
        assert!(!mask(text, document.get_ref()).contains("geheim"));
        assert!(!mask_unread(text).contains("geheim"));
    }

    #[test]
    fn credentials_of_a_session_a_proxy_and_a_key_are_hidden() {
        let text = "[session]\nbearer = 'geheim{{ x }}'\nbaisc.password = 'geheim'\nredirects = true\n[target]\n\
            proxy = 'http://me:ge/heim@host:1'\nclient-key = \"\"\"-----BEGIN KEY-----\ngeheim\n-----END KEY-----\n\"\"\"\nca = 'a.pem'\n";
        let document = DeTable::parse(text).unwrap();
        for masked in [mask(text, document.get_ref()), mask_unread(text)] {
            assert!(!masked.contains("heim"), "{masked}");
            assert!(
                masked.contains("{{ x }}") && masked.contains("ca = 'a.pem'"),
                "{masked}"
            );
            assert_eq!(masked.len(), text.len());
        }
        assert!(mask(text, document.get_ref()).contains("redirects = true"));
    }

    #[test]
    fn a_password_in_a_url_is_hidden() {
        let text = "[target]\nurl = 'http://me:geheim@host/'\n# http://host/me@geheim\n";
        let document = DeTable::parse(text).unwrap();
        for masked in [mask(text, document.get_ref()), mask_unread(text)] {
            assert_eq!(
                masked,
                "[target]\nurl = 'http://*********@host/'\n# http://host/me@geheim\n"
            );
        }
    }
}
