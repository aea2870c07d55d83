//! Texts of a scenario that are filled in for a user and a round.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;

use base64::Engine as _;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::functions::{self, CHANCE, CLOCK, Chance, NONCE, OutOfBounds, SECRETS};
use super::users::User;

/// Steps of work that one text may cost; a template that loops for ever ends with an error.
pub const TEMPLATE_WORK_LIMIT: u64 = 200_000;
/// Longest text that a template may give, in bytes.
pub const TEMPLATE_OUTPUT_LIMIT: usize = 16 * 1024 * 1024;

/// Names that templates know without any capture.
pub(super) const BUILT_IN_NAMES: [&str; 5] = ["user", "index", "count", "round", "secret"];

/// Everything but what RFC 3986 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What templates are filled in with.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// The user who sends the request.
    pub user: &'a User,
    /// The user's number, from 1.
    pub index: u32,
    /// How many users there are.
    pub count: u32,
    /// The round, from 1; 0 before the first.
    pub round: u32,
    /// What earlier steps captured for this user, by name.
    pub captures: &'a BTreeMap<String, String>,
    /// The user's newest canary per slot. For a step that plants, the fresh one has been put in already.
    pub secrets: &'a BTreeMap<u16, String>,
    /// The nonce of this very request, for a step that sends one.
    pub nonce: Option<&'a str>,
    /// Seed of what templates draw by chance, another one for every request.
    pub chance: u64,
    /// The time, milliseconds since 1970 (UTC).
    pub now_ms: u64,
}

/// A text of the file: itself, or a template.
#[derive(Clone)]
pub(super) struct Text {
    /// As it stands in the file.
    source: String,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Fixed(String),
    Template { name: String, uses: Uses },
}

/// What a template refers to.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses {
    pub(super) user: bool,
    pub(super) captures: Vec<String>,
    /// Index and name of each slot.
    pub(super) slots: Vec<(u16, String)>,
    /// The request's nonce.
    pub(super) nonce: bool,
    /// What is drawn by chance: the text's number among those that draw.
    pub(super) draws: Option<u64>,
    /// The time.
    pub(super) clock: bool,
}

/// Two texts are equal when the file says the same; what the environment added does not count.
impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.source == other.source
    }
}

/// Shows the file's text alone, never what the environment put into it.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Text {
    /// A text that stands for itself: `value` is what `source` means.
    pub(super) fn fixed(source: &str, value: String) -> Text {
        Text {
            source: source.to_owned(),
            form: Form::Fixed(value),
        }
    }

    /// A template that was compiled under `name`.
    pub(super) fn template(source: &str, name: String, uses: Uses) -> Text {
        Text {
            source: source.to_owned(),
            form: Form::Template { name, uses },
        }
    }

    /// As it stands in the file.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Its value, when it needs no filling in.
    pub(super) fn as_fixed(&self) -> Option<&str> {
        match &self.form {
            Form::Fixed(value) => Some(value),
            Form::Template { .. } => None,
        }
    }

    /// Indices of the slots it names.
    pub(super) fn slots(&self) -> impl Iterator<Item = u16> {
        let slots = match &self.form {
            Form::Fixed(_) => &[][..],
            Form::Template { uses, .. } => &uses.slots,
        };
        slots.iter().map(|slot| slot.0)
    }

    /// Whether it holds the nonce of the request.
    pub(super) fn has_nonce(&self) -> bool {
        matches!(&self.form, Form::Template { uses, .. } if uses.nonce)
    }

    /// The text for `values`.
    pub(super) fn render<'t>(
        &'t self,
        environment: &Environment<'_>,
        values: &Values<'_>,
    ) -> Result<Cow<'t, str>, TextError> {
        let (name, uses) = match &self.form {
            Form::Fixed(value) => return Ok(Cow::Borrowed(value)),
            Form::Template { name, uses } => (name, uses),
        };
        let context = uses.context(values)?;
        let explain = |error: Error| TextError::from_engine(&error, uses);
        let mut out = LimitedOutput(Vec::new());
        let template = environment.get_template(name).map_err(explain)?;
        template
            .render_captured_to(context, &mut out)
            .map_err(explain)?;
        String::from_utf8(out.0)
            .map(Cow::Owned)
            .map_err(|_| TextError::plain("the result is not UTF-8"))
    }
}

