//! A reader who may read everybody's data, and was given too many people's.

use std::collections::{BTreeMap, BTreeSet};

use super::{Rule, RuleInfo, Seen};
use crate::identity::UserId;
use crate::judge::ExposureKind;
use crate::judge::findings::Crossing;
use crate::judge::world::World;

pub(super) const INFO: RuleInfo = RuleInfo {
    id: "unseen-bulk-read",
    title: "was given the data of more people than one reader may be",
    help: "A user who may read what others have planted was given that of more different users than the scenario allows one \
           reader, and was not stopped. Look for where reads are counted: by principal, of different subjects, over the whole \
           history; not by request, by address, or within a short while.",
    explain: include_str!("explain/unseen-bulk-read.txt"),
    kind: ExposureKind::Read,
    make: || Box::new(BulkRead::default()),
};

/// For slots with a limit ([`SlotInfo::most_subjects`](crate::history::SlotInfo::most_subjects)): a canary of another user in
/// an answer to one of its readers, when the reader was given canaries of that slot by so many other users before. One's own
/// data counts for nothing; what the reader may not read at all is found by canary-crossed.
#[derive(Clone, Debug, Default)]
struct BulkRead {
    /// By reader and slot, the first users whose data the reader was given: as many as the limit allows.
    subjects: BTreeMap<(UserId, u16), BTreeSet<UserId>>,
}

impl Rule for BulkRead {
    fn boxed(&self) -> Box<dyn Rule> {
        Box::new(self.clone())
    }

    /// The service may have been started anew, and has seen nothing of what was read before.
    fn execution(&mut self) {
        self.subjects.clear();
    }

    fn exchange(&mut self, seen: &Seen<'_>, world: &World, crossings: &mut Vec<Crossing>) {
        let reader = seen.exchange.user;
        for found in seen.found {
            let canary = found.canary;
            let Some(most) = world.most_subjects(canary.slot) else {
                continue;
            };
            let is_permitted = canary.owner != reader && world.may_read(reader, canary);
            if !is_permitted || world.is_public(canary.slot) {
                continue;
            }
            let subjects = self.subjects.entry((reader, canary.slot)).or_default();
            if subjects.contains(&canary.owner) {
                continue;
            }
            if subjects.len() < usize::try_from(most).unwrap_or(usize::MAX) {
                subjects.insert(canary.owner);
            } else {
                crossings.push(Crossing::of_canary(&INFO, seen.exchange, found));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Phase, Planted, Record};
    use crate::identity::UserId;
    use crate::judge::Verdict;
    use crate::judge::rules::testing::*;

    /// The victims when user 0, who may read the mails of users 1 to 4, was given `shown`, one after the other, and two others
    /// were allowed.
    fn victims(shown: &[u32]) -> Vec<u32> {
        let mut story = Story::of(5);
        let Record::Start(start) = &mut story.records[0] else {
            panic!()
        };
        start.slots[0].most_subjects = Some(2);
        for owner in 1..5 {
            story.records.push(Record::Planted(Planted {
                canary: text(owner, 0, 7),
                readers: vec![UserId(0)],
            }));
        }
        story.volley(
            (0..5)
                .map(|user| (user, READ, page(&text(user, 0, 0))))
                .collect(),
        );
        for owner in shown {
            let serial = if *owner == 0 { 0 } else { 7 };
            story.alone(0, DELETE, Phase::ReadBack, page(&text(*owner, 0, serial)));
        }
        let judgement = story.judge();
        assert_eq!(
            judgement.exposures.is_empty(),
            judgement.verdict != Verdict::Exposed
        );
        let found = judgement.exposures.iter();
        found
            .map(|exposure| {
                assert_eq!((exposure.rule, exposure.viewer.0), ("unseen-bulk-read", 0));
                exposure.victim.0
            })
            .collect()
    }

    #[test]
    fn one_subject_too_many_is_an_exposure() {
        assert_eq!(victims(&[1, 2, 3]), [3]);
        assert_eq!(victims(&[4, 3, 2, 1]), [2, 1]);
    }

    #[test]
    fn the_same_subjects_again_and_oneself_are_none() {
        assert!(victims(&[1, 2, 1, 2, 0, 1]).is_empty());
        assert!(victims(&[0, 1, 0, 2]).is_empty());
    }
}
