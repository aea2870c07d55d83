//! The judge as the explorer's oracle: engine and judge do not know each other, and meet here.

use std::collections::{BTreeMap, HashMap};

use crate::explore::{Oracle, Weighed};
use crate::history::{Raced, Record, Start};
use crate::judge::{ExecutionShown, Executions};

/// Equal executions whose outcome is remembered; later ones are judged each time.
const KNOWN_KEPT: usize = 1 << 18;
/// Outcomes that are told apart; all further ones count as one.
const OUTCOMES_KEPT: usize = 100_000;

/// Judges executions, each as a history of its own, and numbers what they come to.
///
/// An execution that says which others are equal to it byte for byte ([`Execution::outcome`](crate::explore::Execution))
/// began with a service of its own and is judged by itself, once for all that are equal. One that does not is taken to go on
/// in the service in which the last one ended: all of those have to be weighed, in their order.
#[derive(Debug)]
pub struct Weigher {
    raced: Vec<Raced>,
    start: Start,
    /// Absent until the records before all executions are known.
    executions: Option<Executions>,
    known: HashMap<u128, usize>,
    numbers: BTreeMap<ExecutionShown, usize>,
    /// By number.
    outcomes: Vec<Weighed>,
}

impl Weigher {
    /// For executions of these requests, in a history with this header.
    #[must_use]
    pub fn new(start: &Start, raced: &[Raced]) -> Weigher {
        Weigher {
            raced: raced.to_vec(),
            start: start.clone(),
            executions: None,
            known: HashMap::new(),
            numbers: BTreeMap::new(),
            outcomes: Vec::new(),
        }
    }

    fn numbered(&mut self, shown: ExecutionShown) -> usize {
        if let Some(&number) = self.numbers.get(&shown) {
            return number;
        }
        let number = self.outcomes.len();
        self.outcomes.push(Weighed {
            outcome: number,
            what: shown.what.clone(),
            exposures: shown.exposures.clone(),
            crossed: shown.crossed.clone(),
        });
        self.numbers.insert(shown, number);
        number
    }
}

impl Oracle for Weigher {
    fn prepare(&mut self, records: &[Record]) {
        let header = Record::Start(self.start.clone());
        let rest = records
            .iter()
            .filter(|record| !matches!(record, Record::Start(_)));
        self.executions = Some(Executions::new(
            &self.raced,
            std::iter::once(&header).chain(rest),
        ));
    }

    fn weigh(
        &mut self,
        outcome: Option<u128>,
        records: &mut dyn FnMut() -> Vec<Record>,
    ) -> Weighed {
        if let Some(&number) = outcome.and_then(|outcome| self.known.get(&outcome)) {
            return self.outcomes[number].clone();
        }
        if self.executions.is_none() {
            self.prepare(&[]);
        }
        let records = records();
        let shown = match (&mut self.executions, outcome) {
            (Some(executions), Some(_)) => executions.alone(&records),
            (Some(executions), None) => executions.next(&records),
            (None, _) => ExecutionShown::default(),
        };
        let is_new = !self.numbers.contains_key(&shown);
        if is_new && self.outcomes.len() == OUTCOMES_KEPT {
            return Weighed {
                outcome: OUTCOMES_KEPT,
                what: shown.what,
                exposures: shown.exposures,
                crossed: shown.crossed,
            };
        }
        let number = self.numbered(shown);
        if let Some(outcome) = outcome
            && self.known.len() < KNOWN_KEPT
        {
            self.known.insert(outcome, number);
        }
        self.outcomes[number].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{
        Exchange, HISTORY_VERSION, Outcome, Phase, Planted, RequestLine, SlotInfo, StepInfo,
        StepRole, Target,
    };
    use crate::identity::{Canary, Salt, UserId};

    const SALT: Salt = Salt::new(7);

    fn start() -> Start {
        Start {
            history_version: HISTORY_VERSION,
            crosswire_version: "0.0.0".into(),
            scenario: "notes".into(),
            target: Target {
                name: "t".into(),
                url: "http://127.0.0.1:1".into(),
            },
            engine: "explore".into(),
            seed: 1,
            salt: SALT.to_string(),
            users: vec!["alice".into(), "bob".into()],
            slots: vec![SlotInfo {
                name: "note".into(),
                ..SlotInfo::default()
            }],
            steps: vec![StepInfo {
                name: "read".into(),
                role: StepRole::Fire,
                sees: vec![0],
                ..StepInfo::default()
            }],
            min_overlaps: 0,
        }
    }

    fn note(owner: u32) -> String {
        let canary = Canary {
            owner: UserId(owner),
            slot: 0,
            serial: 0,
        };
        canary.encode(SALT)
    }

    /// Alice and bob ask; each is shown the note of that user.
    fn execution(shown: [u32; 2]) -> Vec<Record> {
        let mut records: Vec<Record> = [0, 1]
            .map(|owner| {
                Record::Planted(Planted {
                    canary: note(owner),
                    readers: vec![],
                })
            })
            .into();
        for (user, owner) in [0u32, 1].into_iter().zip(shown) {
            records.push(Record::Exchange(Exchange {
                id: user.into(),
                user: UserId(user),
                step: 0,
                phase: Phase::Volley,
                round: 1,
                volley: Some(1),
                connection: user,
                request: RequestLine {
                    method: "GET".into(),
                    path: "/note".into(),
                    body_len: 0,
                },
                sent_ns: 0,
                first_byte_ns: Some(1),
                done_ns: 2,
                server: None,
                refused: false,
                followed: false,
                nonce: None,
                provoked: None,
                cut_off: false,
                outcome: Outcome::Answer {
                    status: 200,
                    head: "HTTP/1.1 200 OK\r\n".into(),
                    body: note(owner).into(),
                    cut: false,
                },
            }));
        }
        records
    }

    fn weigher() -> Weigher {
        let raced = [0, 1].map(|user| Raced {
            user: UserId(user),
            step: 0,
        });
        Weigher::new(&start(), &raced)
    }

    #[test]
    fn outcomes_are_numbered_as_they_appear_and_equal_bytes_are_judged_once() {
        let mut weigher = weigher();
        weigher.prepare(&[]);
        let mut judged = 0;
        let mut weigh = |outcome, shown| {
            weigher.weigh(outcome, &mut || {
                judged += 1;
                execution(shown)
            })
        };
        let clean = weigh(Some(11), [0, 1]);
        assert_eq!((clean.outcome, clean.exposes()), (0, false));
        assert_eq!(clean.what, "alice 200 with own note; bob 200 with own note");
        let crossed = weigh(Some(12), [1, 1]);
        assert_eq!((crossed.outcome, crossed.exposures.len()), (1, 1));
        assert_eq!(crossed.crossed, [(0, vec![UserId(1)])]);
        assert_eq!(weigh(Some(11), [1, 1]), clean, "not looked at again");
        assert_eq!(
            weigh(Some(13), [1, 1]),
            crossed,
            "other bytes, the same outcome"
        );
        assert_eq!(weigh(None, [0, 1]), clean);
        assert_eq!(weigh(None, [0, 1]), clean);
        assert_eq!(judged, 5);
    }

    #[test]
    fn an_oracle_that_was_told_nothing_before_judges_all_the_same() {
        let crossed = weigher().weigh(Some(1), &mut || execution([1, 0]));
        assert_eq!(crossed.exposures.len(), 2);
        assert_eq!(
            crossed.crossed,
            [(0, vec![UserId(1)]), (1, vec![UserId(0)])]
        );
    }
}
