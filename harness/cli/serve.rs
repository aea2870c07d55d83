//! `crosswire serve`: a bundled target for a person to try.

use std::fmt::Write as _;
use std::sync::mpsc;

use crosswire_targets::{Options, Server, StoreKind, start};

use crate::args::ServeArgs;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::screen::Screen;

/// Starts the target, says how to use it, and stops it in good order at the first Ctrl-C or SIGTERM.
pub(crate) fn serve(args: &ServeArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let (target, variant) = args.target.split_once('/').ok_or_else(|| {
        Failure::usage(format!(
            "`{}` is not TARGET/VARIANT; `crosswire targets` lists them",
            args.target
        ))
    })?;
    if !args.addr.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--addr {}: `serve` never listens beyond this machine, since its targets have known faults and public \
             passwords; give a loopback address, such as 127.0.0.1:8080",
            args.addr
        )));
    }
    let mut options = Options::new(target, variant);
    options.addr = args.addr;
    options.store = match (&args.db, args.store_at) {
        (Some(path), _) => StoreKind::File(path.clone()),
        (None, Some(address)) => StoreKind::Remote(address),
        (None, None) => StoreKind::Temporary,
    };
    options.users = usize::try_from(args.users).unwrap_or(usize::MAX);
    options.store_delay = args.store_delay;
    options.tls = args.tls;
    // Listening for the signal comes first: one that arrives while the store is opened must not be lost.
    let (asked, wait) = mpsc::channel();
    interrupt::on_first_signal(move || {
        // The receiver is gone only when the command is ending already.
        let _ = asked.send(());
    })?;
    let server = start(options).map_err(|error| Failure::usage(error.to_string()))?;
    screen
        .out(welcome(args, &server).as_bytes())
        .map_err(|error| Failure::usage(format!("cannot write to stdout: {error}")))?;
    // An error would mean that the handler is gone; then nobody can ask any more either.
    let _ = wait.recv();
    server.stop();
    screen.say("stopped");
    Ok(exit::AS_EXPECTED)
}

/// What a person needs to know to use it. The address stands first, alone, so that a program can read it.
fn welcome(args: &ServeArgs, server: &Server) -> String {
    let mut text = format!("{}\n\n", server.base_url());
    let mut row = |label: &str, line: &str| {
        let _ = writeln!(text, "  {label:10}{line}");
    };
    row("target", &args.target);
    match args.users {
        1 => row("user", "user1, password password-user1"),
        n => row(
            "users",
            &format!("user1 to user{n}; the password of user1 is password-user1, and so on"),
        ),
    }
    match (&args.db, args.store_at) {
        (Some(path), _) => row("store", &format!("SQLite in {}; it stays", path.display())),
        (None, Some(address)) => row("store", &format!("at {address}; what is there stays")),
        (None, None) => row(
            "store",
            "SQLite in a temporary file; it goes when the server stops",
        ),
    }
    if !args.store_delay.is_zero() {
        row(
            "pause",
            &format!("{:?} before each operation of the store", args.store_delay),
        );
    }
    row("stop", "Ctrl-C");
    if let Some(pem) = server.certificate_pem() {
        let _ = write!(text, "\n{pem}");
    }
    text
}
