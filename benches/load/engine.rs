//! What a whole run of the engine costs, judged and not.

use std::time::{Duration, Instant};

use crosswire::fire::{Plan, Stop, fire};
use crosswire::history::{Record, Sink, StepRole};
use crosswire::identity::Salt;
use crosswire::judge::{Judge, Verdict};
use crosswire::scenario::{Scenario, shipped};
use crosswire_targets::{Options, start};

use super::machine::{peak_memory_mb, thread_cpu_ns};

/// Judges, and times it.
struct Timed {
    judge: Judge,
    judging: Duration,
    exchanges: u64,
}

impl Sink for Timed {
    fn take(&mut self, record: &Record) -> std::io::Result<()> {
        let begun = Instant::now();
        self.judge.take(record);
        self.judging += begun.elapsed();
        self.exchanges += u64::from(matches!(record, Record::Exchange(_)));
        Ok(())
    }
}

/// Time of the client's thread per exchange, microseconds.
pub(crate) struct Cost {
    pub(crate) exchanges: u64,
    /// Processor time without judging.
    pub(crate) engine_us: f64,
    /// Time inside the judge; it waits for nothing, so it is processor time but for preemptions.
    pub(crate) judging_us: f64,
}

/// A run of that many rounds, five times; the one with the median share.
pub(crate) fn judging_cost(rounds: u32) -> Cost {
    const TURNS: usize = 5;
    let scenario = scenario(rounds);
    let mut costs: Vec<Cost> = (0..TURNS).map(|_| cost(&scenario)).collect();
    costs.sort_by(|a, b| a.share().total_cmp(&b.share()));
    costs.swap_remove(TURNS / 2)
}

impl Cost {
    /// Judging, as a share of the rest.
    pub(crate) fn share(&self) -> f64 {
        self.judging_us / self.engine_us
    }
}

fn cost(scenario: &Scenario) -> Cost {
    let mut timed = Timed {
        judge: Judge::new(),
        judging: Duration::ZERO,
        exchanges: 0,
    };
    let before = thread_cpu_ns();
    run(scenario, &mut timed);
    let all = Duration::from_nanos(thread_cpu_ns() - before);
    let us = |time: Duration| time.as_secs_f64() * 1e6 / timed.exchanges as f64;
    Cost {
        exchanges: timed.exchanges,
        engine_us: us(all.saturating_sub(timed.judging)),
        judging_us: us(timed.judging),
    }
}

fn scenario(rounds: u32) -> Scenario {
    let text = shipped()
        .iter()
        .find(|shipped| shipped.name == "mail-2008")
        .expect("it is shipped")
        .text;
    let mut scenario = Scenario::parse("mail-2008", text).expect("it parses");
    scenario.fire.rounds = rounds;
    scenario
}

fn run(scenario: &Scenario, sink: &mut dyn Sink) {
    let mut options = Options::new("mail", "per-request");
    options.users = scenario.users.count() as usize;
    let server = start(options).expect("the target starts");
    let plan = Plan {
        scenario,
        target_name: "mail/per-request".to_owned(),
        base_url: server.base_url(),
        trusted_pem: None,
        seed: 1,
        salt: Salt::new(7),
    };
    fire(&plan, sink, &mut (), &Stop::default()).expect("the sink takes every record");
    server.stop();
}

/// A long run, judged while it goes on.
pub(crate) struct LongRun {
    pub(crate) exchanges: u64,
    pub(crate) seconds: f64,
    pub(crate) pairs: u64,
    pub(crate) verdict: Verdict,
    /// Why it is inconclusive, if it is.
    pub(crate) reasons: Vec<String>,
    pub(crate) peak_mb: f64,
}

/// Volleys of one reading step until that many exchanges are recorded.
pub(crate) fn long_run(exchanges: u64) -> LongRun {
    let mut scenario = scenario(1);
    // Only what is raced: the mailboxes do not grow, and the run is as long as its volleys.
    scenario.retain_steps(|step| match step.role {
        StepRole::Fire => step.name == "inbox",
        StepRole::ReadBack | StepRole::Restore | StepRole::CleanUp | StepRole::LogOut => false,
        StepRole::LogIn | StepRole::Prepare => step.name.contains("name") || step.name == "log in",
    });
    // Of what it shows, only the display name was planted by then.
    let planted = scenario.setup.iter().flat_map(|step| step.plants());
    let planted: Vec<u16> = planted.copied().collect();
    for step in &mut scenario.volley {
        step.sees.retain(|slot| planted.contains(slot));
    }
    scenario.fire.rounds = u32::MAX;
    scenario.limits.requests = exchanges;
    scenario.limits.duration_s = 86_400;
    let mut judge = Judge::new();
    let started = Instant::now();
    run(&scenario, &mut judge);
    let judgement = judge.finish();
    LongRun {
        exchanges: judgement.strength.exchanges,
        seconds: started.elapsed().as_secs_f64(),
        pairs: judgement.strength.overlapping_pairs,
        verdict: judgement.verdict,
        reasons: judgement.reasons.iter().map(ToString::to_string).collect(),
        peak_mb: peak_memory_mb(),
    }
}
