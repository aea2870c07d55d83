//! What holds of every page: its structure, and that no text becomes markup.

use std::collections::BTreeMap;

use super::super::testing::{HOSTILE, all};
use super::exploration_tests::reports;
use super::*;

pub(super) fn page(report: &Report) -> String {
    let mut bytes = Vec::new();
    render(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Runs of every engine.
fn of_all_engines() -> BTreeMap<&'static str, Report> {
    all().into_iter().chain(reports()).collect()
}

/// The page without what stands in its scripts.
pub(super) fn without_scripts(page: &str) -> String {
    let mut parts = page.split("<script");
    let mut rest = parts.next().unwrap().to_owned();
    for part in parts {
        let (begin, content) = part.split_once('>').unwrap();
        let (_, after) = content.split_once("</script>").unwrap();
        rest += &format!("<script{begin}></script>{after}");
    }
    rest
}

/// Names of the elements in the order of their tags; closing ones begin with `/`.
pub(super) fn tags(page: &str) -> Vec<&str> {
    let (head, body) = page.split_once("<style>").unwrap();
    let body = body.split_once("</style>").unwrap().1;
    [head, body]
        .into_iter()
        .flat_map(|part| part.split('<').skip(1))
        .map(|tag| tag.split([' ', '>', '\n']).next().unwrap())
        .collect()
}

#[test]
fn the_page_is_well_formed_and_keeps_to_known_elements() {
    const VOID: [&str; 3] = ["meta", "!doctype", "wbr"];
    const DRAWN: [&str; 5] = ["line", "rect", "circle", "path", "text"];
    const KNOWN: &str = "html head title style body a header p svg desc h1 h2 h3 h4 h5 span strong script nav ul ol li main section div dl dt dd \
                         details summary figure figcaption tspan code pre mark table caption thead tbody tr th td footer";
    for (name, report) in of_all_engines() {
        let page = without_scripts(&page(&report));
        let mut open: Vec<&str> = Vec::new();
        let mut rest = page.as_str();
        while let Some(at) = rest.find('<') {
            let end = at + rest[at..].find('>').unwrap();
            let tag = &rest[at + 1..end];
            let element = tag.split([' ', '\n', '/']).next().unwrap();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(
                    open.pop(),
                    Some(closed),
                    "{name}: {}",
                    &rest[..end.min(300)]
                );
            } else if !VOID.contains(&element) && !tag.ends_with('/') {
                assert!(
                    KNOWN.split_whitespace().any(|known| known == element) || element == "text",
                    "{name}: <{tag}>"
                );
                open.push(element);
            } else {
                assert!(
                    VOID.contains(&element) || DRAWN.contains(&element),
                    "{name}: <{tag}>"
                );
            }
            rest = &rest[end + 1..];
        }
        assert!(open.is_empty(), "{name}: {open:?}");
    }
}

#[test]
fn hostile_text_stays_text() {
    let mut report = all()["hostile"].clone();
    report.findings[0].id = HOSTILE.into();
    report.findings[0].rule = HOSTILE.into();
    let page = page(&report);
    let tags = tags(&page);
    assert!(
        !tags
            .iter()
            .any(|tag| matches!(*tag, "script" | "/script" | "img")),
        "{tags:?}"
    );
    assert!(
        page.contains("&lt;&#x2f;script&gt;&lt;script&gt;alert(1)"),
        "{page}"
    );
    // Nothing of it ends an attribute.
    assert!(!page.contains("\"><img") && !page.contains("onerror=alert(1)>"));
    for hidden in ['\u{202e}', '\u{1b}', '\0'] {
        let from_service = &report.findings[0].viewer_side.request;
        assert!(!from_service.contains(hidden));
    }
    assert!(page.contains("⟨U+202E⟩"), "what is invisible is named");
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    for (name, report) in all() {
        if report
            .explored
            .iter()
            .any(|explored| !explored.told.is_empty())
        {
            continue;
        }
        let page = page(&report);
        for part in [
            "<script",
            "javascript:",
            "<link",
            "<iframe",
            "<object",
            "@import",
            "url(",
            "src=",
        ] {
            let found = page.contains(part);
            // As text a service may send any of it; it is escaped then.
            assert!(
                !found || (name == "hostile" && part == "src="),
                "{name}: {part}"
            );
        }
        assert!(page.contains("default-src 'none'"), "{name}");
    }
}

