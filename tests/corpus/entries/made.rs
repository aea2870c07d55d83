//! Histories that no run would write, drawn from bytes: numbers at their ends, users, steps and volleys that do not exist,
//! everything in any order, and canaries of every owner wherever an answer can hold one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use crosswire::history::{
    Cause, ControlRun, Dead, End, Ending, Exchange, Outcome, Phase, Planted, Record, Release,
    RequestLine, ServerTimes, SlotInfo, Start, StepInfo, StepRole, Target, Volley,
};
use crosswire::identity::{Canary, Salt, UserId};

const SALT: Salt = Salt::new(0x0bad_cafe);
/// What session cookies begin with: nobody may see it.
pub(super) const SESSION: &str = "0123456789abcdef";
/// Records of one history.
const RECORDS: usize = 150;

const PHASES: [Phase; 6] = [
    Phase::Setup,
    Phase::Solo,
    Phase::Sequence,
    Phase::Volley,
    Phase::ReadBack,
    Phase::CleanUp,
];
const ROLES: [StepRole; 6] = [
    StepRole::Fire,
    StepRole::LogIn,
    StepRole::LogOut,
    StepRole::Prepare,
    StepRole::ReadBack,
    StepRole::CleanUp,
];
const DEATHS: [Option<Dead>; 4] = [
    None,
    Some(Dead::LogOut),
    Some(Dead::Idle),
    Some(Dead::Rotation),
];
const STATUSES: [u16; 12] = [
    200,
    201,
    204,
    302,
    304,
    400,
    401,
    403,
    404,
    429,
    503,
    u16::MAX,
];

/// The history that the bytes stand for.
pub(super) fn records(bytes: &[u8]) -> Vec<Record> {
    let mut draw = Draw(bytes);
    let mut records = vec![Record::Start(start(&mut draw))];
    while !draw.0.is_empty() && records.len() < RECORDS {
        let record = record(&mut draw, records.len() as u64);
        records.push(record);
    }
    if records.len() % 16 == 0 {
        // Without its header, or with one that comes late.
        records.rotate_left(1);
    }
    records
}

/// What is left of the bytes; of what is used up there are zeros.
struct Draw<'a>(&'a [u8]);

impl Draw<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit
    }

    fn is(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Mostly small, sometimes at the end of its range.
    fn number(&mut self) -> u64 {
        match self.byte() {
            255 => u64::MAX,
            254 => u64::MAX - u64::from(self.byte()),
            253 => u64::from(u32::MAX) + u64::from(self.byte()),
            252 => 1 << (self.byte() % 64),
            small => u64::from(small),
        }
    }

    fn small(&mut self) -> u32 {
        self.number() as u32
    }

    /// A user; of the last two there is no name, and of the very last there can be none.
    fn user(&mut self) -> UserId {
        let user = u32::from(self.below(8));
        UserId(if user == 7 { u32::MAX } else { user })
    }

    fn step(&mut self) -> u16 {
        match self.below(10) {
            9 => u16::MAX,
            step => u16::from(step),
        }
    }

    fn slot(&mut self) -> u16 {
        match self.below(6) {
            5 => u16::MAX,
            slot => u16::from(slot),
        }
    }

    fn slots(&mut self) -> Vec<u16> {
        (0..self.below(3)).map(|_| self.slot()).collect()
    }

    fn canary(&mut self) -> String {
        let canary = Canary {
            owner: self.user(),
            slot: self.slot(),
            serial: u32::from(self.below(4)),
        };
        canary.encode(SALT)
    }

    fn maybe<T>(&mut self, some: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.is() { Some(some(self)) } else { None }
    }

    /// A text with whatever does not belong into one.
    fn text(&mut self) -> String {
        match self.below(10) {
            0 => String::new(),
            1 => "\u{1b}[2J\r\n\u{202e}<b>&\"'".to_owned(),
            2 => self.canary(),
            3 => "::error::%0A|`*_]]>-->".to_owned(),
            4 => "\u{0}\u{7f}\u{85}\u{feff}\u{10ffff}".to_owned(),
            5 => SALT.marker(),
            6 => format!("/a/{}?b={}", self.canary(), self.canary()),
            7 => "\u{e4}\u{df}".repeat(usize::from(self.below(60))),
            other => format!("name {other}"),
        }
    }

    fn bytes(&mut self) -> Bytes {
        let canary = self.canary();
        match self.below(12) {
            0 => Bytes::new(),
            1 => canary.into(),
            2 => STANDARD.encode(format!("a{canary}")).into(),
            3 => URL_SAFE_NO_PAD.encode(format!("ab, {canary}")).into(),
            4 => format!("{canary}{}{canary}", self.canary()).into(),
            5 => canary[..usize::from(self.below(25))].to_owned().into(),
            6 => {
                let length = usize::from(self.byte()).min(self.0.len());
                let (bytes, rest) = self.0.split_at(length);
                self.0 = rest;
                Bytes::copy_from_slice(bytes)
            }
            7 => Bytes::from(vec![0xff; 3000]),
            8 => format!("{}{canary}", "x".repeat(5000)).into(),
            9 => format!(
                "<li>account {} of somebody</li>",
                1_000_000 + self.number() % 9
            )
            .into(),
            _ => format!("{{\"id\":\"{canary}\",\"nonce\":\"{}\"}}", self.canary()).into(),
        }
    }

    fn head(&mut self) -> Bytes {
        let header = match self.below(10) {
            0 => "content-encoding: gzip\r\n".to_owned(),
            1 => "Content-Encoding: br, nonsense\r\n".to_owned(),
            2 => format!("location: /{}\r\n", self.canary()),
            3 => format!("set-cookie: sid={SESSION}{}; Path=/\r\n", self.below(4)),
            4 => format!("Set-Cookie:sid={}\r\n", self.canary()),
            5 => "set-cookie: sid=\r\nSet-Cookie\r\n: x\r\n".to_owned(),
            6 => return self.bytes(),
            7 => format!("set-cookie: {}={}\n", self.text(), self.text()),
            _ => String::new(),
        };
        format!("HTTP/1.1 200 OK\r\n{header}").into()
    }

    fn outcome(&mut self) -> Outcome {
        if self.below(5) == 0 {
            let head = self.maybe(Draw::head).unwrap_or_default();
            let partial = [&head[..], b"\r\n", &self.bytes()].concat().into();
            return Outcome::Failed {
                why: self.text(),
                partial,
            };
        }
        Outcome::Answer {
            status: STATUSES[usize::from(self.below(12))],
            head: self.head(),
            body: self.bytes(),
            cut: self.below(8) == 7,
        }
    }
}

