//! What holds of pages of explorations: the found schedule is in the page itself, everything told is in its data, no text
//! becomes markup, and one script runs, the page's own.

use base64::Engine as _;

use super::super::testing::{HOSTILE, SALT, SECRET, all, exposed};
use super::tests::{page, tags, without_scripts};
use super::*;
use crate::history::{Coverage, Explored, Schedule, StepEnd};
use crate::identity::{Canary, UserId};
use crate::report::Finding;
use crate::{history, identity};

#[path = "../../../tests/browser/samples.rs"]
mod samples;

/// Reports of explorations, by name.
pub(super) fn reports() -> Vec<(&'static str, Report)> {
    let hostile = |mut explored: Explored| {
        make_hostile(&mut explored);
        explored
    };
    [
        ("walked-memo", samples::explored(&samples::memo())),
        ("walked-repaired", samples::explored(&samples::repaired())),
        ("walked-cancelled", samples::cancelled()),
        ("walked-sixty", samples::sixty()),
        (
            "walked-hostile",
            hostile(samples::explored(&samples::memo())),
        ),
    ]
    .map(|(name, explored)| (name, report_of(vec![explored])))
    .into()
}

/// A report of a run in which these explorations were all there was.
fn report_of(explored: Vec<Explored>) -> Report {
    let mut judgement = exposed();
    judgement.explored = explored;
    if let Some(start) = &mut judgement.start {
        start.engine = "explore".into();
    }
    let mut report = super::super::testing::report(&judgement);
    report.replay = Some("crosswire explore ./notes.toml".into());
    report
}

fn page_of(explored: Explored) -> String {
    page(&report_of(vec![explored]))
}

/// What no page may show, and what breaks out of what it is written into.
fn hostile() -> String {
    let canary = Canary {
        owner: UserId(1),
        slot: 0,
        serial: 3,
    };
    format!("{HOSTILE} {} {SECRET}", canary.encode(SALT))
}

/// Every text that a service or its source can choose becomes hostile.
fn make_hostile(explored: &mut Explored) {
    for told in &mut explored.told {
        told.outcome = hostile();
        for step in &mut told.steps {
            step.what = hostile();
            step.place = Some(hostile());
            for shared in &mut step.shared {
                shared.name = hostile();
                shared.value = hostile();
            }
        }
    }
    for outcome in &mut explored.outcomes {
        outcome.what = hostile();
    }
    for found in &mut explored.found {
        found.replay = hostile();
        found.exposures = vec![hostile()];
    }
    explored.warnings = vec![hostile()];
    explored.environment = hostile();
    explored.coverage = Coverage::Capped {
        bound: None,
        limit: hostile(),
    };
}

