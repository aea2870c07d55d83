//! What a step is for, what it says of the session, and which of its keys do not go together.

use std::ops::Range;

use super::fields::{Fields, unknown_word};
use super::steps::List;
use crate::history::{Dead, StepRole};
use crate::scenario::body::Body;
use crate::scenario::error::Fault;
use crate::scenario::step::Step;

/// Words of `dead`, in the order in which they are listed to people.
const DEAD: [(&str, Dead); 3] = [
    ("log-out", Dead::LogOut),
    ("idle", Dead::Idle),
    ("rotation", Dead::Rotation),
];

/// What some steps say that only the whole file can confirm.
pub(super) struct OpenQuestions {
    /// Why sessions must be dead, with the place in the file.
    pub(super) dead: Vec<(Dead, Range<usize>)>,
    /// Steps that are echoed, with the place in the file.
    pub(super) echoing: Vec<(u16, Range<usize>)>,
}

impl OpenQuestions {
    /// Checks them, when all steps are read and have the headers of the session.
    pub(super) fn check(self, lists: &[Vec<Step>]) -> Result<(), Fault> {
        let has_role = |role| lists.iter().flatten().any(|step| step.role == role);
        for (dead, span) in self.dead {
            let (lacking, hint) = match dead {
                Dead::LogOut if !has_role(StepRole::LogOut) => (
                    "no step logs out",
                    "add `logout = true` to the step that does",
                ),
                Dead::Rotation if !has_role(StepRole::LogIn) => (
                    "no step logs in",
                    "add `login = true` to the step that does",
                ),
                _ => continue,
            };
            let fault = Fault::new(span, lacking, "no session has died by then");
            return Err(fault.hint(hint));
        }
        for (index, span) in self.echoing {
            let step = lists.iter().flatten().find(|step| step.index == index);
            if step.is_some_and(|step| !step.sends_nonce()) {
                let message = "`echoes` without `nonce()` in the request: there is nothing to echo";
                let fault = Fault::new(span, message, "no nonce is sent");
                return Err(fault.hint("for example `query = { echo = \"{{ nonce() }}\" }`"));
            }
        }
        Ok(())
    }
}

pub(super) fn read_role(fields: &Fields<'_>, list: List) -> Result<StepRole, Fault> {
    let (login, logout) = (fields.flag("login", false)?, fields.flag("logout", false)?);
    let no_login = matches!(list, List::ReadBack | List::Restore | List::CleanUp);
    match (login, logout) {
        (false, false) => Ok(list.role()),
        (true, true) => Err(Fault::new(
            fields.key_span("logout"),
            "a step gives a session or ends one, not both",
            "logs in as well",
        )),
        (true, false) if no_login => {
            let message = format!("a step of `{}` does not log in", list.title());
            let fault = Fault::new(fields.key_span("login"), message, "not here");
            Err(fault
                .hint("steps of `[[setup]]`, `[[each-round]]`, `[[volley]]` and `[[refresh]]` do"))
        }
        (true, false) => Ok(StepRole::LogIn),
        (false, true) if list == List::Refresh => Err(Fault::new(
            fields.key_span("logout"),
            "a step of `[[refresh]]` makes a session good again: it does not log out",
            "not here",
        )),
        (false, true) => Ok(StepRole::LogOut),
    }
}

pub(super) fn read_dead(fields: &Fields<'_>) -> Result<Option<Dead>, Fault> {
    let Some(given) = fields.text("dead")? else {
        return Ok(None);
    };
    let known = DEAD.into_iter().find(|word| word.0 == given.text);
    known
        .map(|word| Some(word.1))
        .ok_or_else(|| unknown_word(&given, "dead", &DEAD.map(|word| word.0)))
}

/// The word that stands for it.
pub(super) fn dead_word(dead: Dead) -> &'static str {
    DEAD.into_iter()
        .find(|word| word.1 == dead)
        .map_or("log-out", |word| word.0)
}

pub(super) fn read_redirects(fields: &Fields<'_>, list: List) -> Result<Option<bool>, Fault> {
    if fields.get("redirects").is_none() {
        return Ok(None);
    }
    match fields.flag("redirects", false)? {
        true if list == List::Volley => Err(Fault::new(
            fields.key_span("redirects"),
            "a raced step follows no redirects: what follows would no longer be simultaneous",
            "not in `[[volley]]`",
        )),
        follows => Ok(Some(follows)),
    }
}