#[test]
fn headings_are_in_order_and_drawings_are_described() {
    for (name, report) in of_all_engines() {
        let page = without_scripts(&page(&report));
        let mut level = 0;
        for tag in tags(&page) {
            let Some(next) = tag.strip_prefix('h').and_then(|n| n.parse::<u32>().ok()) else {
                continue;
            };
            assert!(next <= level + 1, "{name}: h{next} after h{level}");
            level = next;
        }
        assert_eq!(page.matches("<h1>").count(), 1, "{name}");
        for svg in page.split("role=\"img\"").skip(1) {
            let labels = svg
                .split("aria-labelledby=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            for id in labels.split(' ') {
                assert_eq!(
                    page.matches(&format!(" id=\"{id}\"")).count(),
                    1,
                    "{name}: {id}"
                );
            }
        }
        let scoped = page.matches("<th scope=").count();
        assert_eq!(
            scoped,
            page.matches("<th ").count() + page.matches("<th>").count(),
            "{name}"
        );
        assert!(
            page.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{name}"
        );
    }
}

#[test]
fn an_exposure_is_shown_from_both_sides() {
    let page = page(&all()["exposed"]);
    assert!(page.contains("<p class=\"verdict exposed\">"), "{page}");
    assert_eq!(page.matches("<details class=\"finding\"").count(), 3);
    assert_eq!(page.matches("<section class=\"side viewer\"").count(), 3);
    assert_eq!(page.matches("<section class=\"side victim\"").count(), 3);
    let marked = page.matches("<mark>…").count();
    assert!(
        marked >= 6,
        "{marked}: the viewer's and the victim's answers hold the victim's canaries"
    );
    assert!(
        page.contains("<code class=\"command\">crosswire replay out&#x2f;report.json#"),
        "{page}"
    );
    assert!(
        page.contains("Spread of each volley") && page.contains("by offset"),
        "charts"
    );
    assert!(
        page.contains("<code>scenarios&#x2f;notes.toml:27</code>"),
        "{page}"
    );
}

#[test]
fn findings_that_are_closed_are_printed_too() {
    let page = page(&all()["exposed"]);
    let (_, print) = page.split_once("@media print{").unwrap();
    assert!(
        print.contains(".finding::details-content{content-visibility:visible"),
        "{print}"
    );
    // Browsers that cannot say what they leave out.
    assert!(print.contains("@supports not selector(::details-content){.opened{display:block}}"));
    assert!(page.contains("<p class=\"hint opened\">"));
}

#[test]
fn the_first_hundred_are_told_and_the_rest_is_listed() {
    let mut report = all()["exposed"].clone();
    let one = report.findings[0].clone();
    report.findings = (0..250)
        .map(|n| super::super::Finding {
            id: format!("{n:08x}"),
            ..one.clone()
        })
        .collect();
    report.findings_total = 1_000;
    let page = page(&report);
    assert_eq!(
        page.matches("<details class=\"finding\"").count(),
        IN_DETAIL
    );
    assert_eq!(page.matches("<tr id=\"f-").count(), 150);
    assert!(
        page.contains("750 further findings of this run are counted"),
        "{page}"
    );
}

#[test]
fn clean_and_poor_runs_say_what_they_are_worth() {
    let clean = page(&all()["isolated"]);
    assert!(
        clean.contains("Nothing was found in which") && clean.contains("0.16 %"),
        "{clean}"
    );
    assert!(!clean.contains("Exposures by offset"));
    let poor = page(&all()["inconclusive"]);
    assert!(
        poor.contains("What is lacking") && poor.contains("The run was interrupted"),
        "{poor}"
    );
    assert!(!poor.contains("id=\"charts\""));
}
