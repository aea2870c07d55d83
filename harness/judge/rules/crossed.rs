//! A canary of one user in an exchange of another.

use super::{Rule, RuleInfo, Seen};
use crate::judge::findings::Crossing;
use crate::judge::world::World;
use crate::judge::{ExposureKind, Reason};

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "canary-crossed",
    title: "received another user's data",
    help: "The answer contains a secret that was planted in another user's data. Look for state that outlives a request or is \
           reached by two: a variable, cache entry, buffer or pooled connection that is filled in one request and read in another.",
    explain: include_str!("explain/canary-crossed.txt"),
    kind: ExposureKind::Read,
    make: || Box::new(Crossed::default()),
};

/// Decides by the owner that the canary names and by the readers of its planting, by nothing else.
#[derive(Clone, Debug, Default)]
struct Crossed {
    unknown_owners: u64,
}

impl Rule for Crossed {
    fn boxed(&self) -> Box<dyn Rule> {
        Box::new(self.clone())
    }

    fn exchange(&mut self, seen: &Seen<'_>, world: &World, crossings: &mut Vec<Crossing>) {
        let exchange = seen.exchange;
        for found in seen.found {
            let canary = found.canary;
            // Nonces have a rule of their own; what is public is a control, and no secret.
            if world.may_read(exchange.user, canary)
                || world.is_public(canary.slot)
                || world.is_nonce(canary.slot)
            {
                continue;
            }
            if !world.has_user(canary.owner) {
                self.unknown_owners += 1;
                continue;
            }
            crossings.push(Crossing::of_canary(&INFO, exchange, found));
        }
    }

