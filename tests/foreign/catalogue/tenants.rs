//! Class 4 of the catalogue with PostgreSQL as the database: the same service, its connection a session there, and row-level
//! security in place of the view.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crosswire_targets::{Options, StoreKind, start};

use super::{USERS, class, comes_out};
use crate::postgres::postgres;
use crate::software::account;

#[test]
fn tenants_in_postgresql_come_out_as_the_catalogue_expects_of_them_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets/src/tenants/postgres.sql");
    let started = account().and_then(|account| postgres(folder.path(), &account, "tenants", &made));
    let (_postgres, port) = match started {
        Ok(started) => started,
        Err(why) => return eprintln!("skipped tenants in PostgreSQL: {why}"),
    };
    for variant in class("tenants").variants {
        let service = start(Options {
            users: USERS,
            store: StoreKind::Remote(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            ..Options::new("tenants", variant.name)
        })
        .unwrap();
        let url = service.base_url();
        comes_out("tenants", variant, &url, folder.path(), "PostgreSQL");
    }
}
