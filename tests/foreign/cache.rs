//! Class 2 of the catalogue with nginx as the cache: the same variants, written as its configuration, before the bundled
//! service; and what is expected of the one is expected of the other.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crosswire_targets::{Engine, Options, Sees, TargetInfo, VariantInfo, start, targets};
use serde_json::Value;

use crate::processes::{Running, free_ports};
use crate::services::{says, start_nginx};
use crate::software::{Account, account, program, services};
use crate::trial::{Verdict, run, tell};

/// Users of the shipped scenario.
const USERS: usize = 6;

/// So that what is right has overlaps enough on any machine; the scenario's own rounds are for a shorter way.
const ROUNDS: &str = "30";

/// Ports that are tried: another program may take one between its being found free and its being used.
const PORTS: usize = 5;

/// Where the files say that the service is, and that nginx is.
const ADDRESSES: [&str; 2] = ["127.0.0.1:8001", "127.0.0.1:8002"];

#[test]
fn every_variant_of_the_cache_is_written_for_nginx_too() {
    let names = fs::read_dir(rules()).unwrap().map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.trim_end_matches(".conf").to_owned()
    });
    let variants = class().variants.iter();
    let expected = variants.map(|variant| variant.name).chain(["nginx"]);
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        expected.map(str::to_owned).collect()
    );
}

#[test]
fn nginx_comes_out_as_the_catalogue_expects_of_a_cache() {
    let found = program("nginx").and_then(|nginx| Ok((nginx, account()?)));
    let (nginx, account) = match found {
        Ok(found) => found,
        Err(why) => return eprintln!("skipped nginx as the cache: {why}"),
    };
    for variant in class().variants {
        tried(&nginx, &account, variant);
    }
}

fn class() -> &'static TargetInfo {
    let target = targets().iter().find(|target| target.name == "cache");
    target.unwrap()
}

fn rules() -> PathBuf {
    services().join("nginx/cache")
}

/// Fires the shipped scenario at nginx with the variant's rules.
fn tried(nginx: &Path, account: &Account, variant: &VariantInfo) {
    let folder = tempfile::tempdir().unwrap();
    // What it keeps itself is nothing that the scenario asks for.
    let service = start(Options {
        users: USERS,
        ..Options::new("cache", "public-only")
    })
    .unwrap();
    let (_nginx, port) = before(service.addr(), nginx, account, folder.path(), variant.name);
    let url = format!("http://127.0.0.1:{port}");
    let mut expected = variant.expected.iter();
    let expected = expected.find(|expected| expected.engine == Engine::Fire);
    let expected = expected.unwrap().sees;
    let verdict = match expected {
        Sees::Nothing => Verdict::Isolated,
        Sees::InSequence | Sees::InRace => Verdict::Exposed,
    };
    let arguments = ["cache", "--url", &url, "--rounds", ROUNDS];
    let report = run(folder.path(), &arguments, verdict);
    tell(variant.name, &says(nginx, &["-v"]), &report);
    assert_eq!(seen(&report), expected, "{}", variant.name);
}

/// nginx in front of this service, and its port.
fn before(
    service: SocketAddr,
    nginx: &Path,
    account: &Account,
    folder: &Path,
    variant: &str,
) -> (Running, u16) {
    let mut problem = String::new();
    for _ in 0..PORTS {
        let [port] = free_ports();
        let addresses = [service.to_string(), format!("127.0.0.1:{port}")];
        for (from, to) in [("nginx", "nginx.conf"), (variant, "rules.conf")] {
            let from = rules().join(from).with_extension("conf");
            let text = fs::read_to_string(from).unwrap();
            let changes = ADDRESSES.iter().zip(&addresses);
            let text = changes.fold(text, |text, (from, to)| text.replace(from, to));
            fs::write(folder.join(to), text).unwrap();
        }
        match start_nginx(nginx, folder, account) {
            Ok(running) => return (running, port),
            Err(why) => problem = why,
        }
    }
    panic!("{problem}")
}

/// What the report says was seen.
fn seen(report: &Value) -> Sees {
    let exposures = report["exposures"].as_array().unwrap();
    let takes_no_race = |exposure: &Value| {
        let phase = exposure["phase"].as_str().unwrap();
        ["setup", "solo", "sequence"].contains(&phase) || exposure["round"] == 0
    };
    match exposures.is_empty() {
        true => Sees::Nothing,
        false if exposures.iter().any(takes_no_race) => Sees::InSequence,
        false => Sees::InRace,
    }
}
