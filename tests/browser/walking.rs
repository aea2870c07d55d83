//! Walking through a schedule and to its neighbours, with the keyboard alone.

use std::collections::BTreeSet;

use crosswire::history::{Explored, Schedule};

use super::chromium::Browser;
use super::pages::page;
use super::samples::{self, USERS};

/// The first schedule's part of the page, and what it shows.
const STEP: &str = "document.querySelector('.walk [aria-current=step] > th').textContent";
const SAID: &str = "document.querySelector('.walk .said').textContent";
const SCHEDULE: &str = "document.querySelector('.walk h5 code').textContent";
const OUTCOME: &str = "document.querySelector('.walk .outcome').textContent";
/// What has the focus, as a listener is told.
const FOCUSED: &str = "(() => { const e = document.activeElement; return e.getAttribute('aria-label') || e.textContent.trim(); })()";

fn started(explored: Explored) -> Option<(Browser, Explored)> {
    let mut browser = Browser::start()?;
    let page = page(vec![explored.clone()]);
    browser.open(&page.file);
    Some((browser, explored))
}

/// Into the schedule's steps.
fn enter(browser: &mut Browser) {
    browser.value("document.querySelector('.walk .steps-of').focus()");
}

#[test]
fn arrow_keys_lead_through_the_steps_and_each_is_announced() {
    let Some((mut browser, explored)) = started(samples::explored(&samples::memo())) else {
        return;
    };
    let steps = &explored.told[0].steps;
    assert_eq!(browser.text(STEP), "8", "all steps are shown at first");
    enter(&mut browser);
    browser.press("Home");
    for (place, step) in steps.iter().enumerate() {
        assert_eq!(browser.text(STEP), (place + 1).to_string());
        let said = browser.text(SAID);
        let who = USERS[step.mv.request().unwrap()];
        let begin = format!("Step {} of 8. {} {who}: {}", place + 1, step.mv, step.what);
        assert!(said.starts_with(&begin), "{said}");
        let place_in_source = step.place.as_deref().unwrap_or_default();
        assert!(said.contains(place_in_source), "{said}");
        assert_eq!(said.contains("Holds"), !step.crossed.is_empty(), "{said}");
        let ahead =
            browser.value("document.querySelectorAll('.walk:first-of-type tr.ahead').length");
        assert_eq!(ahead, steps.len() - place - 1);
        browser.press("ArrowDown");
    }
    assert_eq!(browser.text(STEP), "8", "there is none after the last");
    browser.press("ArrowUp");
    assert_eq!(browser.text(STEP), "7");
    let said = browser.text(SAID);
    assert!(
        said.contains("memo = bob, written by R2 bob, read now by R1 alice"),
        "{said}"
    );
    assert!(said.contains("Decisive"), "{said}");
    browser.press("Home");
    assert_eq!(browser.text(STEP), "1");
    browser.press("ArrowUp");
    assert_eq!(browser.text(STEP), "1", "there is none before the first");
    browser.press("End");
    assert_eq!(browser.text(STEP), "8");
    let live = browser.text("document.querySelector('.walk .said').getAttribute('role')");
    assert_eq!(live, "status");
}

#[test]
fn buttons_do_what_the_keys_do() {
    let Some((mut browser, _)) = started(samples::explored(&samples::memo())) else {
        return;
    };
    let mut push = |name: &str| {
        browser.value(&format!(
            "[...document.querySelectorAll('.walk .controls button')].find(b => b.textContent === '{name}').focus()"
        ));
        browser.press("Enter");
        browser.text(STEP)
    };
    assert_eq!(push("First"), "1");
    assert_eq!(push("Forward"), "2");
    assert_eq!(push("Back"), "1");
    assert_eq!(push("Back"), "1", "it is off at the first step");
    assert_eq!(push("Last"), "8");
}

