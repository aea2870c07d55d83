//! What is somebody's secret, by the name of its field or by its look, and where it turns up again.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;

use super::seen::{Answer, Body, Exchange, Place};
use super::text::Text;

/// Parts of a field's name (lower case, letters and digits alone) that make its value a secret.
const SECRET_PARTS: [&str; 28] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "subscriptionkey",
    "session",
    "sessid",
    "csrf",
    "xsrf",
    "authoriz",
    "authentic",
    "credential",
    "signature",
    "jwt",
    "bearer",
    "cookie",
    "assertion",
    "verifier",
    "hmac",
    "viewstate",
    "nonce",
    "captcha",
];
/// Whole names that do so.
const SECRET_NAMES: [&str; 17] = [
    "sid",
    "pass",
    "pw",
    "otp",
    "totp",
    "pin",
    "cvv",
    "cvc",
    "auth",
    "xauth",
    "key",
    "xkey",
    "code",
    "sig",
    "ssn",
    "iban",
    "credentials",
];
const PASSWORD_PARTS: [&str; 5] = ["password", "passwd", "passphrase", "passcode", "pwd"];
const PASSWORD_NAMES: [&str; 5] = ["pass", "pw", "pin", "jpassword", "kennwort"];
/// How well-known keys begin.
const SECRET_STARTS: [&str; 16] = [
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "pk_live_",
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "AIza",
    "SG.",
    "shpat_",
];

/// A field's name as the lists have it.
fn normal(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Whether a field of this name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let whole = normal(name);
    let last = name
        .rsplit(['[', '.', '-', '_', ':'])
        .map(normal)
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    SECRET_PARTS.iter().any(|part| whole.contains(part))
        || SECRET_NAMES.contains(&whole.as_str())
        || (SECRET_NAMES.contains(&last.as_str()) && !matches!(last.as_str(), "code" | "key"))
        || is_password_name(name)
}

/// Whether a field of this name holds a password.
pub(super) fn is_password_name(name: &str) -> bool {
    let whole = normal(name);
    PASSWORD_PARTS.iter().any(|part| whole.contains(part))
        || PASSWORD_NAMES.contains(&whole.as_str())
        || whole.ends_with("pass")
}

/// Whether a value looks like a key or a token, whatever its field is called.
pub(super) fn looks_secret(value: &str) -> bool {
    if SECRET_STARTS
        .iter()
        .any(|start| value.starts_with(start) && value.len() >= start.len() + 8)
    {
        return true;
    }
    let is_jwt = value.starts_with("eyJ") && value.matches('.').count() >= 2;
    is_jwt
        || (!is_uuid(value)
            && value
                .split(|c: char| !c.is_ascii_alphanumeric())
                .any(is_random))
}

/// Sixteen letters and digits at least, well mixed: no word and no number looks so.
fn is_random(run: &str) -> bool {
    let changes = run
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit())
        .count();
    run.len() >= 16 && changes >= 4
}

/// Whether it is a UUID: an identifier, not a secret by itself.
pub(super) fn is_uuid(value: &str) -> bool {
    let lengths: Vec<usize> = value.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// Whether a longer text says `password=…`, `"token": …` or the like somewhere.
pub(super) fn names_a_secret(text: &str) -> bool {
    named_secrets(text).next().is_some()
}

/// What stands behind the names of secrets in a longer text.
fn named_secrets(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
    words.filter_map(move |word| {
        if word.is_empty() || word.len() > 60 || !is_secret_name(word) {
            return None;
        }
        // The word is a part of `text`: what follows it decides.
        let end = word.as_ptr() as usize - text.as_ptr() as usize + word.len();
        let after = text[end..].trim_start_matches(['"', '\'', ' ', '\\', ']']);
        let value = ["=", ":", ">", "%3D", "%3A"]
            .into_iter()
            .find_map(|sign| after.strip_prefix(sign))?;
        let value = value.trim_start_matches(['"', '\'', ' ', '\\', '=']);
        let ends = |c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '&' | '\\' | ')' | ';' | ',')
        };
        Some(value.split(ends).next().unwrap_or_default())
    })
}