/// The page's data, read as its script reads it.
fn data(page: &str) -> serde_json::Value {
    let (_, data) = page.split_once("id=\"data-x0\">").unwrap();
    serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_policy_names_the_script_that_is_in_the_page() {
    let digest = ring::digest::digest(&ring::digest::SHA256, EXPLORER.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(digest);
    assert_eq!(
        EXPLORER_SHA256, hash,
        "explorer.js has changed: this is its hash now"
    );
    assert!(!EXPLORER.contains("</script"));
    for (name, report) in reports() {
        let page = page(&report);
        // To look at them: REPORT_SAMPLES=FOLDER cargo test --lib report
        if let Some(folder) = std::env::var_os("REPORT_SAMPLES") {
            let file = std::path::Path::new(&folder).join(format!("{name}.html"));
            std::fs::write(file, &page).unwrap();
        }
        assert!(page.contains(&format!("<script>{EXPLORER}</script>")));
        let policy =
            format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}';");
        assert!(page.contains(&policy), "{name}");
        assert!(
            page.contains("This page runs one script, its own"),
            "{name}"
        );
    }
}

#[test]
fn one_script_runs_and_nothing_is_loaded() {
    for (name, report) in reports() {
        let page = page(&report);
        assert_eq!(page.matches("<script>").count(), 1, "{name}");
        let scripts = page.matches("<script").count();
        let of_data = page.matches("<script type=\"application/json\"").count();
        assert_eq!(scripts, of_data + 1, "{name}");
        let rest = without_scripts(&page);
        for part in [
            "javascript:",
            "<link",
            "<iframe",
            "<object",
            "<img",
            "@import",
            "url(",
        ] {
            assert!(!rest.contains(part), "{name}: {part}");
        }
        for part in ["src=", "http://", "https://"] {
            // As text a service may send any of it; it is escaped then. The target's own URL is a text, too.
            let found = rest.matches(part).count();
            let is_text = name == "walked-hostile" || part == "http://";
            assert!(found == 0 || is_text, "{name}: {part}");
        }
        for fetching in [
            "fetch(",
            "XMLHttpRequest",
            "WebSocket",
            "import(",
            "innerHTML",
            "eval(",
            "localStorage",
        ] {
            assert!(!EXPLORER.contains(fetching), "{fetching}");
        }
    }
}

#[test]
fn hostile_text_stays_text_in_tables_and_data() {
    let mut explored = samples::explored(&samples::memo());
    make_hostile(&mut explored);
    let steps = explored.told[0].steps.len();
    let page = page_of(explored);
    let shown = without_scripts(&page);
    assert!(!tags(&shown).contains(&"img"));
    assert!(
        shown
            .matches("&lt;&#x2f;script&gt;&lt;script&gt;alert(1)")
            .count()
            >= 2 * steps
    );
    assert!(!page.contains("</script><script>alert(1)") && !page.contains("<img"));
    let data = data(&page);
    let what = data["rows"][0]["what"].as_str().unwrap();
    assert!(
        what.starts_with("</script><script>alert(1)"),
        "the script shows it as it was, as text: {what}"
    );
    for hidden in [SALT.marker().as_str(), SECRET] {
        assert!(!page.contains(hidden), "{page}");
    }
    assert!(what.contains("[secret]"), "{what}");
}

#[test]
fn the_found_schedule_stands_in_the_page_itself() {
    let explored = samples::explored(&samples::memo());
    let found = explored.found[0].clone();
    let page = without_scripts(&page_of(explored));
    let (_, walk) = page.split_once("<section class=\"walk\"").unwrap();
    let (walk, _) = walk.split_once("</section>").unwrap();
    assert!(
        walk.contains(&format!("<code>{}</code>", found.schedule)),
        "{walk}"
    );
    assert_eq!(walk.matches("<tr role=\"row\" class=\"step").count(), 8);
    assert_eq!(
        walk.matches("crossing").count(),
        1,
        "one answer holds another's data"
    );
    assert_eq!(
        walk.matches(
            "Decisive: before it 3 of 7 ways to go on exposed; all 4 ways to go on after it do."
        )
        .count(),
        1
    );
    assert!(walk.contains("named point at <code>src/<wbr>notes.rs:34:18</code>"));
    // Two writes, and the read of what another one wrote.
    assert_eq!(walk.matches("class=\"value changed\"").count(), 2);
    assert_eq!(walk.matches("class=\"value crossread\"").count(), 1);
    assert!(
        walk.contains("written by R2 bob, read now by R1 alice"),
        "{walk}"
    );
    assert!(walk.contains(">data crosses<"), "{walk}");
    assert!(
        page.contains("crosswire explore .&#x2f;notes.toml --schedule &#x27;xw1:0123abcd:"),
        "{page}"
    );
    assert!(page.contains("<h4>alice received bob&#x27;s note</h4>"));
}

#[test]
fn everything_told_is_in_the_data_and_each_row_once() {
    let explored = samples::explored(&samples::memo());
    let data = data(&page_of(explored.clone()));
    let told = data["told"].as_array().unwrap();
    assert_eq!(told.len(), 70);
    let rows = data["rows"].as_array().unwrap();
    let distinct: std::collections::BTreeSet<String> =
        rows.iter().map(ToString::to_string).collect();
    assert!(
        distinct.len() == rows.len() && rows.len() < 70 * 8 / 3,
        "{}",
        rows.len()
    );
    for (one, of) in told.iter().zip(&explored.told) {
        assert_eq!(one["schedule"], of.schedule.to_string());
        assert_eq!(one["outcome"], of.outcome);
        assert_eq!(one["exposing"], !of.exposures.is_empty());
        let shown: Vec<&str> = one["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                rows[usize::try_from(row.as_u64().unwrap()).unwrap()]["what"]
                    .as_str()
                    .unwrap()
            })
            .collect();
        let steps: Vec<&str> = of.steps.iter().map(|step| step.what.as_str()).collect();
        assert_eq!(shown, steps);
    }
}