pub(super) fn read_wait(fields: &Fields<'_>, list: List) -> Result<u64, Fault> {
    match fields.number("wait-ms", Step::WAIT_MS)? {
        wait if wait > 0 && list == List::Volley => {
            let fault = Fault::new(
                fields.key_span("wait-ms"),
                "the requests of a volley leave together: none of them waits",
                "not in `[[volley]]`",
            );
            Err(fault.hint("`offsets-us` under `[fire]` sets users of a volley apart; a step that runs alone can wait"))
        }
        wait => Ok(wait),
    }
}

/// Whether the keys of a step go together.
pub(super) fn check_step(fields: &Fields<'_>, step: &Step, list: List) -> Result<(), Fault> {
    let fault = |key: &str, message: &str, label: &str| {
        Err(Fault::new(fields.key_span(key), message, label))
    };
    if step.dead.is_some() {
        check_dead(fields, step)?;
    }
    if step.learns {
        if list != List::Volley {
            let label = "only in `[[volley]]`";
            return fault(
                "learns",
                "only what is raced can cross, so only a raced step learns",
                label,
            );
        }
        if step.anonymous || step.role == StepRole::LogIn {
            let message = "what is learnt is what only this user sees: it needs the user's session";
            return fault("learns", message, "sent without one");
        }
    }
    if matches!(step.body, Body::Multipart(_)) && step.headers.iter().any(|h| h.0 == "content-type")
    {
        let message = "a multipart body has its own content type, with the boundary in it";
        return fault("headers", message, "sets `content-type`");
    }
    match step.faults.breaks_off() {
        true => check_broken(fields, step),
        false => Ok(()),
    }
}

fn check_dead(fields: &Fields<'_>, step: &Step) -> Result<(), Fault> {
    let span = fields.key_span("dead");
    if step.sees.is_empty() {
        let fault = Fault::new(
            span,
            "`dead` without `sees`: only a canary of the user's own in the answer shows that a session is alive",
            "nothing would show it",
        );
        return Err(
            fault.hint("ask for a page that shows a planted value, and write `sees = [\"note\"]`")
        );
    }
    let contradiction = match step.role {
        _ if step.anonymous => "anonymous",
        StepRole::LogIn => "login",
        StepRole::LogOut => "logout",
        _ => return Ok(()),
    };
    let message =
        format!("`dead` asks with a session that must be dead; `{contradiction}` contradicts it");
    Err(Fault::new(span, message, "which session?"))
}

/// A request that is broken off has no dependable outcome, so nothing may rest on it.
fn check_broken(fields: &Fields<'_>, step: &Step) -> Result<(), Fault> {
    let fault = ["abort", "timeout-ms", "malformed"]
        .into_iter()
        .find(|key| fields.get(key).is_some())
        .unwrap_or("abort");
    let (key, message, hint) = match step.role {
        StepRole::LogIn => (
            "login",
            "whether a log-in that is broken off gives a session, nobody knows",
            "leave `login` out: the request is sent all the same, and an ordinary step logs in",
        ),
        StepRole::LogOut => (
            "logout",
            "whether a log-out that is broken off ends the session, nobody knows",
            "leave `logout` out: the request is sent all the same, and an ordinary step logs out",
        ),
        _ if !step.captures.is_empty() => (
            "capture",
            "a request that is broken off has no answer to take anything from",
            "let an ordinary step capture it",
        ),
        _ if !step.removes.is_empty() => (
            "removes",
            "whether a request that is broken off has removed anything, nobody knows",
            "let an ordinary step remove it",
        ),
        _ if step.learns => (
            "learns",
            "a request that is broken off has no answer to learn from",
            "let an ordinary step learn",
        ),
        _ if step.echoes => (
            "echoes",
            "a request that is broken off has no answer that could echo",
            "let the step after it echo: that is where a shifted answer shows",
        ),
        _ if step.dead.is_some() => (
            "dead",
            "a request that is broken off has no answer that shows a session",
            "let an ordinary step ask",
        ),
        _ => return Ok(()),
    };
    let span: Range<usize> = fields.key_span(key);
    Err(Fault::new(span, message, format!("beside `{fault}`")).hint(hint))
}
