//! One session id issued to two users.

use std::collections::{BTreeMap, BTreeSet};

use super::{Rule, RuleInfo, Seen};
use crate::history::{Cookie, Exchange, Outcome, Phase, StepRole, lines};
use crate::identity::UserId;
use crate::judge::findings::{Crossing, Findings};
use crate::judge::world::World;
use crate::judge::{ExposureKind, Place, Side, facts};

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "session-shared",
    title: "was given another user's session",
    help: "Two log-ins of different users were answered with one and the same session id. Look for an id that is made from \
           something two requests can share (time, a counter read before it is written, a seeded generator), and for log-in \
           answers that a cache may keep.",
    kind: ExposureKind::Session,
    make: || Box::new(SharedSession::default()),
};

/// Names of cookies that are followed; a service sets a handful.
const NAMES_KEPT: usize = 32;
/// Session ids that are remembered over all names. Those issued later are compared with these.
const IDS_KEPT: usize = 200_000;

/// Equal values alone prove nothing: a cookie may say the language, the back end or the experiment, and be equal for many by
/// design. A value counts as a session id when all of this holds:
///
/// - it was set by an answer (status below 400) to a step of role log-in, and not to be deleted;
/// - it has 16 characters at least;
/// - the cookie's name says session, sid, auth, token, log-in or jwt, or is `id`, and does not say csrf or xsrf;
/// - of the values that log-ins were given for that name, some went to one user only, and no fewer than went to several:
///   what everyone gets is a constant, and what most users share with somebody is a class of users.
///
/// What it misses by being strict is still seen by its consequences: whoever holds another's session receives canaries.
#[derive(Debug, Default)]
struct SharedSession {
    names: BTreeMap<Vec<u8>, Name>,
    ids: usize,
}

/// The values of one cookie.
#[derive(Debug, Default)]
struct Name {
    first_by_value: BTreeMap<u64, Issue>,
    /// Crossings, in order of occurrence.
    shared: Vec<Shared>,
    /// Distinct values that were issued to more than one user.
    shared_values: BTreeSet<u64>,
}

/// The first log-in that was given a value.
#[derive(Clone, Debug)]
struct Issue {
    user: UserId,
    side: Box<Side>,
}

#[derive(Debug)]
struct Shared {
    viewer: UserId,
    victim: UserId,
    side: Side,
    victim_side: Side,
    phase: Phase,
    round: u32,
}

/// Crossings kept per name.
const SHARED_KEPT: usize = 10_000;

impl Rule for SharedSession {
    fn exchange(&mut self, seen: &Seen<'_>, world: &World, _: &mut Vec<Crossing>) {
        let exchange = seen.exchange;
        if world
            .step(exchange.step)
            .is_none_or(|step| step.role != StepRole::LogIn)
        {
            return;
        }
        let Outcome::Answer {
            status: ..400,
            head,
            ..
        } = &exchange.outcome
        else {
            return;
        };
        for cookie in lines(head).filter_map(|line| Cookie::of(&line)) {
            if !names_a_session(cookie.name) || is_deletion(cookie.attributes) {
                continue;
            }
            if let Some(value) = cookie.fingerprint(world.salt) {
                self.issued(cookie.name, value, exchange);
            }
        }
    }

    fn finish(&mut self, world: &World, findings: &mut Findings, notes: &mut Vec<String>) {
        for (name, values) in std::mem::take(&mut self.names) {
            if values.shared.is_empty() {
                continue;
            }
            if !values.is_of_sessions() {
                let name = String::from_utf8_lossy(&name).into_owned();
                notes.push(format!("cookie {name} had equal values for several users, as a constant or a class has; no exposure"));
                continue;
            }
            for shared in values.shared {
                let crossing = Crossing {
                    rule: INFO.id,
                    kind: INFO.kind,
                    viewer: shared.viewer,
                    victim: shared.victim,
                    step: shared.side.step,
                    slot: None,
                    place: Place::Header("set-cookie".into()),
                    form: None,
                    phase: shared.phase,
                    round: shared.round,
                    canary: None,
                };
                findings.add(crossing, world, || (shared.side, Some(shared.victim_side)));
            }
        }
    }
}