#[test]
fn a_swap_that_goes_on_otherwise_says_so() {
    let mut explored = samples::explored(&samples::memo());
    let begin: Schedule = explored.told[0].schedule.clone();
    let mut swapped = begin.clone();
    swapped.0.swap(1, 2);
    let place = explored
        .told
        .iter()
        .position(|told| told.schedule == swapped)
        .unwrap();
    // After the swap one step more was needed.
    let mut longer = explored.told[place].clone();
    longer.schedule.0.insert(7, longer.schedule.0[7]);
    let waits = history::StepTold {
        ended: StepEnd::Blocked,
        ..longer.steps[7].clone()
    };
    longer.steps.insert(7, waits);
    explored.told = vec![explored.told[0].clone(), longer];
    let data = data(&page_of(explored));
    assert_eq!(data["told"][0]["swaps"][1], serde_json::json!([1]));
    assert_eq!(data["told"][0]["swaps"][5], "not told");
    assert!(data["told"][0]["swaps"][7].is_null());
}

#[test]
fn a_schedule_that_is_not_told_is_run_by_the_command_or_the_call_that_the_page_gives() {
    let mut explored = samples::explored(&samples::memo());
    explored.told.truncate(3);
    // No character of it needs quotes; those of other schedules do.
    let schedule: Schedule = "R1,R2,R1,R2".parse().unwrap();
    explored.found[0].replay = format!("xw1:0123abcd:tokio-permit-first:{schedule}");
    explored.found[0].schedule = schedule;
    let mut report = report_of(vec![explored.clone()]);
    let again = |report: &Report| {
        let again = &data(&page(report))["again"];
        let part = |name: &str| again[name].as_str().unwrap().to_owned();
        format!("{}R1*3,R2{}", part("before"), part("after"))
    };
    assert_eq!(
        again(&report),
        "crosswire explore ./notes.toml --schedule 'xw1:0123abcd:tokio-permit-first:R1*3,R2'"
    );
    report.replay = None;
    assert_eq!(
        again(&report),
        ".schedule(\"xw1:0123abcd:tokio-permit-first:R1*3,R2\")"
    );
    let said = "Where it says “not told”, that schedule is not in this page.";
    assert!(!page_of(samples::explored(&samples::memo())).contains(said));
    assert!(page_of(samples::cancelled()).contains(said));
}

#[test]
fn what_findings_take_is_told_in_schedules() {
    let mut report = all()["explored-exposed"].clone();
    let told = report.findings[0].clone();
    assert_eq!(told.shown_by.as_ref().unwrap().preemptions, 1);
    let mut alone = told.clone();
    (alone.shown_by, alone.phase) = (None, history::Phase::Solo);
    let mut serial = told.clone();
    serial.shown_by.as_mut().unwrap().schedule = "R1*3,R2*4".parse().unwrap();
    let mut unkept = told.clone();
    (unkept.shown_by, unkept.phase) = (None, history::Phase::Volley);
    let mut lead = |findings: &[&Finding]| {
        report.findings = findings.iter().map(|finding| (*finding).clone()).collect();
        let page = page(&report);
        assert!(!page.contains(">First seen</th>"), "{page}");
        let (_, lead) = page.split_once("<p class=\"hint\">Found: ").unwrap();
        lead.split_once(". The most").unwrap().0.to_owned()
    };
    let preemption =
        "(a preemption is a switch away from a request that could have gone on)".to_owned();
    assert_eq!(
        lead(&[&told, &told]),
        format!("2 in schedules with 1 preemption {preemption}")
    );
    assert_eq!(lead(&[&serial]), "1 with one request after the other");
    // So many that they stand in a table.
    assert_eq!(lead(&[&serial; 40]), "40 with one request after the other");
    assert_eq!(
        lead(&[&told, &alone, &unkept]),
        format!(
            "1 before the schedules, each request alone; 1 in schedules with 1 preemption; 1 in schedules that were not kept \
             {preemption}"
        )
    );
}