/// Everything that must not be written.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    values: BTreeSet<String>,
    /// Finds all those at once that are [unmistakable](is_unmistakable).
    finder: Option<AhoCorasick>,
}

impl Sealed {
    /// Shortest value that counts when it is the whole of a field.
    const WHOLE: usize = 4;

    /// Collects the secrets of these exchanges.
    pub(super) fn of(exchanges: &[Exchange]) -> Sealed {
        let mut sealed = Sealed::default();
        for exchange in exchanges {
            for (place, name, value) in exchange.request.leaves() {
                if is_secret_leaf(place, &name, &value) {
                    sealed.add(&value);
                }
                for inside in named_secrets(&value) {
                    sealed.add(inside);
                }
            }
            if let Some(answer) = &exchange.answer {
                sealed.add_answer(answer);
            }
        }
        let patterns = sealed.values.iter().filter(|value| is_unmistakable(value));
        sealed.finder = AhoCorasick::new(patterns).ok();
        sealed
    }

    fn add_answer(&mut self, answer: &Answer) {
        for (_, value) in answer.cookies() {
            self.add(value);
        }
        for (name, value) in &answer.headers {
            if name != "set-cookie" && is_secret_name(name) {
                self.add(value);
            }
        }
        let mut is_json = false;
        if let Body::Json(mut json) = Body::from_text(&answer.kind, &answer.body) {
            is_json = true;
            json.visit(&mut |name, _, text| {
                if let Some(value) = text
                    .as_plain()
                    .filter(|value| is_secret_name(name) || looks_secret(value))
                {
                    self.add(value);
                }
            });
        }
        if is_json {
            return;
        }
        // Words stand behind such names on many pages.
        for inside in named_secrets(&answer.body).filter(|inside| is_unmistakable(inside)) {
            self.add(inside);
        }
        for field in super::html::fields(&answer.body) {
            if is_secret_name(&field.name) || looks_secret(&field.value) {
                self.add(&field.value);
            }
        }
    }

    fn add(&mut self, value: &str) {
        for value in [value, value.split_once(' ').map_or("", |parts| parts.1)] {
            if value.len() >= Sealed::WHOLE
                && value != "true"
                && value != "false"
                && value != "null"
            {
                self.values.insert(value.to_owned());
                let decoded = super::seen::decoded(value);
                if decoded.len() >= Sealed::WHOLE {
                    self.values.insert(decoded);
                }
            }
        }
    }

    /// Whether a secret is in `text`, or what looks or is named like one.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.values.contains(text)
            || looks_secret(text)
            || names_a_secret(text)
            || self.is_inside(text)
    }

    /// Whether an unmistakable secret is a part of `text`.
    fn is_inside(&self, text: &str) -> bool {
        match &self.finder {
            Some(finder) => finder.is_match(text),
            // There were too many for one finder.
            None => self
                .values
                .iter()
                .any(|value| is_unmistakable(value) && text.contains(value.as_str())),
        }
    }

    /// Whether a path's segment must not be written: here a password that is a plain word is no reason.
    fn is_in_path(&self, text: &str) -> bool {
        let text = super::seen::decoded(text);
        looks_secret(&text) || self.is_inside(&text)
    }
}

/// Whether finding the value inside of another text can hardly be by chance.
fn is_unmistakable(value: &str) -> bool {
    let digits = value.bytes().any(|byte| byte.is_ascii_digit());
    let others = value.bytes().any(|byte| !byte.is_ascii_digit());
    value.len() >= 16 || value.len() >= 6 && digits && others
}

/// Whether this field of a request holds a secret.
fn is_secret_leaf(place: Place, name: &str, value: &str) -> bool {
    match place {
        Place::Cookie | Place::Credential => true,
        Place::Path => looks_secret(&super::seen::decoded(value)),
        // The text of a GraphQL query or of an XML body is no secret as a whole; what is in it is looked at when it is sealed.
        _ => {
            (is_secret_name(name) && place != Place::Body)
                || looks_secret(value) && value.len() < 4096
        }
    }
}

