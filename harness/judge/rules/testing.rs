//! Small histories for the tests of the judge.

use bytes::Bytes;

use crate::history::{BoundTold, Coverage, Doubts, Explored, PointCounts, Raced, Way};
use crate::history::{
    End, Ending, Exchange, HISTORY_VERSION, Outcome, Phase, Planted, Record, Release, RequestLine,
    ServerTimes, SlotInfo, Start, StepInfo, StepRole, Target, Volley,
};
use crate::identity::{Canary, Salt, UserId};

pub(in crate::judge) const SALT: Salt = Salt::new(0x1234_5678);
pub(in crate::judge) const LOG_IN: u16 = 0;
pub(in crate::judge) const READ: u16 = 1;
pub(in crate::judge) const DELETE: u16 = 2;
pub(in crate::judge) const READ_BACK: u16 = 3;

/// Slot 0 is a mail that step READ shows and step DELETE removes; slot 1 an attachment.
pub(in crate::judge) fn start(users: usize) -> Start {
    let step = |name: &str, role, sees: &[u16], removes: &[u16]| StepInfo {
        name: name.into(),
        role,
        session: None,
        sees: sees.to_vec(),
        removes: removes.to_vec(),
        ..StepInfo::default()
    };
    Start {
        history_version: HISTORY_VERSION,
        crosswire_version: "0.0.0".into(),
        scenario: "test".into(),
        target: Target {
            name: "t".into(),
            url: "http://127.0.0.1:1".into(),
        },
        engine: "fire".into(),
        seed: 1,
        salt: SALT.to_string(),
        users: (0..users).map(|user| format!("u{user}")).collect(),
        slots: vec![
            SlotInfo {
                name: "mail".into(),
                attachment: false,
                ..SlotInfo::default()
            },
            SlotInfo {
                name: "file".into(),
                attachment: true,
                ..SlotInfo::default()
            },
        ],
        steps: vec![
            step("log in", StepRole::LogIn, &[], &[]),
            step("read", StepRole::Fire, &[0], &[]),
            step("delete", StepRole::Fire, &[], &[0]),
            step("read back", StepRole::ReadBack, &[0], &[]),
        ],
        min_overlaps: 1,
    }
}

pub(in crate::judge) fn canary(owner: u32, slot: u16, serial: u32) -> Canary {
    Canary {
        owner: UserId(owner),
        slot,
        serial,
    }
}

pub(in crate::judge) fn text(owner: u32, slot: u16, serial: u32) -> String {
    canary(owner, slot, serial).encode(SALT)
}

pub(in crate::judge) fn plant(owner: u32, slot: u16, serial: u32) -> Record {
    Record::Planted(Planted {
        canary: text(owner, slot, serial),
        readers: Vec::new(),
    })
}

pub(in crate::judge) fn answer(status: u16, headers: &str, body: &[u8]) -> Outcome {
    let head = format!("HTTP/1.1 {status} X\r\n{headers}");
    Outcome::Answer {
        status,
        head: head.into(),
        body: Bytes::copy_from_slice(body),
        cut: false,
    }
}

pub(in crate::judge) fn exchange(id: u64, user: u32, step: u16) -> Exchange {
    Exchange {
        id,
        user: UserId(user),
        step,
        phase: Phase::Setup,
        round: 1,
        volley: None,
        connection: user,
        request: RequestLine {
            method: "GET".into(),
            path: format!("/{step}"),
            body_len: 0,
        },
        sent_ns: id * 10,
        first_byte_ns: Some(id * 10 + 5),
        done_ns: id * 10 + 6,
        server: None,
        refused: false,
        followed: false,
        nonce: None,
        provoked: None,
        cut_off: false,
        outcome: answer(200, "", b""),
    }
}

/// A history that is put together exchange by exchange.
pub(in crate::judge) struct Story {
    pub(in crate::judge) records: Vec<Record>,
    next: u64,
    volley: u32,
}

impl Story {
    /// Everybody has logged in, has one mail planted, and saw it alone.
    pub(in crate::judge) fn of(users: u32) -> Story {
        let mut story = Story {
            records: vec![Record::Start(start(users as usize))],
            next: 0,
            volley: 0,
        };
        for user in 0..users {
            story.alone(
                user,
                LOG_IN,
                Phase::Setup,
                answer(
                    302,
                    &format!("Set-Cookie: sid={user:020}; HttpOnly\r\n"),
                    b"",
                ),
            );
            story.records.push(plant(user, 0, 0));
            story.alone(user, READ, Phase::Solo, page(&text(user, 0, 0)));
        }
        story
    }

    pub(in crate::judge) fn alone(
        &mut self,
        user: u32,
        step: u16,
        phase: Phase,
        outcome: Outcome,
    ) -> &mut Story {
        let mut exchange = exchange(self.next, user, step);
        self.next += 1;
        exchange.phase = phase;
        exchange.outcome = outcome;
        self.records.push(Record::Exchange(exchange));
        self
    }

