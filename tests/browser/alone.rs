//! The page needs nothing but itself: no network, no scripts, no wide window.

use serde_json::json;

use super::chromium::Browser;
use super::pages::page;
use super::samples;

#[test]
fn nothing_is_loaded_and_no_policy_is_broken() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let page = page(vec![
        samples::explored(&samples::memo()),
        samples::cancelled(),
    ]);
    browser.open(&page.file);
    browser.value("[...document.querySelectorAll('button')].forEach(button => button.click())");
    browser.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    let requested: Vec<&str> = browser
        .told("Network.requestWillBeSent")
        .iter()
        .filter_map(|event| event["request"]["url"].as_str())
        .collect();
    assert_eq!(requested.len(), 1, "{requested:?}");
    assert!(requested[0].ends_with("/report.html"), "{requested:?}");
    for trouble in [
        "Log.entryAdded",
        "Runtime.exceptionThrown",
        "Runtime.consoleAPICalled",
    ] {
        assert!(
            browser.told(trouble).is_empty(),
            "{trouble}: {:?}",
            browser.told(trouble)
        );
    }
    let walks = browser.value("document.querySelectorAll('.walk .controls').length");
    assert_eq!(walks, 3, "the script ran");
}

#[test]
fn no_other_script_would_run() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let page = page(vec![samples::explored(&samples::memo())]);
    let text = std::fs::read_to_string(&page.file).unwrap();
    let planted = text.replacen(
        "</body>",
        "<script>document.title = 'planted'</script></body>",
        1,
    );
    std::fs::write(&page.file, planted).unwrap();
    browser.open(&page.file);
    assert!(browser.text("document.title").contains("crosswire report"));
    assert_eq!(
        browser.value("document.querySelectorAll('.walk .controls').length"),
        2
    );
    let said = browser.told("Log.entryAdded");
    assert!(!said.is_empty(), "the policy stopped it");
}

#[test]
fn what_a_service_says_stays_text() {
    const HOSTILE: &str = "</script><script>document.title = 'planted'</script><img src=x onerror=\"document.title = 'planted'\">";
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut explored = samples::explored(&samples::memo());
    for told in &mut explored.told {
        told.outcome = HOSTILE.into();
        for step in &mut told.steps {
            step.what = HOSTILE.into();
            step.place = Some(HOSTILE.into());
            for shared in &mut step.shared {
                shared.value = HOSTILE.into();
            }
        }
    }
    let page = page(vec![explored]);
    browser.open(&page.file);
    browser.value("[...document.querySelectorAll('button')].forEach(button => button.click())");
    assert_eq!(browser.value("document.images.length"), 0);
    assert!(browser.text("document.title").contains("crosswire report"));
    let shown = browser.text("document.querySelector('.walk tbody .what').textContent");
    assert_eq!(shown, HOSTILE);
    assert!(browser.told("Log.entryAdded").is_empty());
}

#[test]
fn without_scripts_all_steps_are_there_and_no_dead_controls() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.send(
        "Emulation.setScriptExecutionDisabled",
        &json!({"value": true}),
    );
    let explored = samples::explored(&samples::memo());
    let page = page(vec![explored.clone()]);
    browser.open(&page.file);
    assert_eq!(
        browser.value("document.querySelectorAll('button').length"),
        0
    );
    let shown = browser.text("document.querySelector('.walk').innerText");
    let found = &explored.found[0];
    let told = explored
        .told
        .iter()
        .find(|told| told.schedule == found.schedule)
        .unwrap();
    assert!(
        shown.contains(&found.schedule.to_string()) && shown.contains(&told.outcome),
        "{shown}"
    );
    for step in &told.steps {
        assert!(shown.contains(&step.what), "{}: {shown}", step.what);
    }
    assert!(
        shown.contains("Holds bob’s data") && shown.contains("data crosses"),
        "{shown}"
    );
    let rows = browser.value("document.querySelector('.walk tbody').rows.length");
    assert_eq!(rows, told.steps.len());
    browser.picture("without-scripts");
}

#[test]
fn no_window_is_too_narrow() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for (name, explored) in [
        ("memo", samples::explored(&samples::memo())),
        ("repaired", samples::explored(&samples::repaired())),
        ("cancelled", samples::cancelled()),
        ("sixty", samples::sixty()),
    ] {
        let page = page(vec![explored]);
        for scheme in ["light", "dark"] {
            browser.send(
                "Emulation.setEmulatedMedia",
                &json!({"media": "screen", "features": [{"name": "prefers-color-scheme", "value": scheme}]}),
            );
            for width in [320, 390, 768, 1280] {
                browser.resize(width, 900);
                browser.open(&page.file);
                assert_eq!(
                    browser.value("document.querySelectorAll('.walk .controls').length > 0"),
                    true
                );
                let wide = browser.value("document.documentElement.scrollWidth");
                assert!(
                    wide.as_u64().unwrap() <= width.into(),
                    "{name} at {width}: {wide}"
                );
                browser.picture(&format!("{name}-{scheme}-{width}"));
            }
        }
        browser.send(
            "Emulation.setEmulatedMedia",
            &json!({"media": "print", "features": []}),
        );
        browser.resize(760, 900);
        let controls = browser.value("[...document.querySelectorAll('button')].filter(b => b.checkVisibility() && !b.closest('td')).length");
        assert_eq!(controls, 0, "{name}: nothing to press is printed");
        browser.picture(&format!("{name}-print"));
    }
}