    fn finish(
        &mut self,
        _: &World,
        _: &mut crate::judge::findings::Findings,
        notes: &mut Vec<String>,
    ) -> Vec<Reason> {
        if self.unknown_owners > 0 {
            notes.push(format!(
                "{} texts look like canaries of this run but name an owner that it does not have; they were ignored",
                self.unknown_owners
            ));
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Outcome, Phase, Planted, Record};
    use crate::identity::{Canary, Form, Salt, UserId};
    use crate::judge::rules::testing::*;
    use crate::judge::{ExposureKind, Place, Verdict};

    #[test]
    fn the_earlier_requester_sees_the_later_ones_page() {
        let mut story = Story::of(3);
        story.volley(vec![
            (0, READ, page(&text(2, 0, 0))),
            (1, READ, page(&text(1, 0, 0))),
            (2, READ, page(&text(2, 0, 0))),
        ]);
        let judgement = story.judge();
        assert_eq!(judgement.verdict, Verdict::Exposed);
        let [exposure] = &judgement.exposures[..] else {
            panic!("{:?}", judgement.exposures)
        };
        assert_eq!(
            (exposure.rule, exposure.kind),
            ("canary-crossed", ExposureKind::Read)
        );
        assert_eq!(
            (exposure.viewer, exposure.victim, exposure.slot),
            (UserId(0), UserId(2), Some(0))
        );
        assert_eq!(
            (&exposure.place, exposure.form),
            (&Place::Body, Some(Form::Plain))
        );
        assert_eq!(
            (exposure.phase, exposure.round, exposure.times_seen),
            (Phase::Volley, 1, 1)
        );
        assert_eq!(exposure.canary, Some(text(2, 0, 0)));
        assert_eq!(
            (exposure.viewer_side.exchange, exposure.viewer_side.order),
            (6, Some(0))
        );
        assert_eq!(exposure.viewer_side.request, "GET /1");
        let victim = exposure.victim_side.as_ref().unwrap();
        assert_eq!(
            (victim.exchange, victim.order, victim.arrived_us),
            (8, Some(2), Some(102))
        );
        let counts = judgement.counts;
        assert_eq!(
            (counts.viewers, counts.victims, counts.exchanges),
            (1, 1, 1)
        );
        assert_eq!(
            (
                counts.viewer_earlier,
                counts.ordered,
                counts.attachments,
                counts.writes
            ),
            (1, 1, 0, 0)
        );
        assert_eq!(judgement.strength.overlapping_pairs, 3);
        assert_eq!(judgement.strength.exposing_pairs, 1);
    }

    #[test]
    fn found_in_every_place() {
        let secret = text(1, 0, 0);
        let partial = Outcome::Failed {
            why: "reset".into(),
            partial: format!("HTTP/1.1 200 OK\r\nx: {secret}").into(),
        };
        let status = Outcome::Answer {
            status: 200,
            head: format!("HTTP/1.1 200 {secret}\r\n").into(),
            body: "".into(),
            cut: false,
        };
        for (outcome, place) in [
            (
                answer(302, &format!("A: 1\r\nLocation: /u/{secret}\r\n"), b""),
                Place::Header("location".into()),
            ),
            (
                answer(200, &format!("A: 1\r\n  {secret}\r\n"), b""),
                Place::Header("a".into()),
            ),
            (
                answer(200, &format!("{secret}: 1\r\n"), b""),
                Place::Header("(name)".into()),
            ),
            (
                answer(200, &format!("SET-cookie: last={secret}\r\nB: 2\r\n"), b""),
                Place::Header("set-cookie".into()),
            ),
            (status, Place::StatusLine),
            (partial, Place::Partial),
            (page(&secret), Place::Body),
        ] {
            for phase in [Phase::Setup, Phase::Solo, Phase::Sequence, Phase::ReadBack] {
                let mut story = Story::of(2);
                story.alone(0, LOG_IN, phase, outcome.clone());
                let judgement = story.judge();
                let seen: Vec<_> = judgement
                    .exposures
                    .iter()
                    .map(|e| (e.place.clone(), e.phase, e.victim_side.clone()))
                    .collect();
                assert_eq!(seen, [(place.clone(), phase, None)]);
            }
        }
    }

    #[test]
    fn equal_crossings_are_one_exposure() {
        let mut story = Story::of(2);
        for _ in 0..3 {
            let both = format!("{} {}", text(1, 0, 0), text(1, 1, 0));
            story.volley(vec![
                (0, READ, page(&both)),
                (1, READ, page(&text(1, 0, 0))),
            ]);
        }
        let judgement = story.judge();
        assert_eq!(
            (judgement.exposures.len(), judgement.exposures_total),
            (1, 1)
        );
        assert_eq!(
            judgement.exposures[0].times_seen, 3,
            "exchanges count, not the canaries in them"
        );
        assert_eq!(judgement.strength.exposing_pairs, 3);
        assert_eq!(
            judgement.counts.ordered, 3,
            "one victim in each of three exchanges"
        );
        assert_eq!(judgement.counts.exchanges, 3);
        assert_eq!(
            judgement.counts.attachments, 1,
            "the same pair of viewer and attachment each time"
        );
    }

    #[test]
    fn an_id_is_stable_across_runs_and_user_numbers() {
        let id = |users: &[&str], viewer: u32, victim: u32| {
            let mut story = Story::of(3);
            let Record::Start(start) = &mut story.records[0] else {
                panic!()
            };
            start.users = users.iter().map(|user| (*user).to_owned()).collect();
            story.volley(vec![
                (viewer, READ, page(&text(victim, 0, 0))),
                (victim, READ, page("")),
            ]);
            story.judge().exposures[0].id.clone()
        };
        assert_eq!(
            id(&["ann", "bob", "cy"], 0, 1),
            id(&["cy", "bob", "ann"], 2, 1)
        );
        assert_ne!(
            id(&["ann", "bob", "cy"], 0, 1),
            id(&["ann", "bob", "cy"], 1, 0)
        );
        assert_eq!(id(&["ann", "bob", "cy"], 0, 1).len(), 8);
    }

    #[test]
    fn what_is_no_exposure() {
        let salt = Salt::new(99);
        let other_run = Canary {
            owner: UserId(1),
            slot: 0,
            serial: 0,
        }
        .encode(salt);
        let mut broken = text(1, 0, 0);
        broken.replace_range(24..25, if broken.ends_with('0') { "1" } else { "0" });
        let stranger = text(500, 0, 0);
        let shared = text(1, 0, 7);
        let mut story = Story::of(2);
        story.records.push(Record::Planted(Planted {
            canary: shared.clone(),
            readers: vec![UserId(0)],
        }));
        let body = format!("{other_run} {broken} {stranger} {shared} {}", text(0, 0, 0));
        story.volley(vec![
            (0, READ, page(&body)),
            (1, READ, page(&text(1, 0, 0))),
        ]);
        let judgement = story.judge();
        assert_eq!(
            (judgement.verdict, &judgement.reasons[..]),
            (Verdict::Isolated, &[][..])
        );
        assert!(
            judgement
                .notes
                .iter()
                .any(|note| note.starts_with("1 texts look like canaries")),
            "{:?}",
            judgement.notes
        );
    }

    #[test]
    fn a_reader_of_one_canary_may_not_read_another() {
        let mut story = Story::of(3);
        story.records.push(Record::Planted(Planted {
            canary: text(1, 0, 7),
            readers: vec![UserId(0)],
        }));
        story.volley(vec![
            (0, READ, page(&text(1, 0, 0))),
            (2, READ, page(&text(1, 0, 7))),
            (1, READ, page("")),
        ]);
        let seen: Vec<_> = story
            .judge()
            .exposures
            .iter()
            .map(|exposure| exposure.viewer.0)
            .collect();
        assert_eq!(seen, [0, 2]);
    }
}
