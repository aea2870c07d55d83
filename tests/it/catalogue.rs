//! The catalogue: what it lists, what it runs, and whether what it expects is what the engines say.

use std::sync::Mutex;
use std::thread;

use crosswire_targets::{Role, targets};

use crate::command::run;

#[test]
fn the_list_names_every_class_and_variant_and_a_page_tells_of_one() {
    let list = run(["catalogue"]);
    assert_eq!((list.code, list.stderr.as_str()), (0, ""));
    for target in targets() {
        let page = run(["catalogue", target.name]);
        let by_number = run(["catalogue", &target.class.number.to_string()]);
        assert_eq!(page.stdout, by_number.stdout);
        assert!(page.stdout.ends_with(target.story), "{}", target.name);
        for incident in target.class.incidents {
            // It may be broken over several lines, but not within a word.
            let word = incident.source.split(' ').next().unwrap();
            assert!(page.stdout.contains(word), "{}: {word}", target.name);
        }
        for variant in target.variants {
            let row = format!("    {:8}    {}", variant.role.to_string(), variant.name);
            assert!(list.stdout.contains(&row), "{row}");
        }
    }
}

#[test]
fn what_is_not_in_the_catalogue_is_refused_with_what_is() {
    for (given, expected) in [
        ("catalogue 99", "has no class `99`; it has 1 mail, 2 cache"),
        (
            "run catalogue/nothing",
            "has no class `nothing`; it has 1 mail",
        ),
        (
            "run catalogue mail-2008",
            "run it and scenarios one after the other",
        ),
        ("run catalogue --rounds 3", "--rounds is for a scenario"),
        (
            "run catalogue --threshold pairs>=1",
            "--threshold is for a scenario",
        ),
        (
            "run catalogue --duration 5s",
            "--duration is for a scenario",
        ),
        ("run catalogue --insecure", "--insecure is for a scenario"),
        (
            "run catalogue --report json=x.json",
            "--report is for a scenario",
        ),
        ("run mail-2008 --quick", "--quick is for the catalogue"),
    ] {
        let refused = run(given.split(' '));
        assert_eq!(refused.code, 2, "{given}");
        assert!(
            refused.stderr.contains(expected),
            "{given}: {}",
            refused.stderr
        );
        assert_eq!(refused.stdout, "", "{given}");
    }
}

/// Reality against the data of the catalogue: every variant by every engine that applies.
#[test]
fn the_engines_say_what_the_catalogue_expects() {
    let left = Mutex::new(targets().iter());
    let work = || {
        loop {
            let Some(target) = left.lock().unwrap().next() else {
                return;
            };
            let class = format!("catalogue/{}", target.name);
            let ran = run(["run", &class, "--quick", "--seed", "2008"]);
            assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
            let rows: usize = target
                .variants
                .iter()
                .map(|variant| variant.expected.len())
                .sum();
            assert!(
                ran.stdout.contains(&format!("all {rows} rows as expected")),
                "{}",
                ran.stdout
            );
            for variant in target
                .variants
                .iter()
                .filter(|variant| variant.role != Role::Fixed)
            {
                let name = format!("{}/{}", target.name, variant.name);
                let from = ran.stdout.find(&name).expect(&name);
                let rows = ran.stdout[from..].lines().take(variant.expected.len());
                assert!(
                    rows.into_iter().any(|row| row.contains(" EXPOSED ")),
                    "{name}"
                );
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}
