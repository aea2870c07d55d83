//! Reads the steps of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::Environment;
use toml::de::DeValue;

use super::STEP_LIMIT;
use super::bodies::read_body;
use super::fields::{Fields, Located, Node, number, text, unknown_word, wrong_type};
use super::texts::{Compiler, Place};
use crate::history::StepRole;
use crate::scenario::capture::{Capture, CaptureFrom, is_json_pointer};
use crate::scenario::error::{Fault, line_of};
use crate::scenario::fault::Faults;
use crate::scenario::settings::Bounds;
use crate::scenario::status::{Allowed, StatusRule};
use crate::scenario::step::{Step, check_header_value, check_path};
use crate::scenario::template::{BUILT_IN_NAMES, Text, Values};
use crate::scenario::users::Users;

const KEYS: [&str; 14] = [
    "name", "login", "session", "method", "path", "headers", "json", "form", "text", "status",
    "capture", "readers", "sees", "removes",
];

/// Headers that belong to the sender: a scenario that set them would break how requests are framed or released.
const SENDERS_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// One of the lists of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Setup,
    EachRound,
    Volley,
    ReadBack,
    Refresh,
    CleanUp,
}

impl List {
    pub(super) fn key(self) -> &'static str {
        match self {
            List::Setup => "setup",
            List::EachRound => "each-round",
            List::Volley => "volley",
            List::ReadBack => "read-back",
            List::Refresh => "refresh",
            List::CleanUp => "clean-up",
        }
    }

    fn title(self) -> &'static str {
        match self {
            List::Setup => "[[setup]]",
            List::EachRound => "[[each-round]]",
            List::Volley => "[[volley]]",
            List::ReadBack => "[[read-back]]",
            List::Refresh => "[[refresh]]",
            List::CleanUp => "[[clean-up]]",
        }
    }

    fn place(self) -> Place {
        match self {
            List::Setup | List::EachRound | List::Refresh => Place::Planting,
            List::Volley | List::ReadBack | List::CleanUp => Place::Naming,
        }
    }

    fn role(self, login: bool) -> StepRole {
        match self {
            List::Setup | List::EachRound | List::Refresh if login => StepRole::LogIn,
            List::Setup | List::EachRound | List::Refresh => StepRole::Prepare,
            List::Volley => StepRole::Fire,
            List::ReadBack => StepRole::ReadBack,
            List::CleanUp => StepRole::CleanUp,
        }
    }
}

/// Reads steps, list after list, in the order in which a run takes them.
pub(super) struct StepReader<'c, 'l> {
    pub(super) compiler: &'c mut Compiler<'l>,
    pub(super) document: &'l str,
    pub(super) users: &'c Users,
    names: BTreeSet<String>,
    next_index: u16,
    /// Stands in until all templates are compiled.
    no_templates: Arc<Environment<'static>>,
}

impl<'c, 'l> StepReader<'c, 'l> {
    pub(super) fn new(
        compiler: &'c mut Compiler<'l>,
        document: &'l str,
        users: &'c Users,
    ) -> StepReader<'c, 'l> {
        StepReader {
            compiler,
            document,
            users,
            names: BTreeSet::new(),
            next_index: 0,
            no_templates: Arc::new(Environment::empty()),
        }
    }

    /// Reads one list; captures of its steps are known to later steps, those of raced steps to later lists alone, and to
    /// none when `captures_may_lack` says that not every user sends every step.
    pub(super) fn read_list(
        &mut self,
        root: &Fields<'_>,
        list: List,
        captures_may_lack: bool,
    ) -> Result<Vec<Step>, Fault> {
        let Some(node) = root.get(list.key()) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(items) = node.get_ref() else {
            let fault = wrong_type(
                node.get_ref(),
                root.key_span(list.key()),
                &format!("`{}` is a list of steps", list.key()),
            );
            return Err(fault.hint(format!("each step begins with a line `{}`", list.title())));
        };
        let mut steps = Vec::new();
        for item in items {
            let step = self.read_step(item, list)?;
            if list != List::Volley {
                self.compiler
                    .captures
                    .extend(step.captures.iter().map(|capture| capture.name.clone()));
            }
            steps.push(step);
        }
        if list == List::Volley && !captures_may_lack {
            let captures = steps.iter().flat_map(|step| &step.captures);
            self.compiler
                .captures
                .extend(captures.map(|capture| capture.name.clone()));
        }
        Ok(steps)
    }