impl SharedSession {
    fn issued(&mut self, name: &[u8], value: u64, exchange: &Exchange) {
        if !self.names.contains_key(name) {
            if self.names.len() == NAMES_KEPT {
                return;
            }
            self.names.insert(name.to_vec(), Name::default());
        }
        let Some(values) = self.names.get_mut(name) else {
            return;
        };
        match values.first_by_value.get(&value) {
            None if self.ids < IDS_KEPT => {
                self.ids += 1;
                let issue = Issue {
                    user: exchange.user,
                    side: Box::new(facts::side(exchange)),
                };
                values.first_by_value.insert(value, issue);
            }
            Some(first) if first.user != exchange.user && values.shared.len() < SHARED_KEPT => {
                values.shared.push(Shared {
                    viewer: exchange.user,
                    victim: first.user,
                    side: facts::side(exchange),
                    victim_side: (*first.side).clone(),
                    phase: exchange.phase,
                    round: exchange.round,
                });
                values.shared_values.insert(value);
            }
            _ => {}
        }
    }
}

impl Name {
    /// True when values differ between log-ins as sessions do: most of them went to one user only.
    fn is_of_sessions(&self) -> bool {
        let own = self.first_by_value.len() - self.shared_values.len();
        own >= 1 && own >= self.shared_values.len()
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
    use crate::judge::Verdict;
    use crate::judge::rules::testing::*;

    /// Log-ins with the given `Set-Cookie` lines, on top of a good run in which everybody has an id of their own.
    fn story(cookies: &[(u32, &str)]) -> Story {
        let mut story = Story::of(4);
        for (user, cookie) in cookies {
            story.alone(
                *user,
                LOG_IN,
                Phase::Setup,
                answer(200, &format!("Set-Cookie: {cookie}\r\n"), b""),
            );
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
        let judgement = story(&[
            (1, &format!("sid={SAME}; Path=/")),
            (2, &format!("sid={SAME}")),
        ])
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
    fn what_is_no_exposure() {
        let same = |cookie: &str| {
            story(&[
                (0, cookie),
                (1, cookie),
                (2, cookie),
                (3, "sid=bbbbbbbbbbbbbbbbbbbb"),
            ])
            .judge()
        };
        for cookie in [
            "lang=en",
            "sid=short",
            "region=eu-central-frankfurt",
            "route=0123456789abcdef0123456789abcdef",
            "csrf_token=0123456789abcdef0123456789abcdef",
            "sid=aaaaaaaaaaaaaaaaaaaa; Max-Age=0",
            "sid=aaaaaaaaaaaaaaaaaaaa; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "sid=",
        ] {
            let judgement = same(cookie);
            assert_eq!(
                (judgement.verdict, judgement.exposures.len()),
                (Verdict::Isolated, 0),
                "{cookie}"
            );
        }
        let twice_by_one =
            story(&[(1, &format!("sid={SAME}")), (1, &format!("sid={SAME}"))]).judge();
        assert_eq!(twice_by_one.verdict, Verdict::Isolated);
    }

    #[test]
    fn a_constant_and_a_class_are_no_sessions() {
        // Another name than the one with ids of its own, so that nothing but these values is known of it.
        let constant = story(&[(0, &format!("auth={SAME}")), (1, &format!("auth={SAME}"))]).judge();
        assert_eq!(constant.verdict, Verdict::Isolated);
        assert!(
            constant
                .notes
                .iter()
                .any(|note| note.contains("cookie auth")),
            "{:?}",
            constant.notes
        );
        let other = "bbbbbbbbbbbbbbbbbbbb";
        let classes: Vec<String> = [SAME, SAME, other, other]
            .iter()
            .map(|value| format!("auth={value}"))
            .collect();
        let classes: Vec<(u32, &str)> = classes
            .iter()
            .zip(0..)
            .map(|(cookie, user)| (user, cookie.as_str()))
            .collect();
        assert_eq!(story(&classes).judge().verdict, Verdict::Isolated);
    }

    #[test]
    fn only_log_ins_that_worked_count() {
        let mut elsewhere = Story::of(3);
        for user in [0, 1] {
            elsewhere.alone(
                user,
                READ,
                Phase::Solo,
                answer(200, &format!("Set-Cookie: sid={SAME}\r\n"), b""),
            );
        }
        assert!(elsewhere.judge().exposures.is_empty());
        let mut refused = Story::of(3);
        for user in [0, 1] {
            refused.alone(
                user,
                LOG_IN,
                Phase::Volley,
                answer(403, &format!("Set-Cookie: sid={SAME}\r\n"), b""),
            );
        }
        assert!(refused.judge().exposures.is_empty());
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
