//! Every engine on every variant of the bundled webmail: none may contradict what the model checker proves. What the engines
//! say of the other classes of the catalogue, which no model checker reaches, is held together by `catalogue` in `tests/it`.

use crosswire::Check;
use crosswire::history::Coverage;
use crosswire::judge::Verdict;
use crosswire::scenario::{Scenario, find_shipped};
use crosswire_targets::{Options, StoreKind, start, targets};

use crate::proven::{PROVEN, exposes};
use crate::through::explored;
use crate::webmail::{RACES, exploration};

/// Preemptions in process: more than the one that a crossing of two requests takes.
const BOUND: u32 = 2;

/// What an engine has to come to.
fn wanted(variant: &str) -> Verdict {
    match exposes(variant) {
        true => Verdict::Exposed,
        false => Verdict::Isolated,
    }
}

#[test]
fn every_variant_of_the_webmail_is_proven() {
    let mail = targets().iter().find(|target| target.name == "mail");
    let bundled: Vec<_> = mail
        .unwrap()
        .variants
        .iter()
        .map(|variant| variant.name)
        .collect();
    let proven: Vec<_> = PROVEN.iter().map(|(variant, _)| *variant).collect();
    assert_eq!(bundled, proven);
}

#[test]
fn in_process_every_order_says_what_is_proven() {
    for (variant, _) in PROVEN {
        for race in RACES {
            let report = exploration(variant, race).preemptions(BOUND).run();
            report.assert_verdict(wanted(variant));
            let told = &report.judgement().explored[0];
            let coverage = Coverage::WithinBound { bound: BOUND };
            assert_eq!(told.coverage, coverage, "{variant} {race:?}");
            assert_eq!(
                told.bounds[0].exposing, 0,
                "{variant} {race:?}: one after the other"
            );
            assert_eq!(told.doubts, Default::default(), "{variant} {race:?}");
        }
    }
}

#[test]
fn through_the_turnstile_every_order_says_what_is_proven() {
    for (variant, _) in PROVEN {
        for race in [["read", "read"], ["read", "delete"]] {
            let judgement = explored(variant, race, BOUND);
            let told = &judgement.explored;
            let shown = format!("{variant} {race:?}: {:?} {told:?}", judgement.reasons);
            assert_eq!(judgement.verdict, wanted(variant), "{shown}");
            assert_eq!(told[0].bounds[0].exposing, 0, "{shown}");
        }
    }
}

#[test]
fn over_the_network_nothing_contradicts_it() {
    let shipped = find_shipped("mail-2008").unwrap();
    for (variant, _) in PROVEN {
        let options = Options {
            users: 20,
            store: StoreKind::Memory,
            ..Options::new("mail", variant)
        };
        let server = start(options).unwrap();
        let scenario = Scenario::parse(shipped.name, shipped.text).unwrap();
        let report = Check::from_scenario(scenario)
            .url(&server.base_url())
            .seed(2008)
            .run();
        server.stop();
        // Firing meets a window by luck: what it does not see, it has not disproven.
        match report.verdict {
            Verdict::Exposed => assert!(exposes(variant), "{variant}: {:?}", report.findings),
            Verdict::Isolated => println!("fire saw nothing of {variant}"),
            Verdict::Inconclusive => {
                println!("fire is inconclusive on {variant}: {:?}", report.reasons)
            }
        }
    }
}
