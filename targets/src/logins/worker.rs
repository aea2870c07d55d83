//! A worker: it begins sessions, serves requests in them, and ends them. All workers have one table.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::ids::Source;
use super::rules::{Insert, Rules};
use super::table::{Session, Table};
use crate::members::{self, Member, Members, SESSION_COOKIE};

/// Whose a session is before anybody has logged in.
const VISITOR: Member = Member(0);
/// Ids that are drawn before it is given up to find one that is free.
const DRAWS: usize = 1_000;

/// One worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) rules: Rules,
    pub(super) source: Source,
    pub(super) members: Arc<Members>,
    pub(super) table: Arc<Table>,
}

/// The workers, over which a balancer spreads visitors.
pub(super) type Workers = Arc<[Worker; 2]>;

impl Worker {
    /// Begins a session; its id, or `None` when the service is ending.
    async fn begin(&self, member: Member) -> Option<String> {
        for _ in 0..DRAWS {
            let id = self.source.draw()?;
            let new = Session {
                id: id.clone(),
                member,
                visits: 0,
                ended: false,
                version: 0,
            };
            let is_in = match self.rules.insert {
                Insert::Replace => self.table.replace(new).await?,
                Insert::IfAbsent => self.table.insert(new).await?,
                Insert::Check => {
                    let is_free = self.table.find(&id).await?.is_none();
                    is_free && self.table.replace(new).await?
                }
            };
            if is_in {
                return Some(id);
            }
        }
        None
    }

    /// The session that a request is made in, if it lives.
    async fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let id = members::cookie(headers, SESSION_COOKIE)?;
        let found = self.table.find(id).await??;
        (!found.ended).then_some(found)
    }

    /// Writes a session back at the end of a request.
    async fn save(&self, mut session: Session) -> Option<()> {
        session.visits += 1;
        match self.rules.writes_whole {
            true => self.table.replace(session).await?,
            // Whoever was faster has counted, and has not lost more than a visit.
            false => self.table.save(session).await?,
        };
        Some(())
    }

    /// Makes a visitor a member; the id of the member's session.
    async fn log_in(&self, member: Member, before: Option<Session>) -> Option<String> {
        match before {
            Some(mut before) if self.rules.keeps_id => {
                let id = before.id.clone();
                before.member = member;
                self.save(before).await?;
                Some(id)
            }
            before => {
                let id = self.begin(member).await?;
                if let Some(before) = before.filter(|before| before.id != id) {
                    self.table.end(&before.id, self.rules.leaves_mark).await?;
                }
                Some(id)
            }
        }
    }
}

/// What is served.
pub(super) fn routes(workers: Workers) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/note", put(write))
        .route("/page", get(page))
        .with_state(workers)
}

/// The worker that a balancer has chosen.
fn chosen<'w>(workers: &'w Workers, headers: &HeaderMap) -> &'w Worker {
    match headers.get("x-worker").map(|value| value.as_bytes()) {
        Some(b"2") => &workers[1],
        _ => &workers[0],
    }
}

