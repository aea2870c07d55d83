//! One session id issued to two users.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::{Rule, RuleInfo, Seen};
use crate::history::{Cookie, Exchange, Outcome, Phase, StepRole, lines};
use crate::identity::UserId;
use crate::judge::facts::{self, is_accepted};
use crate::judge::findings::{Crossing, Findings};
use crate::judge::world::World;
use crate::judge::{ExposureKind, Place, Reason, Side};

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "session-shared",
    title: "was given another user's session",
    help: "Two log-ins of different users were answered with one and the same session cookie. Look for an id that is made from \
           something two requests can share (time, a counter read before it is written, a seeded generator), and for log-in \
           answers that a cache may keep.",
    explain: include_str!("explain/session-shared.txt"),
    kind: ExposureKind::Session,
    make: || Box::new(SharedSession::default()),
};

/// Names of undeclared cookies that are followed; a service sets a handful.
const NAMES_KEPT: usize = 32;
/// Session ids that are remembered over all names. Those issued later are compared with these.
const IDS_KEPT: usize = 200_000;

/// Equal values alone prove nothing: a cookie may say the language, the back end or the experiment, and be equal for many by
/// design. So an exposure is only this: answers to log-ins of different users, accepted and below 400, set the cookie that
/// the scenario declares to be the session's ([`StepInfo::session`](crate::history::StepInfo::session)) to the same value,
/// which is long enough for a session id and not set to be deleted.
///
/// Services that are started anew for every execution of an exploration may well issue the same ids in each: only what was
/// issued in one execution is compared, and nothing of what was done alone before.
///
/// Of a log-in without that declaration, a cookie whose name says session, sid, auth, token, log-in or jwt, or is `id`, and
/// does not say csrf or xsrf, is worth a note when it was equal for several users. What crosses by it is still seen by its
/// consequences: whoever holds another's session receives canaries.
#[derive(Clone, Debug, Default)]
struct SharedSession {
    /// The first log-in that was given a value of a declared cookie, by name and value.
    issued: BTreeMap<(String, u64), Issue>,
    /// Cookies that the scenario declares, and whether some log-in set them.
    declared: BTreeMap<String, bool>,
    /// In order of occurrence.
    shared: Vec<Shared>,
    /// The first user who was given a value of another cookie that may be a session's, by name and value.
    plausible: BTreeMap<Vec<u8>, BTreeMap<u64, UserId>>,
    plausible_ids: usize,
    /// Names of the latter that were equal for several users.
    equal: BTreeSet<Vec<u8>>,
}

#[derive(Clone, Debug)]
struct Issue {
    user: UserId,
    side: Box<Side>,
}

#[derive(Clone, Debug)]
struct Shared {
    viewer: Issue,
    victim: Issue,
    phase: Phase,
    round: u32,
}

/// Crossings kept.
const SHARED_KEPT: usize = 10_000;

impl Rule for SharedSession {
    fn boxed(&self) -> Box<dyn Rule> {
        Box::new(self.clone())
    }

    fn execution(&mut self) {
        self.issued.clear();
        self.plausible.clear();
        self.plausible_ids = 0;
    }

    fn exchange(&mut self, seen: &Seen<'_>, world: &World, _: &mut Vec<Crossing>) {
        let exchange = seen.exchange;
        let step = world.step(exchange.step);
        let Some(log_in) = step.filter(|step| step.role == StepRole::LogIn) else {
            return;
        };
        let Outcome::Answer { head, .. } = &exchange.outcome else {
            return;
        };
        if !is_accepted(exchange) {
            return;
        }
        if let Some(name) = &log_in.session {
            self.declared.entry(name.clone()).or_insert(false);
        }
        let is_compared = !(world.is_explored() && exchange.phase == Phase::Solo);
        for cookie in lines(head).filter_map(|line| Cookie::of(&line)) {
            if is_deletion(cookie.attributes) {
                continue;
            }
            let Some(value) = cookie.fingerprint(world.salt) else {
                continue;
            };
            match &log_in.session {
                Some(name) if name.as_bytes() == cookie.name => {
                    self.declared.insert(name.clone(), true);
                    if is_compared {
                        self.issued(name, value, exchange);
                    }
                }
                None if is_compared && names_a_session(cookie.name) => {
                    self.plausible(cookie.name, value, exchange.user)
                }
                _ => {}
            }
        }
    }