#[test]
fn swapping_leads_to_the_neighbour_and_from_there_on() {
    let Some((mut browser, explored)) = started(samples::explored(&samples::memo())) else {
        return;
    };
    let mut moves = explored.told[0].schedule.clone();
    enter(&mut browser);
    // The second step with the third, then the third with the fourth of what came of it.
    for (down, at) in [(1, 1), (2, 2), (0, 0)] {
        browser.press("Home");
        for _ in 0..down {
            browser.press("ArrowDown");
        }
        browser.press("s");
        moves.0.swap(at, at + 1);
        let told = explored.told.iter().find(|told| told.schedule == moves);
        let told = told.unwrap();
        assert_eq!(browser.text(SCHEDULE), moves.to_string());
        let crosses = if told.exposures.is_empty() {
            "Nothing crosses"
        } else {
            "Data crosses"
        };
        let outcome = format!("{crosses}: {}", told.outcome);
        assert_eq!(browser.text(OUTCOME), outcome);
        let said = browser.text(SAID);
        assert!(
            said.contains(&format!("Swapped steps {} and {}", at + 1, at + 2))
                && said.contains(&outcome),
            "{said}"
        );
        let crossing =
            browser.value("document.querySelector('.walk').querySelectorAll('tr.crossing').length");
        let crossed = told.steps.iter().filter(|step| !step.crossed.is_empty());
        assert_eq!(crossing, crossed.count());
    }
    assert_eq!(
        browser.text(FOCUSED),
        "Steps of the schedule, time downwards"
    );
    for _ in 0..3 {
        browser.press("u");
    }
    let first = &explored.told[0];
    assert_eq!(browser.text(SCHEDULE), first.schedule.to_string());
    assert_eq!(
        browser.text(OUTCOME),
        format!("Data crosses: {}", first.outcome)
    );
}

#[test]
fn every_swap_of_every_schedule_is_the_right_one() {
    let Some((mut browser, explored)) = started(samples::explored(&samples::memo())) else {
        return;
    };
    // As the page's data say it; that the page shows what they say is tested above.
    let data = browser.text("document.getElementById('data-x0').textContent");
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    let told = data["told"].as_array().unwrap();
    assert_eq!(told.len(), explored.told.len());
    let mut swaps = 0;
    for one in told {
        let schedule: Schedule = one["schedule"].as_str().unwrap().parse().unwrap();
        for (at, swap) in one["swaps"].as_array().unwrap().iter().enumerate() {
            let is_between = schedule.0.get(at) != schedule.0.get(at + 1);
            if at + 1 == schedule.0.len() || !is_between {
                assert!(swap.is_null());
                continue;
            }
            let mut wanted = schedule.clone();
            wanted.0.swap(at, at + 1);
            let next = &told[usize::try_from(swap.as_u64().unwrap()).unwrap()];
            assert_eq!(next["schedule"], wanted.to_string());
            swaps += 1;
        }
    }
    assert!(swaps > 200, "{swaps}");
}

#[test]
fn the_button_between_two_steps_swaps_them_and_back() {
    let Some((mut browser, explored)) = started(samples::explored(&samples::memo())) else {
        return;
    };
    browser.value("document.querySelector('.walk td.swap button').focus()");
    assert_eq!(browser.text(FOCUSED), "Swap steps 2 and 3: data crosses");
    browser.press("Enter");
    assert_eq!(browser.text(SCHEDULE), "R1,R2,R1,R2*3,R1*2");
    assert_eq!(
        browser.text(FOCUSED),
        "Swap steps 2 and 3: data crosses",
        "the focus stays there"
    );
    browser.press("Enter");
    assert_eq!(
        browser.text(SCHEDULE),
        explored.told[0].schedule.to_string()
    );
}

