//! Reads `[session]`: what belongs to every request of a user.

use toml::de::DeValue;

use super::fields::{Fields, Located, Node, number, text, wrong_type};
use super::texts::{Compiler, Place};
use crate::scenario::error::Fault;
use crate::scenario::network::SessionSettings;
use crate::scenario::session::{SessionHeader, SessionHeaders};
use crate::scenario::settings::Bounds;
use crate::scenario::status::{Allowed, StatusRule};
use crate::scenario::step::check_header_value;
use crate::scenario::template::Text;

/// The keys of `[session]`.
pub(super) const KEYS: [&str; 7] = [
    "headers",
    "bearer",
    "basic",
    "redirects",
    "refresh-status",
    "refresh-after-s",
    "max-redirects",
];
/// The keys of `basic`.
pub(super) const BASIC_KEYS: [&str; 2] = ["user", "password"];
const CODES: Bounds = Bounds::new(100, 401, 599);

fn open<'d>(root: &Fields<'d>) -> Result<Option<Fields<'d>>, Fault> {
    let node = root.get("session");
    node.map(|node| Fields::open(node, "[session]", &KEYS))
        .transpose()
}

/// Everything but the headers. `can_refresh` says whether there is a step of `[[refresh]]`.
pub(super) fn read_session(root: &Fields<'_>, can_refresh: bool) -> Result<SessionSettings, Fault> {
    let mut session = SessionSettings::default();
    let Some(fields) = open(root)? else {
        return Ok(session);
    };
    let refreshes = ["refresh-status", "refresh-after-s"];
    if let Some(key) = refreshes.into_iter().find(|key| fields.get(key).is_some())
        && !can_refresh
    {
        let message = format!("`{key}` says when to refresh a session, and nothing refreshes it");
        let fault = Fault::new(fields.key_span(key), message, "no `[[refresh]]` step");
        return Err(fault.hint("add a step `[[refresh]]` that fetches a new token"));
    }
    session.redirects = fields.flag("redirects", session.redirects)?;
    session.max_redirects = fields.small_number("max-redirects", SessionSettings::MAX_REDIRECTS)?;
    if let Some(node) = fields.get("refresh-status") {
        session.refresh_status = read_statuses(node)?;
    }
    if let Some(node) = fields.get("refresh-after-s") {
        let seconds = number(node, "refresh-after-s", SessionSettings::REFRESH_AFTER_S);
        let seconds = seconds.map_err(|fault| fault.hint("for example `refresh-after-s = 240`"))?;
        session.refresh_after_s = Some(seconds);
    }
    Ok(session)
}

fn read_statuses(node: &Node<'_>) -> Result<StatusRule, Fault> {
    let items: Vec<&Node<'_>> = match node.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![node],
    };
    if items.is_empty() {
        let fault = Fault::new(node.span(), "`refresh-status` is empty", "no status at all");
        return Err(fault.hint("for example `refresh-status = [401]`"));
    }
    let allowed = items.into_iter().map(|item| match item.get_ref() {
        DeValue::Integer(_) => {
            let code = number(item, "refresh-status", CODES);
            let code = code.map_err(|fault| fault.hint("for example `refresh-status = [401]`"));
            code.map(|code| Allowed::Code(code as u16))
        }
        DeValue::String(text) => Allowed::class(text).ok_or_else(|| {
            let message = "a status is a number or a class such as `4xx`";
            let fault = Fault::new(item.span(), message, "neither");
            fault.hint("for example `refresh-status = [401, 419]`")
        }),
        other => {
            let wanted =
                "`refresh-status` is a number, a class such as `\"4xx\"`, or a list of these";
            Err(wrong_type(other, item.span(), wanted).hint("for example `refresh-status = [401]`"))
        }
    });
    allowed.collect::<Result<_, _>>().map(StatusRule::new)
}

/// The headers; to be read after all steps, since they may name what any step captures.
pub(super) fn read_headers(
    root: &Fields<'_>,
    compiler: &mut Compiler<'_>,
) -> Result<SessionHeaders, Fault> {
    let mut headers = Vec::new();
    let Some(fields) = open(root)? else {
        return Ok(SessionHeaders(headers));
    };
    if let Some(bearer) = fields.text("bearer")? {
        let value = read_value(compiler, &bearer)?;
        compiler
            .supplied
            .extend(value.as_fixed().map(str::to_owned));
        headers.push(SessionHeader::Bearer(value));
    }
    if let Some(node) = fields.get("basic") {
        refuse_second(&fields, &headers, "basic")?;
        headers.push(read_basic(compiler, node)?);
    }
    if let Some(node) = fields.get("headers") {
        for (key, node) in Fields::open_any(node, "headers")?.entries() {
            let name = header_name(&key)?;
            if headers.iter().any(|header| header.name() == name) {
                let message = format!("the header `{name}` is there already");
                let fault = Fault::new(key.span, message, "the same header again");
                return Err(fault.hint(
                    "`bearer` and `basic` are the header `authorization`: give one of them",
                ));
            }
            let value = read_value(compiler, &text(node, key.text)?)?;
            headers.push(SessionHeader::Plain(name, value));
        }
    }
    Ok(SessionHeaders(headers))
}

fn refuse_second(fields: &Fields<'_>, headers: &[SessionHeader], key: &str) -> Result<(), Fault> {
    if headers.is_empty() {
        return Ok(());
    }
    let message = "a request has one `authorization`: `bearer` or `basic`, not both";
    let fault = Fault::new(fields.key_span(key), message, "a second one");
    Err(fault.hint("remove the one that the service does not ask for"))
}

fn read_basic(compiler: &mut Compiler<'_>, node: &Node<'_>) -> Result<SessionHeader, Fault> {
    let fields = Fields::open(node, "basic", &BASIC_KEYS)?;
    let hint =
        "for example `basic = { user = \"{{ user.name }}\", password = \"{{ user.password }}\" }`";
    let user = text(fields.required("user", hint)?, "user")?;
    let password = text(fields.required("password", hint)?, "password")?;
    let compiled = read_value(compiler, &user)?;
    // RFC 7617, 2: the first colon ends the user's name.
    if compiled.as_fixed().is_some_and(|user| user.contains(':')) {
        let message = "a user of `basic` has no colon in its name";
        let fault = Fault::new(user.span, message, "a colon");
        return Err(fault.hint("what follows the colon belongs to `password`"));
    }
    let password = read_value(compiler, &password)?;
    compiler
        .supplied
        .extend(password.as_fixed().map(str::to_owned));
    Ok(SessionHeader::Basic(compiled, password))
}

fn read_value(compiler: &mut Compiler<'_>, given: &Located<'_>) -> Result<Text, Fault> {
    let value = compiler.compile(given, Place::Session, true)?;
    match value.as_fixed().map(check_header_value) {
        Some(Err(why)) => Err(Fault::new(given.span.clone(), why, "not a header's value")
            .hint("a header's value is one line")),
        _ => Ok(value),
    }
}

fn header_name(key: &Located<'_>) -> Result<String, Fault> {
    let name = super::steps::header_name(key)?;
    match name.as_str() {
        "content-type" => {
            let message = "`content-type` belongs to the body of a step";
            let fault = Fault::new(key.span.clone(), message, "not of a session");
            Err(fault
                .hint("write it into the `headers` of the step, or leave it to the step's body"))
        }
        _ => Ok(name),
    }
}