    fn finish(
        &mut self,
        world: &World,
        findings: &mut Findings,
        notes: &mut Vec<String>,
    ) -> Vec<Reason> {
        for shared in std::mem::take(&mut self.shared) {
            let crossing = Crossing {
                rule: INFO.id,
                kind: INFO.kind,
                viewer: shared.viewer.user,
                victim: shared.victim.user,
                step: shared.viewer.side.step,
                slot: None,
                place: Place::Header("set-cookie".into()),
                form: None,
                phase: shared.phase,
                round: shared.round,
                canary: None,
                value: None,
            };
            findings.add(crossing, world, || {
                (*shared.viewer.side, Some(*shared.victim.side))
            });
        }
        for (name, _) in self.declared.iter().filter(|(_, is_set)| !**is_set) {
            notes.push(format!(
                "no log-in set the cookie {name}, which the scenario names as the session's: whether a session was given to two \
                 users was not checked"
            ));
        }
        for name in &self.equal {
            notes.push(format!(
                "cookie {} was set to equal values for several users at log-in; should it be the session's, name it in the \
                 scenario (session = \"…\"), and it counts as an exposure",
                String::from_utf8_lossy(name)
            ));
        }
        Vec::new()
    }
}

impl SharedSession {
    fn issued(&mut self, name: &str, value: u64, exchange: &Exchange) {
        let issue = || Issue {
            user: exchange.user,
            side: Box::new(facts::side(exchange)),
        };
        let is_full = self.issued.len() == IDS_KEPT;
        match self.issued.entry((name.to_owned(), value)) {
            Entry::Vacant(entry) if !is_full => {
                entry.insert(issue());
            }
            Entry::Occupied(first)
                if first.get().user != exchange.user && self.shared.len() < SHARED_KEPT =>
            {
                self.shared.push(Shared {
                    viewer: issue(),
                    victim: first.get().clone(),
                    phase: exchange.phase,
                    round: exchange.round,
                });
            }
            _ => {}
        }
    }

    fn plausible(&mut self, name: &[u8], value: u64, user: UserId) {
        if !self.plausible.contains_key(name) {
            if self.plausible.len() == NAMES_KEPT {
                return;
            }
            self.plausible.insert(name.to_vec(), BTreeMap::new());
        }
        let Some(first_by_value) = self.plausible.get_mut(name) else {
            return;
        };
        match first_by_value.get(&value) {
            None if self.plausible_ids < IDS_KEPT => {
                self.plausible_ids += 1;
                first_by_value.insert(value, user);
            }
            Some(first) if *first != user => {
                self.equal.insert(name.to_vec());
            }
            _ => {}
        }
    }
}

fn names_a_session(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let says = |word: &str| memchr::memmem::find(&name, word.as_bytes()).is_some();
    let bare = [&b"__host-"[..], b"__secure-"]
        .iter()
        .find_map(|prefix| name.strip_prefix(*prefix))
        .unwrap_or(&name);
    let is_session = ["sess", "sid", "auth", "token", "login", "jwt"]
        .into_iter()
        .any(says)
        || bare == b"id";
    is_session && !says("csrf") && !says("xsrf")
}