/// Replaces every secret that is left by an attribute of the user, which the environment supplies.
pub(super) fn seal(exchange: &mut Exchange, sealed: &Sealed) {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    exchange.request.visit(&mut |place, name, text| {
        let hidden = match text.as_plain() {
            Some(value) => match place {
                Place::Path => sealed.is_in_path(value),
                _ if value.is_empty() => false,
                _ => is_secret_leaf(place, name, value) || sealed.is_in(value),
            },
            None => false,
        };
        if hidden || hides_in_pieces(text, sealed) {
            let value = text.shown();
            let attribute = attribute_of(match place {
                Place::Path => "key",
                Place::Body => "request_body",
                _ => name,
            });
            let mut own = attribute.clone();
            let mut number = 2;
            while taken.get(&own).is_some_and(|other| *other != value) {
                own = format!("{attribute}_{number}");
                number += 1;
            }
            taken.insert(own.clone(), value);
            *text = Text::code(format!("user.{own}"));
        }
    });
    for remark in &mut exchange.remarks {
        if sealed.is_in(remark) {
            *remark =
                "TO DO: a line of the input was left out here, it would have quoted a secret."
                    .to_owned();
        }
    }
    let expect = &mut exchange.expect;
    let before = expect.headers.len();
    expect
        .headers
        .retain(|header| !sealed.is_in(&header.1) && !is_secret_name(&header.0));
    let mut lost = before - expect.headers.len();
    for body in [&mut expect.body, &mut expect.not_body] {
        if body.as_ref().is_some_and(|text| sealed.is_in(text)) {
            *body = None;
            lost += 1;
        }
    }
    if lost > 0 {
        exchange
            .remarks
            .push("TO DO: an expectation was left out, it would have quoted a secret".to_owned());
    }
    if exchange
        .name
        .as_ref()
        .is_some_and(|name| sealed.is_in(name))
    {
        exchange.name = None;
    }
}

/// Whether a text of several pieces holds a secret in a plain one.
fn hides_in_pieces(text: &Text, sealed: &Sealed) -> bool {
    use super::text::Piece;
    text.as_plain().is_none()
        && text.pieces().iter().any(|piece| match piece {
            Piece::Plain(plain) => looks_secret(plain) || sealed.is_inside(plain),
            Piece::Code(_) => false,
        })
}

/// A name for an attribute of users: letters, digits and underscores.
pub(super) fn attribute_of(name: &str) -> String {
    let mut attribute = super::links::identifier(name);
    if attribute == "name" || attribute == "count" || attribute == "list" {
        attribute.push_str("_value");
    }
    attribute
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_and_ordinary_names_are_not() {
        for name in [
            "password",
            "user[password]",
            "X-API-Key",
            "api_key",
            "access_token",
            "csrfmiddlewaretoken",
            "_csrf",
            "PHPSESSID",
            "client_secret",
            "Authorization",
            "x-auth",
            "sid",
            "new-pass",
            "__RequestVerificationToken",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "title",
            "author",
            "user",
            "keyword",
            "page",
            "passenger",
            "pinned",
            "design",
            "zip_code",
            "sort_key",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn keys_and_tokens_are_known_by_their_look_and_ordinary_values_are_not() {
        for value in [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "ghp_abcdefgh12345678",
            "9f86d081884c7d659a2feaa0c55ad015",
            "sk_live_aaaaaaaa",
            "x 7a9Bc0D1e2F3g4H5i6J7 y",
        ] {
            assert!(looks_secret(value), "{value}");
        }
        for value in [
            "how-to-write-tests-in-2024",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "2024-01-01T10:00:00.000Z",
            "1234567890123456",
            "application/json",
            "internationalisation",
        ] {
            assert!(!looks_secret(value), "{value}");
        }
    }

    #[test]
    fn a_secret_named_in_a_text_is_noticed() {
        for text in [
            "a=1&token=x",
            "{\"password\": 1}",
            "mutation { login(password: \"x\") }",
            "<secret>x</secret>",
            "Cookie: a",
        ] {
            assert!(names_a_secret(text), "{text}");
        }
        for text in ["my password is long", "the token", "a=b"] {
            assert!(!names_a_secret(text), "{text}");
        }
    }
}