    /// A volley of requests that all overlap; the server tells that they wrote its memo in the given order.
    pub(in crate::judge) fn volley(&mut self, requests: Vec<(u32, u16, Outcome)>) -> &mut Story {
        self.volley += 1;
        let count = requests.len() as u32;
        for (order, (user, step, outcome)) in requests.into_iter().enumerate() {
            let mut exchange = exchange(self.next, user, step);
            self.next += 1;
            exchange.phase = Phase::Volley;
            exchange.volley = Some(self.volley);
            let arrived_us = 100 + order as u64;
            exchange.server = Some(ServerTimes {
                arrived_us,
                answered_us: Some(200),
                order: Some(order as u64),
            });
            exchange.outcome = outcome;
            self.records.push(Record::Exchange(exchange));
        }
        let release = Release {
            strategy: "barrier".into(),
            connections: count,
            writes: count,
            client_spread_ns: 9_000,
            armed: false,
        };
        self.records.push(Record::Volley(Volley {
            volley: self.volley,
            round: 1,
            requests: count,
            server_spread_us: None,
            offset_us: 0,
            release,
        }));
        self
    }

    /// The same of an exploration: two users, of whom each asked alone.
    pub(in crate::judge) fn explored() -> Story {
        let mut story = Story::of(2);
        if let Some(Record::Start(start)) = story.records.first_mut() {
            start.engine = "explore".into();
        }
        story
    }

    /// An execution: what it sets up, then what is raced, in rounds and volleys of its own.
    pub(in crate::judge) fn execution(
        &mut self,
        set_up: Vec<(u32, u16, Outcome)>,
        raced: Vec<(u32, u16, Outcome)>,
    ) -> &mut Story {
        let number = self.volley + 1;
        for (user, step, outcome) in set_up {
            self.alone(user, step, Phase::Setup, outcome);
        }
        self.volley(raced);
        let of_volley = |exchange: &Exchange| exchange.volley == Some(number);
        let first = self
            .records
            .iter()
            .position(|record| matches!(record, Record::Exchange(exchange) if of_volley(exchange)));
        let from = first.unwrap_or_default();
        // What was set up before belongs to the execution as well.
        let from = self.records[..from]
            .iter()
            .rposition(|record| match record {
                Record::Exchange(exchange) => exchange.phase != Phase::Setup,
                Record::Planted(_) => false,
                _ => true,
            })
            .map_or(0, |before| before + 1);
        for record in &mut self.records[from..] {
            match record {
                Record::Exchange(exchange) => {
                    exchange.round = number;
                    exchange.server = None;
                }
                Record::Volley(volley) => {
                    volley.round = number;
                    volley.release.strategy = "in-process".into();
                }
                _ => {}
            }
        }
        self
    }

    /// The same requests again read back, in the round of the last execution.
    pub(in crate::judge) fn read_back_after(&mut self, user: u32, outcome: Outcome) -> &mut Story {
        let round = self.volley;
        self.read_back(user, outcome);
        if let Some(Record::Exchange(exchange)) = self.records.last_mut() {
            exchange.round = round;
        }
        self
    }

    pub(in crate::judge) fn judge_explored(
        &mut self,
        explored: Vec<Explored>,
    ) -> crate::judge::Judgement {
        let records = explored
            .into_iter()
            .map(|one| Record::Explored(Box::new(one)));
        self.records.extend(records);
        self.judge()
    }

    pub(in crate::judge) fn read_back(&mut self, user: u32, outcome: Outcome) -> &mut Story {
        self.alone(user, READ_BACK, Phase::ReadBack, outcome)
    }

    pub(in crate::judge) fn end(&mut self, ending: Ending) -> crate::judge::Judgement {
        self.records.push(Record::End(End {
            ending,
            rounds: 1,
            elapsed_ns: 1,
        }));
        crate::judge::judge(&self.records)
    }

    pub(in crate::judge) fn judge(&mut self) -> crate::judge::Judgement {
        self.end(Ending::Completed)
    }
}

/// A good answer with a body.
pub(in crate::judge) fn page(body: &str) -> Outcome {
    answer(200, "content-type: text/html\r\n", body.as_bytes())
}

/// Two requests of which every schedule was run, and nothing is wrong with any.
pub(in crate::judge) fn all_schedules() -> Explored {
    let raced = |user| Raced {
        user: UserId(user),
        step: READ,
    };
    let points = PointCounts {
        starved: 2,
        service: 1,
        ..PointCounts::default()
    };
    let bound = |preemptions, schedules| BoundTold {
        preemptions,
        schedules,
        exposing: 0,
        complete: true,
    };
    Explored {
        way: Way::InProcess,
        requests: vec![raced(0), raced(1)],
        coverage: Coverage::All,
        schedules: 6,
        exposing: 0,
        first_exposing: None,
        bounds: vec![bound(0, 2), bound(1, 3), bound(2, 1)],
        sampled: 0,
        points: vec![points, points],
        outcomes: Vec::new(),
        outcomes_total: 0,
        doubts: Doubts::default(),
        found: Vec::new(),
        told: Vec::new(),
        warnings: Vec::new(),
        environment: "tokio-1.0.0".into(),
        elapsed_ns: 1,
    }
}
