//! Starts Roundcube behind nginx and PHP-FPM, with Dovecot for the mailboxes and a delivery from SMTP to LMTP.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::processes::{Running, as_user, free_ports, hand_over, listens, listens_at};
use crate::services::{Service, fill, says, start_nginx, text};
use crate::software::{Account, account, installed, php_fpm, place, program, services};

/// Mailboxes that are there.
const USERS: u32 = 20;

/// What it is made of, as found on this machine.
struct Software {
    nginx: PathBuf,
    dovecot: PathBuf,
    php_fpm: PathBuf,
    python: PathBuf,
    /// Roundcube's public folder, its default settings, the tables of its database.
    public: PathBuf,
    defaults: PathBuf,
    schema: PathBuf,
    /// nginx's list of media types, and what it tells a FastCGI program.
    media_types: PathBuf,
    fastcgi: PathBuf,
    account: Account,
}

impl Software {
    fn find() -> Result<Software, String> {
        Ok(Software {
            nginx: program("nginx")?,
            dovecot: program("dovecot")?,
            php_fpm: php_fpm()?,
            python: installed("venv/bin/python")?,
            public: place("/var/lib/roundcube/public_html")?,
            defaults: place("/etc/roundcube/defaults.inc.php")?,
            schema: place("/usr/share/roundcube/SQL/sqlite.initial.sql")?,
            media_types: place("/etc/nginx/mime.types")?,
            fastcgi: place("/etc/nginx/fastcgi_params")?,
            account: account()?,
        })
    }

    fn versions(&self) -> String {
        format!(
            "Roundcube {}; {}; Dovecot {}; {}",
            roundcube_version(),
            says(&self.php_fpm, &["-v"]),
            says(&self.dovecot, &["--version"]),
            says(&self.nginx, &["-v"])
        )
    }
}

#[derive(Clone, Copy)]
struct Ports {
    http: u16,
    imap: u16,
    lmtp: u16,
    smtp: u16,
}

/// The webmail, empty.
pub(crate) fn roundcube(folder: &Path) -> Result<Service, String> {
    let software = Software::find()?;
    let [http, imap, lmtp, smtp] = free_ports();
    let ports = Ports {
        http,
        imap,
        lmtp,
        smtp,
    };
    write_files(folder, &software, ports);
    hand_over(folder, &software.account);
    let mailboxes = start_dovecot(folder, &software, ports);
    let delivery = start_delivery(folder, &software, ports);
    let workers = start_php(folder, &software);
    let server = start_nginx(&software.nginx, folder, &software.account)?;
    Ok(Service {
        url: format!("http://127.0.0.1:{http}"),
        made_of: software.versions(),
        _programs: vec![server, workers, delivery, mailboxes],
    })
}

fn write_files(folder: &Path, software: &Software, ports: Ports) {
    for name in ["config", "dovecot", "logs", "mail", "sessions", "temp"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    for name in ["defaults.inc.php", "mimetypes.php"] {
        let from = software.defaults.with_file_name(name);
        symlink(from, folder.join("config").join(name)).unwrap();
    }
    let passwords = (1..=USERS).map(|number| format!("tester{number}:password-tester{number}\n"));
    fs::write(folder.join("passwords"), passwords.collect::<String>()).unwrap();
    let values = [
        ("FOLDER", text(folder)),
        ("USER", &software.account.user),
        ("GROUP", &software.account.group),
        ("PORT", &ports.http.to_string()),
        ("IMAP", &ports.imap.to_string()),
        ("LMTP", &ports.lmtp.to_string()),
        ("SMTP", &ports.smtp.to_string()),
        ("ROUNDCUBE", text(&software.public)),
        ("MIME", text(&software.media_types)),
        ("FASTCGI", text(&software.fastcgi)),
    ];
    for (from, to) in [
        ("config.inc.php", "config/config.inc.php"),
        ("dovecot.conf", "dovecot.conf"),
        ("nginx.conf", "nginx.conf"),
        ("php-fpm.conf", "php-fpm.conf"),
    ] {
        fill(&format!("roundcube/{from}"), &folder.join(to), &values);
    }
    let make =
        "import sqlite3, sys; sqlite3.connect(sys.argv[2]).executescript(open(sys.argv[1]).read())";
    let mut command = Command::new(&software.python);
    command.args(["-c", make]).arg(&software.schema);
    let made = command.arg(folder.join("roundcube.sqlite")).status();
    assert!(made.unwrap().success());
}

fn start_dovecot(folder: &Path, software: &Software, ports: Ports) -> Running {
    let mut command = as_user(&software.dovecot, &software.account);
    command.arg("-F").arg("-c").arg(folder.join("dovecot.conf"));
    let mut running = Running::start(command, folder);
    running.wait_until(|| listens(ports.imap) && listens(ports.lmtp));
    running
}

fn start_delivery(folder: &Path, software: &Software, ports: Ports) -> Running {
    let mut command = Command::new(&software.python);
    command.arg(services().join("roundcube/deliver.py"));
    command.args(["--smtp", &ports.smtp.to_string()]);
    command.args(["--lmtp", &ports.lmtp.to_string()]);
    let mut running = Running::start(command, folder);
    running.first_line();
    running
}

fn start_php(folder: &Path, software: &Software) -> Running {
    let mut command = as_user(&software.php_fpm, &software.account);
    command.arg("-F").arg("-y").arg(folder.join("php-fpm.conf"));
    let mut running = Running::start(command, folder);
    running.wait_until(|| listens_at(&folder.join("php.sock")));
    running
}

/// Roundcube tells its version in its source alone.
fn roundcube_version() -> String {
    let source = fs::read_to_string("/usr/share/roundcube/program/include/iniset.php");
    let source = source.unwrap_or_default();
    let line = source.lines().find(|line| line.contains("RCMAIL_VERSION"));
    let version = line.and_then(|line| line.split('\'').nth(3));
    version.unwrap_or("of unknown version").to_owned()
}