#[test]
fn what_is_not_told_is_said_not_to_be() {
    let Some((mut browser, explored)) = started(samples::cancelled()) else {
        return;
    };
    enter(&mut browser);
    browser.press("Home");
    browser.press("s");
    let said = browser.text(SAID);
    assert!(said.contains("not among those told"), "{said}");
    assert_eq!(
        browser.text(SCHEDULE),
        explored.told[0].schedule.to_string()
    );
    // The command that runs it stands there instead, until one goes on.
    let by_hand = "(() => { const e = document.querySelector('.walk .by-hand'); return e.checkVisibility() ? e.querySelector('code').textContent : ''; })()";
    let mut swapped = explored.told[0].schedule.clone();
    swapped.0.swap(0, 1);
    let replay = &explored.found[0].replay;
    let head = replay
        .strip_suffix(&explored.told[0].schedule.to_string())
        .unwrap();
    let command = format!("crosswire explore ./notes.toml --schedule '{head}{swapped}'");
    assert_eq!(browser.text(by_hand), command);
    browser.press("ArrowDown");
    assert_eq!(browser.text(by_hand), "");
    browser.value("document.querySelector('.walk button.untold').focus()");
    assert_eq!(
        browser.text(FOCUSED),
        "Swap steps 1 and 2: not told, shows how to run it"
    );
    browser.press("Enter");
    assert_eq!(browser.text(by_hand), command);
    enter(&mut browser);
    browser.press("ArrowDown");
    browser.press("s");
    let said = browser.text(SAID);
    assert!(said.contains("the second needs the first"), "{said}");
    assert_eq!(
        browser.text("document.querySelectorAll('.walk td.swap .untold')[2].textContent"),
        "needs this step"
    );
}

#[test]
fn every_control_is_reached_by_tab_and_shows_its_focus() {
    let Some((mut browser, _)) = started(samples::explored(&samples::memo())) else {
        return;
    };
    let all = browser.value(
        "[...document.querySelectorAll('a[href], button, summary, [tabindex]')].filter(e => e.checkVisibility()).length",
    );
    let all = usize::try_from(all.as_u64().unwrap()).unwrap();
    browser.value("document.querySelectorAll('a[href], button, summary, [tabindex]').forEach((e, n) => { e.dataset.place = n })");
    let mut reached = BTreeSet::new();
    for _ in 0..all {
        browser.press("Tab");
        let place = browser.text("String(document.activeElement.dataset.place)");
        let outline = browser.text("getComputedStyle(document.activeElement).outlineStyle + ' ' + getComputedStyle(document.activeElement).outlineWidth");
        let name = browser.text(FOCUSED);
        assert!(
            name == "Skip to what was found" || outline == "solid 3px",
            "{name}: {outline}"
        );
        assert!(!name.is_empty() && name != "undefined", "{place}");
        reached.insert(place);
    }
    assert_eq!(reached.len(), all, "{reached:?}");
    let swaps = browser.value("[...document.querySelectorAll('.walk button')].length");
    assert!(swaps.as_u64().unwrap() >= 8, "{swaps}");
}

#[test]
fn the_tables_of_the_page_and_of_its_script_are_the_same() {
    for explored in [
        samples::explored(&samples::memo()),
        samples::cancelled(),
        samples::sixty(),
    ] {
        let Some(mut browser) = Browser::start() else {
            return;
        };
        let page = page(vec![explored]);
        let rows = "[...document.querySelectorAll('.walk')].map(walk => [walk.querySelector('.strip'), walk.querySelector('.outcome'), ...walk.querySelectorAll('tbody tr')].map(e => [e.className.replace(/ ?swapped/, ''), e.textContent, [...e.querySelectorAll('*')].filter(x => x.localName !== 'button' && !x.matches('.to')).map(x => x.localName + '.' + x.className + x.getAttribute('role')).join()].join('|')).join('\\n')).join('\\n\\n')";
        browser.open(&page.file);
        let by_script = browser.text(rows);
        browser.send(
            "Emulation.setScriptExecutionDisabled",
            &serde_json::json!({"value": true}),
        );
        browser.open(&page.file);
        let written = browser.text(rows);
        assert!(written.len() > 500, "{written}");
        assert_eq!(written, by_script);
    }
}
