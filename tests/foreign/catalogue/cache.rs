//! Class 2 of the catalogue with nginx as the cache: the same variants, written as its configuration, before the bundled
//! service; and what is expected of the one is expected of the other.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crosswire_targets::{Options, start};

use super::{USERS, class, comes_out};
use crate::processes::{Running, on_a_free_port};
use crate::services::{nginx_there, says};
use crate::software::{Account, account, program, services};

/// Where the files say that the service is, and that nginx is.
const ADDRESSES: [&str; 2] = ["127.0.0.1:8001", "127.0.0.1:8002"];

#[test]
fn every_variant_of_the_cache_is_written_for_nginx_too() {
    let names = fs::read_dir(rules()).unwrap().map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.trim_end_matches(".conf").to_owned()
    });
    let variants = class("cache").variants.iter();
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
    let made_of = says(&nginx, &["-v"]);
    for variant in class("cache").variants {
        let folder = tempfile::tempdir().unwrap();
        // What it keeps itself is nothing that the scenario asks for.
        let service = start(Options {
            users: USERS,
            ..Options::new("cache", "public-only")
        })
        .unwrap();
        let (_nginx, port) = before(
            service.addr(),
            &nginx,
            &account,
            folder.path(),
            variant.name,
        );
        let url = format!("http://127.0.0.1:{port}");
        comes_out("cache", variant, &url, folder.path(), &made_of);
    }
}

fn rules() -> PathBuf {
    services().join("nginx/cache")
}

/// nginx with the variant's rules in front of this service, and its port.
fn before(
    service: SocketAddr,
    nginx: &Path,
    account: &Account,
    folder: &Path,
    variant: &str,
) -> (Running, u16) {
    // It is written, with a line's end, once nginx has its port.
    let written = folder.join("nginx.pid");
    let started = on_a_free_port(folder, &written, "\n", |port| {
        let addresses = [service.to_string(), format!("127.0.0.1:{port}")];
        for (from, to) in [("nginx", "nginx.conf"), (variant, "rules.conf")] {
            let from = rules().join(from).with_extension("conf");
            let text = fs::read_to_string(from).unwrap();
            let changes = ADDRESSES.iter().zip(&addresses);
            let text = changes.fold(text, |text, (from, to)| text.replace(from, to));
            fs::write(folder.join(to), text).unwrap();
        }
        nginx_there(nginx, folder, account)
    });
    started.unwrap_or_else(|why| panic!("{why}"))
}
