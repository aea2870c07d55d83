//! Finds the log-in among the requests, and how the others show who sends them.

use base64::Engine as _;

use super::plan::says;
use super::secrets::{is_password_name, is_secret_name};
use super::seen::{Answer, Body, Credential, Exchange, Place, Source};
use super::text::{Piece, Text};

const LOGIN_WORDS: [&str; 8] = [
    "login", "signin", "logon", "session", "auth", "token", "connect", "account",
];
const OTHER_WORDS: [&str; 6] = ["register", "signup", "reset", "forgot", "change", "refresh"];
const USER_NAMES: [&str; 16] = [
    "username",
    "user",
    "email",
    "e-mail",
    "mail",
    "login",
    "user_name",
    "name",
    "account",
    "identifier",
    "userid",
    "user_id",
    "loginid",
    "j_username",
    "phone",
    "uname",
];

/// The log-in.
#[derive(Clone, Debug)]
pub(super) struct LogIn {
    at: usize,
    user: Option<String>,
    password: Option<String>,
}

/// The request that looks most like a log-in.
pub(super) fn find(exchanges: &[Exchange]) -> Option<LogIn> {
    let mut best: Option<(i32, LogIn)> = None;
    for (at, exchange) in exchanges.iter().enumerate() {
        let Some((score, log_in)) = judge(at, exchange) else {
            continue;
        };
        if best.as_ref().is_none_or(|other| score > other.0) {
            best = Some((score, log_in));
        }
    }
    best.map(|best| best.1)
}

/// How much a request looks like a log-in; none when it cannot be one.
fn judge(at: usize, exchange: &Exchange) -> Option<(i32, LogIn)> {
    if exchange.request.method == "GET" || exchange.off.is_some() {
        return None;
    }
    let leaves = exchange.request.leaves();
    let fields: Vec<&(Place, String, String)> = leaves
        .iter()
        .filter(|leaf| leaf.0.is_body() || leaf.0 == Place::Query)
        .collect();
    let password = fields
        .iter()
        .position(|leaf| is_password_name(&leaf.1) && !leaf.2.is_empty());
    let gives = exchange.answer.as_ref().is_some_and(gives_session)
        || exchange
            .answer_fields
            .iter()
            .any(|field| is_token_name(field));
    let is_called_so = says(exchange, &LOGIN_WORDS[..4]);
    if password.is_none() && !(gives && is_called_so) {
        return None;
    }
    let user = user_of(&fields, password);
    // A template of the input stands where the password is.
    let mut score = if password.is_some() { 4 } else { 0 };
    score += if gives { 3 } else { 0 };
    score += if says(exchange, &LOGIN_WORDS) { 3 } else { 0 };
    score -= if says(exchange, &OTHER_WORDS) { 6 } else { 0 };
    let is_refused = exchange
        .answer
        .as_ref()
        .is_some_and(|answer| answer.status >= 400);
    score -= if is_refused { 5 } else { 0 };
    let value = |at: usize| fields[at].2.clone();
    let log_in = LogIn {
        at,
        user: user.map(value),
        password: password.map(value),
    };
    (score > 0).then_some((score, log_in))
}

/// The place of the field that holds the user's name.
fn user_of(fields: &[&(Place, String, String)], password: Option<usize>) -> Option<usize> {
    let is_text = |at: &usize| !fields[*at].2.is_empty() && !is_secret_name(&fields[*at].1);
    let by_name = |at: &usize| {
        let lower = fields[*at].1.to_ascii_lowercase();
        let last = lower
            .rsplit(['[', ']', '.'])
            .find(|part| !part.is_empty())
            .unwrap_or_default()
            .to_owned();
        USER_NAMES.contains(&last.as_str())
    };
    let all = 0..fields.len();
    all.clone()
        .filter(is_text)
        .find(by_name)
        .or_else(|| password.and_then(|end| (0..end).rev().find(is_text)))
}

/// Whether an answer sets what looks like a session, or holds a token.
fn gives_session(answer: &Answer) -> bool {
    let in_json = || match Body::from_text(&answer.kind, &answer.body) {
        Body::Json(mut json) => {
            let mut found = false;
            json.visit(&mut |name, _, _| found |= is_token_name(name));
            found
        }
        _ => false,
    };
    answer.cookies().any(|cookie| is_session_name(cookie.0)) || in_json()
}