    fn read_step(&mut self, node: &Node<'_>, list: List) -> Result<Step, Fault> {
        let fields = Fields::open(node, list.title(), &KEYS)?;
        let name = self.read_name(&fields)?;
        let login = fields.flag("login", false)?;
        if login && list.place() == Place::Naming {
            let fault = Fault::new(
                fields.key_span("login"),
                "only a step of `[[setup]]` or `[[each-round]]` logs in",
                "not here",
            );
            return Err(fault);
        }
        let method = read_method(&fields)?;
        let path = self.read_path(&fields, list)?;
        let headers = self.read_headers(&fields, list)?;
        let body = read_body(self.compiler, &fields, list.place())?;
        let mut plants: Vec<u16> = Vec::new();
        if list.place() == Place::Planting {
            let texts = std::iter::once(&path)
                .chain(headers.iter().map(|header| &header.1))
                .chain(body.texts());
            plants = texts.flat_map(Text::slots).collect();
            plants.sort_unstable();
            plants.dedup();
        }
        let removes = self.read_slots(&fields, "removes")?;
        self.compiler.planted.extend(&plants);
        let sees = self.read_slots(&fields, "sees")?;
        let readers = self.read_readers(&fields, plants.is_empty())?;
        let index = self.next_index;
        if usize::from(index) == STEP_LIMIT {
            return Err(Fault::new(
                fields.span(),
                format!("a scenario has at most {STEP_LIMIT} steps"),
                "one step too many",
            ));
        }
        self.next_index += 1;
        Ok(Step {
            index,
            name,
            role: list.role(login),
            host: None,
            anonymous: false,
            redirects: None,
            wait_ms: 0,
            echoes: false,
            learns: false,
            dead: None,
            with: None,
            companion: false,
            faults: Faults::default(),
            line: line_of(self.document, fields.span().start),
            session: read_session(&fields, login)?,
            status: read_status(&fields)?,
            captures: read_captures(&fields)?,
            sees,
            removes,
            plants,
            method,
            path,
            headers,
            body,
            readers,
            session_headers: Arc::default(),
            environment: Arc::clone(&self.no_templates),
        })
    }

    fn read_name(&mut self, fields: &Fields<'_>) -> Result<String, Fault> {
        let name = text(
            fields.required("name", "a step's name tells it from the others in reports")?,
            "name",
        )?;
        if name.text.trim().is_empty()
            || name.text.len() > 100
            || name.text.chars().any(char::is_control)
        {
            let message = "a step's name has 1 to 100 bytes and no control characters";
            return Err(Fault::new(name.span, message, "not a step's name"));
        }
        if !self.names.insert(name.text.to_owned()) {
            let message = format!("there is a step `{}` already", name.text);
            return Err(Fault::new(name.span, message, "the same name again")
                .hint("give every step a name of its own"));
        }
        Ok(name.text.to_owned())
    }

    fn read_path(&mut self, fields: &Fields<'_>, list: List) -> Result<Text, Fault> {
        let path = text(
            fields.required("path", "for example `path = \"/inbox\"`")?,
            "path",
        )?;
        let compiled = self.compiler.compile(&path, list.place(), false)?;
        let checked = match compiled.as_fixed() {
            Some(fixed) => check_path(fixed),
            None if path.text.starts_with(['/', '{']) => Ok(()),
            None => check_path(path.text),
        };
        checked.map_err(|why| {
            let hint = path
                .text
                .contains("://")
                .then_some("host and port belong to `[target]`: the path alone is enough here");
            let fault = Fault::new(path.span.clone(), why, "not a path");
            hint.map_or(fault.clone(), |hint| fault.hint(hint))
        })?;
        Ok(compiled)
    }

    fn read_headers(
        &mut self,
        fields: &Fields<'_>,
        list: List,
    ) -> Result<Vec<(String, Text)>, Fault> {
        let Some(node) = fields.get("headers") else {
            return Ok(Vec::new());
        };
        let mut headers: Vec<(String, Text)> = Vec::new();
        for (key, node) in Fields::open_any(node, "headers")?.entries() {
            let name = header_name(&key)?;
            if headers.iter().any(|header| header.0 == name) {
                return Err(Fault::new(
                    key.span,
                    format!("the header `{name}` is there already"),
                    "the same name again",
                ));
            }
            let value = text(node, key.text)?;
            let compiled = self.compiler.compile(&value, list.place(), true)?;
            if let Some(Err(why)) = compiled.as_fixed().map(check_header_value) {
                return Err(Fault::new(value.span, why, "not a header's value"));
            }
            headers.push((name, compiled));
        }
        Ok(headers)
    }