#[test]
fn sums_are_told_in_words_that_do_not_round_to_none_or_all() {
    let mut explored = samples::explored(&samples::repaired());
    let clean = page_of(explored.clone());
    assert!(clean.contains("Of 70 schedules <strong>none</strong> exposes anything. What was run: all 70 schedules."), "{clean}");
    assert!(clean.contains("One of the schedules"), "{clean}");
    explored.schedules = 12_870;
    for (exposing, share) in [
        (1, "0.1 %"),
        (12_869, "99.9 %"),
        (12_870, "all"),
        (6_435, "50.0 %"),
    ] {
        explored.exposing = exposing;
        let page = page_of(explored.clone());
        assert!(
            page.contains(&format!("expose something: <strong>{share}</strong>")),
            "{share}"
        );
    }
    for (coverage, words) in [
        (
            Coverage::WithinBound { bound: 2 },
            "all 12,870 schedules within 2 preemptions",
        ),
        (
            Coverage::Capped {
                bound: Some(1),
                limit: "60 seconds".into(),
            },
            "capped at 12,870 schedules (60 seconds); all within 1 preemption were run",
        ),
        (
            Coverage::Capped {
                bound: None,
                limit: "60 seconds".into(),
            },
            "capped at 12,870 schedules (60 seconds); not even all without a preemption were run.",
        ),
    ] {
        explored.coverage = coverage;
        let page = page_of(explored.clone());
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn a_warning_stands_once_beside_its_exploration() {
    let explored = samples::cancelled();
    let warning = explored.warnings[0].clone();
    let mut report = report_of(vec![explored]);
    report.notes.push(warning.clone());
    let page = page(&report);
    assert_eq!(page.matches(&warning).count(), 1, "{page}");
    assert!(
        page.contains("12 messages to a backend belonged to no request"),
        "{page}"
    );
}

#[test]
fn a_finding_leads_to_its_schedule_and_back() {
    let page = page_of(samples::explored(&samples::memo()));
    assert!(
        page.contains("<a href=\"#x0-0\"><code>R1*2,R2*4,R1*2</code></a>"),
        "{page}"
    );
    assert_eq!(page.matches("id=\"x0-0\"").count(), 1);
    assert!(
        page.contains("<a href=\"#f-00000001\">finding 00000001</a>"),
        "{page}"
    );
}

#[test]
fn long_and_many_schedules_do_not_swell_the_page() {
    let long = Schedule(vec![history::Move::Request(0); walk::LONGEST + 1]);
    let mut explored = samples::explored(&samples::memo());
    let step = explored.told[0].steps[0].clone();
    explored.told[0].steps = vec![step; walk::LONGEST + 1];
    explored.told[0].schedule = long.clone();
    explored.found[0].schedule = long;
    let page = page_of(explored.clone());
    assert!(
        page.contains("It has 1,001 steps, too many to show one by one."),
        "{page}"
    );
    let many = page_of_many(&vec![samples::sixty(); 50]);
    assert!(many < 8_000_000, "{many}");
}

fn page_of_many(explored: &[Explored]) -> usize {
    page(&report_of(explored.to_vec())).len()
}