fn is_session_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_guard = lower.contains("csrf") || lower.contains("xsrf");
    !is_guard
        && ["sess", "sid", "auth", "token", "jwt", "login"]
            .iter()
            .any(|part| lower.contains(part))
}

fn is_token_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.contains("token") && !lower.contains("csrf") && !lower.contains("xsrf") || lower == "jwt"
}

impl LogIn {
    /// Its place among the exchanges.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether the user's name is a mail address.
    pub(super) fn by_address(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.contains('@'))
    }

    /// The cookie by which the answer gives the session, when there is just one that can be it.
    pub(super) fn session(&self, exchanges: &[Exchange]) -> Option<String> {
        let answer = exchanges.get(self.at)?.answer.as_ref()?;
        let mut names: Vec<&str> = answer
            .cookies()
            .map(|cookie| cookie.0)
            .filter(|name| is_session_name(name) && super::links::is_token(name))
            .collect();
        names.dedup();
        let is_plain = |name: &&str| {
            let lower = name.to_ascii_lowercase();
            lower.contains("sess") || lower.ends_with("sid")
        };
        let plain: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| is_plain(name))
            .collect();
        match (&plain[..], &names[..]) {
            ([only], _) | ([], [only]) => Some((*only).to_owned()),
            _ => None,
        }
    }

    /// Puts the user's name and password in the place of those that were seen, in every request; with samples in the
    /// log-in alone, where the same value means the same.
    pub(super) fn fill_in(&self, exchanges: &mut [Exchange], samples: bool) {
        for (at, exchange) in exchanges
            .iter_mut()
            .enumerate()
            .filter(|one| !samples || one.0 == self.at)
        {
            exchange.request.visit(&mut |place, name, text| {
                let Some(plain) = text.as_plain() else {
                    return;
                };
                let is_same = |value: &Option<String>| value.as_deref() == Some(plain);
                let is_password =
                    is_password_name(name) && (place.is_body() || place == Place::Query);
                if is_password && is_same(&self.password) {
                    *text = Text::code("user.password");
                } else if is_same(&self.user) && is_user_field(place, name, plain, at == self.at) {
                    *text = Text::code("user.name");
                }
            });
        }
    }
}

/// Whether the user's name in this field means the user: elsewhere than in the log-in a short one may mean anything.
fn is_user_field(place: Place, name: &str, value: &str, is_login: bool) -> bool {
    if matches!(place, Place::Cookie | Place::Credential) || is_password_name(name) {
        return false;
    }
    is_login && place.is_body() || value.len() >= 3 && place != Place::Header
}

/// Takes out of the requests how they show who sends them, and says so once for all.
pub(super) fn credentials(
    exchanges: &mut [Exchange],
    given: Vec<Credential>,
    has_login: bool,
) -> Vec<Credential> {
    let mut found = given;
    for exchange in exchanges.iter_mut() {
        take_authorization(exchange, &mut found);
        take_keys(exchange, &mut found);
    }
    let has_cookies = exchanges
        .iter()
        .any(|exchange| !exchange.request.cookies.is_empty());
    for exchange in exchanges.iter_mut() {
        let cookies = std::mem::take(&mut exchange.request.cookies);
        // What the input itself puts together of earlier answers stays; all others are kept per user as a browser does.
        let mut pieces: Vec<Piece> = Vec::new();
        for (name, value) in cookies
            .iter()
            .filter(|cookie| cookie.1.as_plain().is_none())
        {
            let between = if pieces.is_empty() { "" } else { "; " };
            pieces.push(Piece::Plain(format!("{between}{name}=")));
            pieces.extend(value.pieces().iter().cloned());
        }
        if !pieces.is_empty() && exchange.request.header("cookie").is_none() {
            exchange
                .request
                .headers
                .push(("cookie".to_owned(), Text::of(pieces)));
        }
    }
    let is_settled = has_login
        || found
            .iter()
            .any(|one| matches!(one, Credential::Header(name, _) if name == "cookie"));
    if has_cookies && !is_settled {
        found.push(Credential::Header(
            "cookie".to_owned(),
            Text::code("user.cookie"),
        ));
    }
    found
}