    fn read_slots(&self, fields: &Fields<'_>, key: &str) -> Result<Vec<u16>, Fault> {
        let mut slots = Vec::new();
        for name in fields.texts(key)? {
            let known = self
                .compiler
                .known_slot(name.text)
                .filter(|index| self.compiler.planted.contains(index));
            let index = known.ok_or_else(|| self.compiler.never_planted(&name))?;
            if slots.contains(&index) {
                return Err(Fault::new(
                    name.span,
                    format!("`{}` is in this list already", name.text),
                    "the same slot again",
                ));
            }
            slots.push(index);
        }
        Ok(slots)
    }

    fn read_readers(
        &mut self,
        fields: &Fields<'_>,
        plants_nothing: bool,
    ) -> Result<Vec<Text>, Fault> {
        let given = fields.texts("readers")?;
        if plants_nothing && !given.is_empty() {
            let fault = Fault::new(
                fields.key_span("readers"),
                "`readers` without anything planted",
                "nobody reads nothing",
            );
            return Err(
                fault.hint("name the readers in the step that plants, with `{{ secret(\"…\") }}`")
            );
        }
        let mut readers = Vec::new();
        for reader in given {
            let compiled = self.compiler.compile(&reader, Place::Readers, false)?;
            self.check_reader(&reader, &compiled)?;
            readers.push(compiled);
        }
        Ok(readers)
    }

    /// Whether the first and the last user's reader is a user.
    fn check_reader(&self, given: &Located<'_>, reader: &Text) -> Result<(), Fault> {
        let (nothing, count) = (BTreeMap::new(), self.users.count());
        for index in [1, count] {
            let Some(user) = self.users.list().get(index as usize - 1) else {
                continue;
            };
            let values = Values {
                user,
                index,
                count,
                round: 1,
                captures: &nothing,
                secrets: &BTreeMap::new(),
                nonce: None,
                chance: 0,
                now_ms: 0,
            };
            let Ok(name) = self.compiler.fill_in(reader, &values) else {
                continue;
            };
            if self.users.find(&name).is_none() {
                let message = format!(
                    "for user {index}, the reader `{}` is none of the users",
                    name.escape_debug()
                );
                return Err(Fault::new(given.span.clone(), message, "nobody's name"));
            }
        }
        Ok(())
    }
}

/// A header's name in lower case, when a scenario may set it.
pub(super) fn header_name(key: &Located<'_>) -> Result<String, Fault> {
    let name = key.text.to_ascii_lowercase();
    if !is_token(&name) {
        return Err(Fault::new(
            key.span.clone(),
            "a header's name has letters, digits and a few signs alone",
            "not a header's name",
        ));
    }
    if SENDERS_HEADERS.contains(&name.as_str()) {
        let message = format!("a scenario cannot set the header `{name}`");
        return Err(Fault::new(
            key.span.clone(),
            message,
            "crosswire itself decides this one",
        ));
    }
    Ok(name)
}

fn read_session(fields: &Fields<'_>, login: bool) -> Result<Option<String>, Fault> {
    let Some(session) = fields.text("session")? else {
        return Ok(None);
    };
    if !login {
        let fault = Fault::new(
            fields.key_span("session"),
            "`session` names the cookie that a log-in sets, and this step does not log in",
            "only beside `login = true`",
        );
        return Err(fault.hint(
            "move it to the step of `[[setup]]` or `[[each-round]]` that has `login = true`",
        ));
    }
    // A cookie's name is a token (RFC 6265, 4.1.1).
    if !is_token(session.text) {
        let fault = Fault::new(
            session.span,
            "a cookie's name has letters, digits and a few signs alone",
            "not a cookie's name",
        );
        return Err(
            fault.hint("the name alone, without `=` and value: for example `session = \"sid\"`")
        );
    }
    Ok(Some(session.text.to_owned()))
}

fn read_method(fields: &Fields<'_>) -> Result<String, Fault> {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let Some(method) = fields.text("method")? else {
        return Ok("GET".to_owned());
    };
    let is_word = !method.text.is_empty()
        && method.text.len() <= 20
        && method.text.bytes().all(|byte| byte.is_ascii_uppercase());
    match method.text {
        // Both change what the connection is.
        "CONNECT" | "TRACE" => Err(unknown_word(&method, "method", &KNOWN)),
        word if is_word => Ok(word.to_owned()),
        word => {
            let upper = word.to_ascii_uppercase();
            let fault = Fault::new(
                method.span.clone(),
                "a method is a word in capital letters",
                "not a method",
            );
            Err(if KNOWN.contains(&upper.as_str()) {
                fault.hint(format!("write `{upper}`"))
            } else {
                fault
            })
        }
    }
}