/// True for `Max-Age` of zero or less, and for an `Expires` in the year that every framework uses for the purpose, 1970.
fn is_deletion(attributes: &[u8]) -> bool {
    attributes.split(|byte| *byte == b';').any(|attribute| {
        let text = String::from_utf8_lossy(attribute)
            .trim()
            .to_ascii_lowercase();
        match text.split_once('=') {
            Some(("max-age", age)) => age.trim().parse::<i64>().is_ok_and(|age| age <= 0),
            Some(("expires", date)) => date.contains("1970"),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Record;
    use crate::judge::Verdict;
    use crate::judge::rules::testing::*;

    /// Log-ins with the given `Set-Cookie` lines, on top of a good run in which everybody has an id of their own.
    fn story(session: Option<&str>, cookies: &[(u32, &str)]) -> Story {
        let mut story = Story::of(4);
        if let Some(Record::Start(start)) = story.records.first_mut() {
            start.steps[usize::from(LOG_IN)].session = session.map(str::to_owned);
        }
        for (user, cookie) in cookies {
            let headers = format!("Set-Cookie: {cookie}\r\n");
            story.alone(*user, LOG_IN, Phase::Setup, answer(200, &headers, b""));
        }
        story.volley(
            (0..4)
                .map(|user| (user, READ, page(&text(user, 0, 0))))
                .collect(),
        );
        story
    }

    const SAME: &str = "aaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn one_id_for_two_users() {
        let judgement = story(
            Some("sid"),
            &[
                (1, &format!("sid={SAME}; Path=/")),
                (2, &format!("sid={SAME}")),
            ],
        )
        .judge();
        assert_eq!(judgement.verdict, Verdict::Exposed);
        let [exposure] = &judgement.exposures[..] else {
            panic!("{:?}", judgement.exposures)
        };
        assert_eq!(
            (exposure.rule, exposure.kind),
            ("session-shared", ExposureKind::Session)
        );
        assert_eq!((exposure.viewer, exposure.victim), (UserId(2), UserId(1)));
        assert_eq!(exposure.place, Place::Header("set-cookie".into()));
        assert_eq!(
            (
                exposure.viewer_side.exchange,
                exposure.victim_side.as_ref().map(|side| side.exchange)
            ),
            (9, Some(8))
        );
    }

    #[test]
    fn the_declared_cookie_needs_no_telling_name() {
        // Everybody has the same: a service that gives one session to all.
        let same = format!("k={SAME}");
        let all: Vec<(u32, &str)> = (0..4).map(|user| (user, same.as_str())).collect();
        let judgement = story(Some("k"), &all).judge();
        assert_eq!(
            (judgement.verdict, judgement.exposures.len()),
            (Verdict::Exposed, 3)
        );
    }

    #[test]
    fn what_is_no_exposure() {
        for cookie in [
            "sid=short",
            "sid=aaaaaaaaaaaaaaaaaaaa; Max-Age=0",
            "sid=aaaaaaaaaaaaaaaaaaaa; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "sid=",
            "SID=aaaaaaaaaaaaaaaaaaaa",
            "session=aaaaaaaaaaaaaaaaaaaa",
            "route=0123456789abcdef0123456789abcdef",
        ] {
            let of_all = [(0, cookie), (1, cookie), (2, cookie)];
            let judgement = story(Some("sid"), &of_all).judge();
            assert_eq!(
                (judgement.verdict, judgement.exposures.len()),
                (Verdict::Isolated, 0),
                "{cookie}"
            );
            assert_eq!(judgement.notes, [""; 0], "{cookie}");
        }
        let own = format!("sid={SAME}");
        let twice_by_one = story(Some("sid"), &[(1, &own), (1, &own)]).judge();
        assert_eq!(twice_by_one.verdict, Verdict::Isolated);
    }

    #[test]
    fn an_undeclared_cookie_is_worth_a_note_at_most() {
        let notes = |cookie: &str| {
            let other = "sid=bbbbbbbbbbbbbbbbbbbb";
            let judgement =
                story(None, &[(0, cookie), (1, cookie), (2, cookie), (3, other)]).judge();
            assert_eq!(
                (judgement.verdict, judgement.exposures.len()),
                (Verdict::Isolated, 0),
                "{cookie}"
            );
            judgement.notes
        };
        let [note] = &notes(&format!("sid={SAME}"))[..] else {
            panic!("no note")
        };
        assert!(
            note.starts_with("cookie sid was set to equal values"),
            "{note}"
        );
        for cookie in [
            "lang=aaaaaaaaaaaaaaaaaaaa",
            "csrf_token=0123456789abcdef0123456789abcdef",
            "sid=aaaaaaaaaaaaaaaaaaaa; Max-Age=0",
            "sid=short",
        ] {
            assert_eq!(notes(cookie), [""; 0], "{cookie}");
        }
    }

    #[test]
    fn only_log_ins_that_worked_count() {
        let set = format!("Set-Cookie: sid={SAME}\r\n");
        let judged = |step, status, refused| {
            let mut story = story(Some("sid"), &[]);
            for user in [0, 1] {
                story.alone(user, step, Phase::Solo, answer(status, &set, b""));
                if let Some(Record::Exchange(exchange)) = story.records.last_mut() {
                    exchange.refused = refused;
                }
            }
            story.judge().exposures.len()
        };
        assert_eq!(judged(LOG_IN, 302, false), 1);
        assert_eq!(judged(LOG_IN, 403, false), 0);
        assert_eq!(judged(LOG_IN, 200, true), 0);
        assert_eq!(judged(READ, 200, false), 0);
    }

    #[test]
    fn names_of_session_cookies() {
        for name in [
            "sid",
            "SESSIONID",
            "PHPSESSID",
            "connect.sid",
            "__Host-id",
            "auth_token",
            "ASP.NET_SessionId",
        ] {
            assert!(names_a_session(name.as_bytes()), "{name}");
        }
        for name in [
            "lang",
            "csrf_token",
            "XSRF-TOKEN",
            "route",
            "AWSALB",
            "idea",
            "__Host-",
        ] {
            assert!(!names_a_session(name.as_bytes()), "{name}");
        }
    }
}
