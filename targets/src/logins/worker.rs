//! A worker: it begins sessions, finds them again, writes them back and ends them. All workers have one table.

use std::sync::Arc;

use http::HeaderMap;

use super::ids::Source;
use super::rules::{Insert, Rules};
use super::table::{Session, Table};
use crate::members::{self, Member, Members, SESSION_COOKIE};

/// Whose a session is before anybody has logged in.
pub(super) const VISITOR: Member = Member(0);
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

impl Worker {
    /// Begins a session; its id, or `None` when the service is ending.
    pub(super) async fn begin(&self, member: Member) -> Option<String> {
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
    pub(super) async fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let id = members::cookie(headers, SESSION_COOKIE)?;
        let found = self.table.find(id).await??;
        (!found.ended).then_some(found)
    }

    /// The same, if somebody has logged in.
    pub(super) async fn member_session(&self, headers: &HeaderMap) -> Option<Session> {
        let session = self.session(headers).await?;
        (session.member != VISITOR).then_some(session)
    }

    /// Writes a session back at the end of a request.
    pub(super) async fn save(&self, mut session: Session) -> Option<()> {
        session.visits += 1;
        match self.rules.writes_whole {
            true => self.table.replace(session).await?,
            // Whoever was faster has counted, and has not lost more than a visit.
            false => self.table.save(session).await?,
        };
        Some(())
    }

    /// Makes a visitor a member; the id of the member's session.
    pub(super) async fn log_in(&self, member: Member, before: Option<Session>) -> Option<String> {
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
        assert!(worker.member_session(&cookie(&member)).await.is_some());
        worker.member_session(&cookie(&visitor)).await.is_some()
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