fn read_status(fields: &Fields<'_>) -> Result<StatusRule, Fault> {
    let Some(node) = fields.get("status") else {
        return Ok(StatusRule::default());
    };
    let DeValue::Array(items) = node.get_ref() else {
        return Ok(StatusRule::new(vec![read_allowed(node)?]));
    };
    if items.is_empty() {
        return Err(Fault::new(
            node.span(),
            "no status is allowed at all",
            "empty",
        ));
    }
    Ok(StatusRule::new(
        items.iter().map(read_allowed).collect::<Result<_, _>>()?,
    ))
}

fn read_allowed(node: &Node<'_>) -> Result<Allowed, Fault> {
    const CODES: Bounds = Bounds {
        min: 100,
        default: 200,
        max: 599,
    };
    match node.get_ref() {
        DeValue::Integer(_) => number(node, "status", CODES).map(|code| Allowed::Code(code as u16)),
        DeValue::String(text) => Allowed::class(text).ok_or_else(|| {
            let fault = Fault::new(
                node.span(),
                "a status is a number or a class such as `2xx`",
                "neither",
            );
            fault.hint("for example `status = 201` or `status = [\"2xx\", 404]`")
        }),
        other => Err(wrong_type(
            other,
            node.span(),
            "`status` is a number, a class such as `\"2xx\"`, or a list of these",
        )),
    }
}

fn read_captures(fields: &Fields<'_>) -> Result<Vec<Capture>, Fault> {
    let Some(node) = fields.get("capture") else {
        return Ok(Vec::new());
    };
    let mut captures = Vec::new();
    for (name, node) in Fields::open_any(node, "capture")?.entries() {
        check_capture_name(&name)?;
        let from = Fields::open(node, "a capture", &["json", "header", "cookie"])?;
        let (json, header, cookie) = (
            from.text("json")?,
            from.text("header")?,
            from.text("cookie")?,
        );
        let from = match (json, header, cookie) {
            (Some(json), None, None) if is_json_pointer(json.text) => {
                CaptureFrom::Json(json.text.to_owned())
            }
            (Some(json), None, None) => {
                let fault = Fault::new(
                    json.span,
                    "not a JSON pointer (RFC 6901)",
                    "empty, or begins with `/`",
                );
                return Err(fault.hint("for example `/items/0/id`"));
            }
            (None, Some(header), None) if is_token(header.text) => {
                CaptureFrom::Header(header.text.to_ascii_lowercase())
            }
            (None, None, Some(cookie)) if is_token(cookie.text) => {
                CaptureFrom::Cookie(cookie.text.to_owned())
            }
            (None, Some(given), None) | (None, None, Some(given)) => {
                return Err(Fault::new(
                    given.span,
                    "such a name cannot be",
                    "not a name of a header or cookie",
                ));
            }
            _ => {
                let fault = Fault::new(
                    from.span(),
                    "a capture comes from one place",
                    "one key is needed here",
                );
                return Err(fault.hint(
                    "`{ json = \"/pointer\" }`, `{ header = \"name\" }` or `{ cookie = \"name\" }`",
                ));
            }
        };
        captures.push(Capture {
            name: name.text.to_owned(),
            from,
        });
    }
    Ok(captures)
}

fn check_capture_name(name: &Located<'_>) -> Result<(), Fault> {
    if !is_identifier(name.text) {
        let message = "the name of a capture has letters, digits and underscores, no digit first";
        return Err(Fault::new(
            name.span.clone(),
            message,
            "cannot be named in a template",
        ));
    }
    match BUILT_IN_NAMES.contains(&name.text) {
        true => Err(Fault::new(
            name.span.clone(),
            format!("`{}` means something else already", name.text),
            "taken",
        )),
        false => Ok(()),
    }
}

/// Whether a template can name it.
pub(super) fn is_identifier(name: &str) -> bool {
    const WORDS: [&str; 10] = [
        "true", "false", "none", "True", "False", "None", "and", "or", "not", "in",
    ];
    let first_is_right = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let all_are_right = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    first_is_right
        && all_are_right
        && !WORDS.contains(&name)
        && !["if", "else", "is"].contains(&name)
}

/// Whether it is a token (RFC 9110, 5.6.2).
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
