//! The same exploration twice leaves the same records, but for the time that it took.

use crosswire::check::Exploration;
use crosswire::scenario::SearchName;

use crate::elapsed;
use crate::webmail::exploration;

fn recorded(exploration: Exploration) -> Vec<serde_json::Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.ndjson");
    let _ = exploration.seed(2008).history(&path).run();
    elapsed::without(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn two_explorations_are_the_same() {
    for variant in ["shared-note", "one-lock"] {
        let [a, b] =
            [(), ()].map(|()| recorded(exploration(variant, ["read", "delete"]).preemptions(2)));
        assert!(a == b, "{variant}");
        assert!(a.len() > 10, "{variant}");
    }
}

#[test]
fn what_is_drawn_by_chance_is_drawn_from_the_seed() {
    for search in [SearchName::Random, SearchName::Pct] {
        let drawn = || {
            let exploration = exploration("locked-note", ["read", "read"]);
            recorded(exploration.search(search).executions(200))
        };
        assert!(drawn() == drawn(), "{search:?}");
    }
    let capped = || {
        recorded(
            exploration("locked-note", ["read", "read"])
                .executions(20)
                .samples(100),
        )
    };
    assert!(capped() == capped());
}
