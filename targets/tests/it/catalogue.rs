//! The catalogue, and what is not started.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use crosswire_targets::mail::variant::Variant;
use crosswire_targets::{Options, Role, StoreKind, start, targets};

#[test]
fn the_catalogue_names_what_can_be_started() {
    for target in targets() {
        assert_eq!(
            target.variants[0].role,
            Role::Fault,
            "{}: the fault comes first",
            target.name
        );
        assert!(
            target
                .variants
                .iter()
                .any(|variant| variant.role == Role::Fixed)
        );
        for variant in target.variants {
            let options = Options {
                store: StoreKind::Memory,
                ..Options::new(target.name, variant.name)
            };
            let server = start(options).unwrap();
            assert!(server.addr().port() > 0 && server.certificate_pem().is_none());
        }
    }
    let mail = targets()
        .iter()
        .find(|target| target.name == "mail")
        .unwrap();
    let names: Vec<_> = mail.variants.iter().map(|variant| variant.name).collect();
    assert_eq!(names, Variant::ALL.map(Variant::name));
}

#[test]
fn every_folder_with_a_story_is_a_class_of_the_catalogue() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders = fs::read_dir(sources).unwrap().map(Result::unwrap);
    let told: BTreeSet<String> = folders
        .filter(|entry| entry.path().join("story.md").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let listed: BTreeSet<String> = targets()
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    assert_eq!(told, listed);
    assert!(targets().is_sorted_by(|a, b| a.class.number < b.class.number));
    for target in targets() {
        let (name, class, story) = (target.name, target.class, target.story);
        assert!(
            !class.cwe.is_empty() && !class.triggers.is_empty(),
            "{name}"
        );
        assert!(!class.incidents.is_empty(), "{name}");
        assert!(story.starts_with("# "), "{name}");
        for part in [
            "What happened",
            "What is shared",
            "Why the tempting repair",
            "Why the repair",
        ] {
            assert!(story.contains(&format!("**{part}")), "{name}: {part}");
        }
        for variant in target.variants {
            assert!(
                story.contains(&format!("`{}`", variant.name)),
                "{name}: {}",
                variant.name
            );
        }
        let has = |role| target.variants.iter().any(|variant| variant.role == role);
        assert!(has(Role::Tempting), "{name}");
    }
}

#[test]
fn what_is_unknown_is_named_with_what_is_known() {
    let error = start(Options::new("mail", "shared-memo")).unwrap_err();
    assert!(error.is_unknown());
    assert_eq!(
        error.to_string(),
        "target \"mail\" has no variant \"shared-memo\"; it has shared-note, locked-note, one-lock, per-request"
    );
    let error = start(Options::new("post", "shared-note")).unwrap_err();
    let (said, names) = (
        error.to_string(),
        targets().iter().map(|target| target.name),
    );
    let listed = said.strip_prefix("there is no target \"post\"; there is ");
    let listed: Vec<&str> = listed.unwrap().split(", ").collect();
    assert_eq!(listed, names.collect::<Vec<_>>());
}

#[test]
fn what_a_story_shows_on_real_software_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for target in targets() {
        let Some((_, told)) = target.story.split_once("**On real software.**") else {
            assert!(!["cache", "replies", "tenants"].contains(&target.name));
            continue;
        };
        let quoted = told.split('`').skip(1).step_by(2);
        let paths: Vec<&str> = quoted.filter(|word| word.contains('/')).collect();
        assert!(!paths.is_empty(), "{}", target.name);
        for path in paths {
            assert!(root.join(path).exists(), "{}: {path}", target.name);
        }
    }
}

#[test]
fn a_store_elsewhere_is_on_this_machine_and_takes_its_own_time() {
    let elsewhere = |target: &str, variant: &str, address: &str| Options {
        store: StoreKind::Remote(address.parse().unwrap()),
        ..Options::new(target, variant)
    };
    for (target, variant) in [("replies", "pinged-first"), ("tenants", "left-set")] {
        let error = start(elsewhere(target, variant, "192.0.2.1:6379")).unwrap_err();
        assert!(error.is_store(), "{error}");
        assert_eq!(
            error.to_string(),
            "192.0.2.1:6379 is not a loopback address"
        );
    }
    let error = start(elsewhere("cache", "joined", "127.0.0.1:6379")).unwrap_err();
    assert!(error.to_string().contains("a store elsewhere"), "{error}");
    let slow = Options {
        store_delay: Duration::from_millis(1),
        ..elsewhere("replies", "pinged-first", "127.0.0.1:6379")
    };
    let error = start(slow).unwrap_err();
    assert!(
        error.to_string().contains("Redis takes its own time"),
        "{error}"
    );
}

#[test]
fn addresses_that_cannot_or_must_not_be_had_are_refused() {
    let options = Options {
        addr: "0.0.0.0:0".parse().unwrap(),
        ..Options::new("mail", "shared-note")
    };
    let error = start(options).unwrap_err();
    assert!(
        error.is_address() && error.to_string().contains("not a loopback address"),
        "{error}"
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let error = start(Options {
        addr,
        ..Options::new("mail", "shared-note")
    })
    .unwrap_err();
    assert!(
        error.is_address() && error.to_string().contains(&addr.to_string()),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_mail_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("letter.txt");
    fs::write(&text, "Dear Sir or Madam, ".repeat(100)).unwrap();
    let foreign = folder.path().join("foreign.sqlite");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE songs (title TEXT)")
        .unwrap();
    for path in [text, foreign] {
        let before = fs::read(&path).unwrap();
        let error = start(file_options(&path)).unwrap_err();
        assert!(error.is_store());
        let expected = format!(
            "mail store: {} is not a crosswire mail database",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    let error = start(file_options(
        &folder.path().join("no/such/folder/mail.sqlite"),
    ))
    .unwrap_err();
    assert!(
        error.is_store() && error.to_string().contains("cannot open"),
        "{error}"
    );
}

#[test]
fn another_schema_version_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.sqlite");
    start(file_options(&path)).unwrap().stop();
    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 7)
        .unwrap();
    let error = start(file_options(&path)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has schema version 7; this program reads version 1 only"),
        "{error}"
    );
}

fn file_options(path: &std::path::Path) -> Options {
    Options {
        store: StoreKind::File(path.to_owned()),
        ..Options::new("mail", "per-request")
    }
}
