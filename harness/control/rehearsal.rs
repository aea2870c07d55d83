//! A control run: a short run of the scenario through the proxy that swaps answers, before the real one.

use std::io;

use super::{ControlRun, Proxy, Recognition, Swap, Upstream};
use crate::fire::{Event, Plan, Stop, Watch, fire};
use crate::history::{Ending, Overlaps, Phase, Record, Sink};
use crate::identity::{Redactor, Salt};
use crate::scenario::{Network, Protocol, Scenario};

/// Rounds of a control run, unless somebody says otherwise.
pub const CONTROL_ROUNDS: u32 = 2;

/// What a control run told.
#[derive(Clone, Debug)]
pub struct Rehearsed {
    /// What was swapped and recognised.
    pub result: ControlRun,
    /// Why the run did not come to its end, if it did not.
    pub broken_off: Option<String>,
}

/// Runs `plan`'s scenario through a proxy, `rounds` rounds long, with a salt of its own.
///
/// # Errors
/// When the system gives no runtime for the run. What goes wrong on the network is told in [`Rehearsed::broken_off`].
pub fn rehearse(
    plan: &Plan<'_>,
    rounds: u32,
    salt: Salt,
    watch: &mut dyn Watch,
    stop: &Stop,
) -> io::Result<Rehearsed> {
    let upstream = |base_url: &String| Upstream {
        base_url: base_url.clone(),
        network: plan.scenario.network.clone(),
        trusted_pem: plan.trusted_pem.clone(),
        http2: plan.scenario.fire.protocol == Protocol::Http2,
    };
    let hosts = plan.scenario.hosts.values();
    let upstreams = std::iter::once(&plan.base_url).chain(hosts).map(upstream);
    let swap = Swap {
        seed: plan.seed,
        ..Swap::default()
    };
    // An address that cannot be fired at is told by the real run, in its own words and with its own exit code.
    let proxy = match Proxy::start(upstreams.collect(), swap) {
        Ok(proxy) => proxy,
        Err(error) => return Ok(Rehearsed::nothing(error.to_string())),
    };
    let scenario = rehearsal(plan.scenario, rounds, &proxy);
    let through = Plan {
        scenario: &scenario,
        base_url: proxy.url().to_owned(),
        trusted_pem: None,
        salt,
        ..plan.clone()
    };
    let mut recognition = Recognition::new();
    let mut arming = Arming {
        proxy: &proxy,
        watch,
    };
    fire(&through, &mut recognition, &mut arming, stop)?;
    let broken_off = recognition.end().and_then(|end| match &end.ending {
        Ending::Completed => None,
        Ending::Limit { limit } => Some(format!("its limit was reached: {limit}")),
        Ending::Interrupted => Some("it was interrupted".to_owned()),
        Ending::Failed { why, .. } => Some(why.clone()),
    });
    let result = recognition.finish();
    Ok(Rehearsed { result, broken_off })
}

/// The scenario as it is run through the proxy: short, every host by its port there, and every request says whose it is.
fn rehearsal(scenario: &Scenario, rounds: u32, proxy: &Proxy) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.fire.rounds = rounds;
    // Nothing is swapped before the volleys; only what the users saw alone may be needed to recognise it then.
    scenario.fire.sequence = false;
    // The way to the target is the proxy's business.
    scenario.network = Network::default();
    for (host, url) in scenario.hosts.values_mut().zip(&proxy.urls()[1..]) {
        host.clone_from(url);
    }
    scenario.mark_requests();
    scenario
}

impl Rehearsed {
    fn nothing(why: String) -> Rehearsed {
        let (swapped, recognised) = (0, 0);
        Rehearsed {
            result: ControlRun {
                swapped,
                recognised,
            },
            broken_off: Some(why),
        }
    }

    /// What people should know, a sentence each, supplied secrets masked.
    #[must_use]
    pub fn sentences(&self, redactor: &Redactor) -> Vec<String> {
        let broken_off = self.broken_off.as_ref();
        let broken_off =
            broken_off.map(|why| format!("the control run broke off: {}", redactor.text(why)));
        broken_off
            .into_iter()
            .chain([self.result.to_string()])
            .collect()
    }
}

/// Lets the proxy swap during volleys and at no other time.
struct Arming<'a> {
    proxy: &'a Proxy,
    watch: &'a mut dyn Watch,
}

impl Watch for Arming<'_> {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Phase { phase, .. } = event {
            if *phase == Phase::Volley {
                self.proxy.arm();
            } else {
                self.proxy.disarm();
            }
        }
        self.watch.event(event);
    }
}

/// Puts what a control told behind the header of the real run's history.
#[derive(Debug)]
pub struct Told<'a, S> {
    /// Where the history goes.
    pub sink: S,
    /// What the control told, if there was one.
    pub rehearsed: Option<&'a Rehearsed>,
}

impl<S: Sink> Sink for Told<'_, S> {
    fn take(&mut self, record: &Record) -> io::Result<()> {
        self.sink.take(record)?;
        let Some(rehearsed) = self
            .rehearsed
            .filter(|_| matches!(record, Record::Start(_)))
        else {
            return Ok(());
        };
        if let Some(why) = &rehearsed.broken_off {
            let text = format!("the control run broke off: {why}");
            self.sink.take(&Record::Note { text })?;
        }
        self.sink.take(&Record::Control(rehearsed.result))
    }

    fn lacks(&self) -> Option<Overlaps> {
        self.sink.lacks()
    }
}
