//! Starts the backends: Redis, and PostgreSQL behind pgbouncer, each in a folder of its own, as an unprivileged user; and the
//! store of the bundled webmail.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crosswire_targets::mail::store_server::StoreServer;

use crate::postgres::postgres;
use crate::processes::{Running, as_user, hand_over, on_a_free_port, own_folder};
use crate::redis;
use crate::services::files;
use crate::software::{account, program};

/// A backend that runs until this is dropped. The programs end in the order in which they stand here.
pub(crate) struct Backend {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// Held for its end.
    _runs: Runs,
}

enum Runs {
    Programs { _programs: Vec<Running> },
    Here { _store: StoreServer },
}

/// The bundled webmail's store, with two users.
pub(crate) fn store(_: &Path) -> Result<Backend, String> {
    let store = StoreServer::start(2).map_err(|error| error.to_string())?;
    Ok(Backend {
        address: store.addr(),
        _runs: Runs::Here { _store: store },
    })
}

/// Redis, in memory alone.
pub(crate) fn redis(folder: &Path) -> Result<Backend, String> {
    let (running, port) = redis::redis(folder, &account()?)?;
    Ok(Backend {
        address: loopback(port),
        _runs: Runs::Programs {
            _programs: vec![running],
        },
    })
}

/// PostgreSQL with the table of `services/notes.sql`, behind pgbouncer, which lends its sessions for a transaction each.
pub(crate) fn pooled_postgres(folder: &Path) -> Result<Backend, String> {
    let (pgbouncer, account) = (program("pgbouncer")?, account()?);
    let (postgres, port) = postgres(folder, &account, "notes", &files().join("notes.sql"))?;
    let folder = own_folder(folder, "pgbouncer", &account);
    let template = fs::read_to_string(files().join("pgbouncer.ini")).unwrap();
    let settings = folder.join("pgbouncer.ini");
    let log = folder.join("pgbouncer.stderr");
    let (running, port) = on_a_free_port(&folder, &log, "process up", |own| {
        let filled = template.replace("@POSTGRES@", &port.to_string());
        fs::write(&settings, filled.replace("@PORT@", &own.to_string())).unwrap();
        hand_over(&settings, &account);
        let mut command = as_user(&pgbouncer, &account);
        command.arg(&settings);
        command
    })?;
    Ok(Backend {
        address: loopback(port),
        _runs: Runs::Programs {
            _programs: vec![running, postgres],
        },
    })
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