fn start(draw: &mut Draw<'_>) -> Start {
    let salt = if draw.below(32) == 31 {
        draw.text()
    } else {
        SALT.to_string()
    };
    Start {
        history_version: 1,
        crosswire_version: draw.text(),
        scenario: draw.text(),
        target: Target {
            name: draw.text(),
            url: draw.text(),
        },
        engine: "fire".to_owned(),
        seed: draw.number(),
        salt,
        users: (0..6).map(|user| format!("user{user}")).collect(),
        slots: (0..4).map(|slot| slot_info(draw, slot)).collect(),
        steps: (0..6).map(|step| step_info(draw, step)).collect(),
        min_overlaps: draw.number(),
    }
}

fn slot_info(draw: &mut Draw<'_>, slot: u16) -> SlotInfo {
    SlotInfo {
        name: format!("slot{slot}"),
        attachment: slot == 1,
        public: slot == 2 && draw.is(),
        nonce: slot == 3,
        most_subjects: (slot == 0 && draw.is()).then_some(1),
    }
}

fn step_info(draw: &mut Draw<'_>, step: u64) -> StepInfo {
    StepInfo {
        name: format!("step{step}"),
        role: ROLES[usize::from(draw.below(6))],
        session: draw.maybe(|_| "sid".to_owned()),
        sees: draw.slots(),
        removes: draw.slots(),
        echoes: draw.is(),
        learns: draw.is(),
        breaks_off: draw.below(8) == 7,
        malformed: draw.below(8) == 7,
        anonymous: draw.below(8) == 7,
        dead: DEATHS[usize::from(draw.below(16)).min(4) % 4],
        line: step,
    }
}

fn record(draw: &mut Draw<'_>, id: u64) -> Record {
    match draw.below(16) {
        0..=2 => Record::Planted(Planted {
            canary: if draw.below(16) == 15 {
                draw.text()
            } else {
                draw.canary()
            },
            readers: (0..draw.below(3)).map(|_| draw.user()).collect(),
        }),
        3 | 4 => Record::Volley(volley(draw)),
        5 => match draw.below(8) {
            0 => Record::Start(start(draw)),
            1 => Record::Control(ControlRun {
                swapped: draw.number(),
                recognised: draw.number(),
            }),
            2 | 3 => Record::End(end(draw)),
            _ => Record::Note { text: draw.text() },
        },
        _ => Record::Exchange(exchange(draw, id)),
    }
}

fn exchange(draw: &mut Draw<'_>, id: u64) -> Exchange {
    Exchange {
        id: if draw.below(16) == 15 {
            draw.number()
        } else {
            id
        },
        user: draw.user(),
        step: draw.step(),
        phase: PHASES[usize::from(draw.below(6))],
        round: draw.small(),
        volley: draw.maybe(Draw::small),
        connection: draw.small(),
        request: RequestLine {
            method: "GET".to_owned(),
            path: draw.text(),
            body_len: draw.number(),
        },
        sent_ns: draw.number(),
        first_byte_ns: draw.maybe(Draw::number),
        done_ns: draw.number(),
        server: draw.maybe(|draw| ServerTimes {
            arrived_us: draw.number(),
            answered_us: draw.maybe(Draw::number),
            order: draw.maybe(Draw::number),
        }),
        refused: draw.below(6) == 5,
        followed: draw.below(6) == 5,
        nonce: draw.maybe(Draw::canary),
        provoked: if draw.below(6) == 5 {
            Some(draw.text())
        } else {
            None
        },
        cut_off: draw.below(4) == 3,
        outcome: draw.outcome(),
    }
}

fn volley(draw: &mut Draw<'_>) -> Volley {
    Volley {
        volley: draw.small(),
        round: draw.small(),
        requests: draw.small(),
        server_spread_us: draw.maybe(Draw::number),
        offset_us: draw.small(),
        release: Release {
            strategy: draw
                .maybe(Draw::text)
                .unwrap_or_else(|| "barrier".to_owned()),
            connections: draw.small(),
            writes: draw.small(),
            client_spread_ns: draw.number(),
            armed: draw.is(),
        },
    }
}

fn end(draw: &mut Draw<'_>) -> End {
    let ending = match draw.below(6) {
        0 => Ending::Limit { limit: draw.text() },
        1 => Ending::Interrupted,
        2 => Ending::Failed {
            why: draw.text(),
            cause: Cause::Unreachable,
        },
        3 => Ending::Failed {
            why: draw.text(),
            cause: Cause::LogIn,
        },
        _ => Ending::Completed,
    };
    End {
        ending,
        rounds: draw.small(),
        elapsed_ns: draw.number(),
    }
}