/// The front page. Whoever has no session is given one: even visitors have a basket.
async fn front(State(workers): State<Workers>, headers: HeaderMap) -> Response {
    let worker = chosen(&workers, &headers);
    if worker.session(&headers).await.is_some() {
        return (members::private(), "welcome back\n").into_response();
    }
    match worker.begin(VISITOR).await {
        Some(id) => with_session(&id),
        None => members::stopped(),
    }
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

async fn log_in(
    State(workers): State<Workers>,
    headers: HeaderMap,
    Json(given): Json<Credentials>,
) -> Response {
    let worker = chosen(&workers, &headers);
    let Some(member) = worker.members.check(&given.user, &given.password) else {
        return (StatusCode::UNAUTHORIZED, members::private()).into_response();
    };
    let before = worker.session(&headers).await;
    match worker.log_in(member, before).await {
        Some(id) => with_session(&id),
        None => members::stopped(),
    }
}

async fn log_out(State(workers): State<Workers>, headers: HeaderMap) -> Response {
    let worker = chosen(&workers, &headers);
    let Some(session) = worker.session(&headers).await else {
        return refused();
    };
    match worker
        .table
        .end(&session.id, worker.rules.leaves_mark)
        .await
    {
        Some(()) => (members::private(), StatusCode::NO_CONTENT).into_response(),
        None => members::stopped(),
    }
}

async fn write(State(workers): State<Workers>, headers: HeaderMap, text: String) -> Response {
    let worker = chosen(&workers, &headers);
    let Some(session) = member_session(worker, &headers).await else {
        return refused();
    };
    let written = worker.members.ledger.write(session.member, text).await;
    match (written, worker.save(session).await) {
        (Some(()), Some(())) => (members::private(), StatusCode::NO_CONTENT).into_response(),
        _ => members::stopped(),
    }
}

/// One's own page.
async fn page(State(workers): State<Workers>, headers: HeaderMap) -> Response {
    let worker = chosen(&workers, &headers);
    let Some(session) = member_session(worker, &headers).await else {
        return refused();
    };
    let note = worker.members.ledger.note(session.member).await;
    match (note, worker.save(session).await) {
        (Some(note), Some(())) => (members::private(), note).into_response(),
        _ => members::stopped(),
    }
}

async fn member_session(worker: &Worker, headers: &HeaderMap) -> Option<Session> {
    let session = worker.session(headers).await?;
    (session.member != VISITOR).then_some(session)
}

fn with_session(id: &str) -> Response {
    let cookie = [(SET_COOKIE, members::session_cookie(id))];
    (members::private(), cookie, "welcome\n").into_response()
}

/// For visitors there is nothing there.
fn refused() -> Response {
    (StatusCode::NOT_FOUND, members::private(), "log in first\n").into_response()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Workers with one table, which answers from a thread of its own.
    fn workers(variant: &str) -> [Worker; 2] {
        let rules = Rules::of(variant).unwrap();
        let (members, table) = (Members::explored(2), Arc::new(Table::served().unwrap()));
        let began = Instant::now();
        [0, 1].map(|number| Worker {
            rules,
            source: Source::of(rules.ids, number, began, false),
            members: Arc::clone(&members),
            table: Arc::clone(&table),
        })
    }

    fn cookie(id: &str) -> HeaderMap {
        let line = format!("{SESSION_COOKIE}={id}");
        HeaderMap::from_iter([(http::header::COOKIE, line.parse().unwrap())])
    }

    /// Whether two users who log in share an id: at one worker, at two workers, and at two workers together.
    async fn shared(variant: &str) -> [bool; 3] {
        let mut shared = [false; 3];
        for (at, shared) in shared.iter_mut().enumerate() {
            let workers = workers(variant);
            let [first, second] = [&workers[0], &workers[usize::from(at > 0)]];
            let (one, two) = (
                first.log_in(Member(1), None),
                second.log_in(Member(2), None),
            );
            let [one, two] = match at {
                // Both have asked the table before either is told anything.
                2 => <[_; 2]>::from(tokio::join!(one, two)),
                _ => [one.await, two.await],
            };
            *shared = one.unwrap() == two.unwrap();
        }
        shared
    }

    /// Whether the id of a visitor is the member's after the log-in.
    async fn is_kept(variant: &str) -> bool {
        let [worker, _] = workers(variant);
        let visitor = worker.begin(VISITOR).await.unwrap();
        let before = worker.session(&cookie(&visitor)).await;
        let member = worker.log_in(Member(1), before).await.unwrap();
        assert!(member_session(&worker, &cookie(&member)).await.is_some());
        member_session(&worker, &cookie(&visitor)).await.is_some()
    }

    /// Whether a session lives after its log-out: when the page was made before, and when it was being made meanwhile.
    async fn lives_on(variant: &str) -> [bool; 2] {
        let mut lives_on = [false; 2];
        for (is_late, lives_on) in [false, true].into_iter().zip(&mut lives_on) {
            let [worker, _] = workers(variant);
            let id = worker.log_in(Member(1), None).await.unwrap();
            let page = worker.session(&cookie(&id)).await.unwrap();
            if !is_late {
                worker.save(page.clone()).await.unwrap();
            }
            worker
                .table
                .end(&id, worker.rules.leaves_mark)
                .await
                .unwrap();
            if is_late {
                worker.save(page).await.unwrap();
            }
            *lives_on = worker.session(&cookie(&id)).await.is_some();
        }
        lives_on
    }

    #[tokio::test(start_paused = true)]
    async fn each_variant_shows_what_is_said_of_it_and_nothing_else() {
        let (no, late) = ([false; 2], [false, true]);
        for (variant, ids, kept, alive) in [
            // A visitor who logs in within the second is given the same id once more.
            ("second-and-worker", [true, false, false], true, no),
            ("seeded-alike", [false, true, true], false, no),
            ("written-back", [false; 3], false, late),
            ("id-kept", [false; 3], true, no),
            ("longer-id", [false, true, true], false, no),
            ("check-then-insert", [false, false, true], false, no),
            ("no-mark", [false; 3], false, late),
            ("random-id", [false; 3], false, no),
        ] {
            assert_eq!(shared(variant).await, ids, "{variant}");
            assert_eq!(is_kept(variant).await, kept, "{variant}");
            assert_eq!(lives_on(variant).await, alive, "{variant}");
        }
    }
}
