//! Class 3 of the catalogue with Redis at the other end of the pool's connections.

use std::net::{Ipv4Addr, SocketAddr};

use crosswire_targets::{Options, StoreKind, start};

use super::{USERS, class, comes_out};
use crate::redis::redis;
use crate::software::account;

#[test]
fn a_pool_over_redis_comes_out_as_the_catalogue_expects_of_one_over_the_small_server() {
    for variant in class("replies").variants {
        let folder = tempfile::tempdir().unwrap();
        let started = account().and_then(|account| redis(folder.path(), &account));
        let (_redis, port) = match started {
            Ok(started) => started,
            Err(why) => return eprintln!("skipped a pool over Redis: {why}"),
        };
        let service = start(Options {
            users: USERS,
            store: StoreKind::Remote(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            ..Options::new("replies", variant.name)
        })
        .unwrap();
        let url = service.base_url();
        comes_out("replies", variant, &url, folder.path(), "Redis");
    }
}