/// Has a request that renews a token capture it under the name that the log-in gave it.
pub(super) fn renew(exchanges: &mut [Exchange], login: Option<usize>) {
    let Some(at) = login else {
        return;
    };
    let given = exchanges[at].captures.clone();
    for exchange in exchanges.iter_mut().skip(at + 1) {
        let sends = |exchange: &Exchange| {
            let mut codes = Vec::new();
            exchange
                .request
                .clone()
                .visit(&mut |_, _, text| codes.extend(text.codes().map(str::to_owned)));
            given
                .iter()
                .any(|capture| capture.0.contains("refresh") && codes.contains(&capture.0))
        };
        let Some(answer) = exchange.answer.as_ref().filter(|_| sends(exchange)) else {
            continue;
        };
        let mut pointers = Vec::new();
        if let Body::Json(mut json) = Body::from_text(&answer.kind, &answer.body) {
            json.visit(&mut |_, pointer, _| pointers.push(pointer.to_owned()));
        }
        let is_there =
            |source: &Source| matches!(source, Source::Json(pointer) if pointers.contains(pointer));
        let renewed: Vec<(String, Source)> = given
            .iter()
            .filter(|capture| is_there(&capture.1))
            .cloned()
            .collect();
        if !renewed.is_empty() {
            exchange.captures = renewed;
            exchange.renews = true;
            return;
        }
    }
}

fn take_authorization(exchange: &mut Exchange, found: &mut Vec<Credential>) {
    let request = &mut exchange.request;
    let header = request
        .headers
        .iter()
        .position(|header| header.0 == "authorization");
    let header = header.map(|at| request.headers.remove(at).1);
    let basic = request.basic.take();
    let is_there = found.iter().any(|one| match one {
        Credential::Bearer(_) | Credential::Basic { .. } => true,
        Credential::Header(name, _) => name == "authorization",
    });
    let made = match (header, basic) {
        (_, Some((user, password))) => Some(basic_of(user, password)),
        (Some(header), None) => Some(authorization(&header)),
        (None, None) => None,
    };
    // Users have one way to show who they are; the first that was seen is it.
    found.extend(made.filter(|_| !is_there));
}

/// Basic authentication by the user's name and password; what the input leaves open stays as it is.
fn basic_of(user: Text, password: Text) -> Credential {
    let keep = |text: Text, code: &str| {
        if text.as_plain().is_some() {
            Text::code(code)
        } else {
            text
        }
    };
    Credential::Basic {
        user: keep(user, "user.name"),
        password: keep(password, "user.password"),
    }
}

fn authorization(header: &Text) -> Credential {
    match header.pieces() {
        [Piece::Plain(scheme), Piece::Code(code)]
            if scheme.trim().eq_ignore_ascii_case("bearer") =>
        {
            Credential::Bearer(Text::code(code.as_str()))
        }
        [Piece::Plain(plain)] => {
            let (scheme, value) = plain.split_once(' ').unwrap_or(("", plain));
            if scheme.eq_ignore_ascii_case("bearer") {
                Credential::Bearer(Text::code("user.token"))
            } else if scheme.eq_ignore_ascii_case("basic")
                && base64::engine::general_purpose::STANDARD
                    .decode(value.trim())
                    .is_ok()
            {
                basic_of(Text::default(), Text::default())
            } else {
                let is_scheme = !scheme.is_empty()
                    && scheme.len() <= 20
                    && scheme
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                let mut pieces = vec![Piece::Code("user.token".to_owned())];
                if is_scheme {
                    pieces.insert(0, Piece::Plain(format!("{scheme} ")));
                }
                Credential::Header("authorization".to_owned(), Text::of(pieces))
            }
        }
        _ => Credential::Header("authorization".to_owned(), header.clone()),
    }
}

/// Headers such as `x-api-key`. Guards against forged requests belong to the requests that need them.
fn take_keys(exchange: &mut Exchange, found: &mut Vec<Credential>) {
    let is_key = |name: &str| {
        is_secret_name(name) && !name.contains("csrf") && !name.contains("xsrf") && name != "cookie"
    };
    let headers = std::mem::take(&mut exchange.request.headers);
    let (keys, others) = headers.into_iter().partition(|header| is_key(&header.0));
    exchange.request.headers = others;
    for (name, value) in keys {
        let is_there = found
            .iter()
            .any(|one| matches!(one, Credential::Header(other, _) if *other == name));
        if !is_there {
            let value = match value.as_plain() {
                Some(_) => Text::code(format!("user.{}", super::secrets::attribute_of(&name))),
                None => value,
            };
            found.push(Credential::Header(name, value));
        }
    }
}