impl Uses {
    fn context(&self, values: &Values<'_>) -> Result<Value, TextError> {
        let mut context: BTreeMap<String, Value> = BTreeMap::new();
        for (name, number) in [
            ("index", values.index),
            ("count", values.count),
            ("round", values.round),
        ] {
            context.insert(name.to_owned(), Value::from(number));
        }
        if self.user {
            let attributes = values
                .user
                .attributes
                .iter()
                .map(|(name, value)| (name.clone(), Value::from(value.as_str())));
            let name = ("name".to_owned(), Value::from(values.user.name.as_str()));
            context.insert(
                "user".to_owned(),
                Value::from(
                    attributes
                        .chain([name])
                        .collect::<BTreeMap<String, Value>>(),
                ),
            );
        }
        for capture in &self.captures {
            let value = values.captures.get(capture);
            let value = value
                .ok_or_else(|| TextError::missing(&format!("`{capture}` was not captured")))?;
            context.insert(capture.clone(), Value::from(value.as_str()));
        }
        if !self.slots.is_empty() {
            let mut secrets: BTreeMap<String, Value> = BTreeMap::new();
            for (index, slot) in &self.slots {
                let secret = values.secrets.get(index);
                let secret = secret.ok_or_else(|| {
                    TextError::missing(&format!("nothing was planted in the slot `{slot}`"))
                })?;
                secrets.insert(slot.clone(), Value::from(secret.as_str()));
            }
            context.insert(SECRETS.to_owned(), Value::from(secrets));
        }
        if let Some(nonce) = values.nonce.filter(|_| self.nonce) {
            context.insert(NONCE.to_owned(), Value::from(nonce));
        }
        if let Some(text) = self.draws {
            let chance = Chance::new(values.chance, text);
            context.insert(CHANCE.to_owned(), Value::from_object(chance));
        }
        if self.clock {
            context.insert(CLOCK.to_owned(), Value::from(values.now_ms));
        }
        Ok(Value::from(context))
    }
}

/// Why a text could not be filled in. It never quotes a user's attribute or a captured value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextError {
    /// What went wrong, for people.
    pub(super) why: String,
    /// Where in the template, when known.
    pub(super) range: Option<std::ops::Range<usize>>,
    /// True when another value might have gone well: no proof that the template is wrong.
    pub(super) depends_on_values: bool,
    /// True when the user does not have yet what it names: a capture, or a canary.
    pub(super) is_missing: bool,
}

impl TextError {
    pub(super) fn plain(why: &str) -> TextError {
        TextError {
            why: why.to_owned(),
            range: None,
            depends_on_values: true,
            is_missing: false,
        }
    }

    fn missing(why: &str) -> TextError {
        TextError {
            is_missing: true,
            ..TextError::plain(why)
        }
    }

    /// Explains what the template engine reported of a template with these uses.
    pub(super) fn from_engine(error: &Error, uses: &Uses) -> TextError {
        let bounds = std::error::Error::source(error)
            .and_then(|source| source.downcast_ref::<OutOfBounds>());
        let about_the_template = bounds.is_some()
            || matches!(
                error.kind(),
                ErrorKind::SyntaxError
                    | ErrorKind::BadEscape
                    | ErrorKind::UnknownFilter
                    | ErrorKind::UnknownFunction
                    | ErrorKind::UnknownTest
                    | ErrorKind::UnknownMethod
                    | ErrorKind::MissingArgument
                    | ErrorKind::TooManyArguments
                    | ErrorKind::OutOfFuel
            );
        let has_private_values = uses.user || !uses.captures.is_empty();
        let why = match (error.kind(), error.detail()) {
            (ErrorKind::OutOfFuel, _) => {
                format!("the template takes more than {TEMPLATE_WORK_LIMIT} steps")
            }
            (ErrorKind::WriteFailure, _) => {
                format!("the result is longer than {TEMPLATE_OUTPUT_LIMIT} bytes")
            }
            // A detail may quote the value that did not fit.
            (kind, Some(detail)) if about_the_template || !has_private_values => {
                format!("{kind}: {detail}")
            }
            (kind, _) => kind.to_string(),
        };
        let why = match bounds {
            // What is out of bounds may be a value that is nobody's business.
            Some(_) if has_private_values => {
                "a function was given a number out of its bounds".to_owned()
            }
            Some(bounds) => bounds.to_string(),
            None => why,
        };
        TextError {
            why,
            range: error.range(),
            depends_on_values: !about_the_template,
            is_missing: false,
        }
    }
}

/// The template engine, with the filters and functions of scenarios and without any template.
pub(super) fn engine() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the ordinary delimiters do not contradict each other"));
    environment.set_debug(false);
    environment.set_fuel(Some(TEMPLATE_WORK_LIMIT));
    environment.add_filter("base64", |text: &str| {
        base64::engine::general_purpose::STANDARD.encode(text)
    });
    environment.add_filter("urlencode", |text: &str| percent_encode(text));
    functions::add_to(&mut environment);
    environment
}

/// Writes everything but unreserved characters (RFC 3986) as `%XX`.
pub(super) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Takes at most [`TEMPLATE_OUTPUT_LIMIT`] bytes.
struct LimitedOutput(Vec<u8>);

impl io::Write for LimitedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > TEMPLATE_OUTPUT_LIMIT {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
