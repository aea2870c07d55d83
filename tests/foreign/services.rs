//! Starts a service: writes its configuration into the test's folder, runs its programs, waits until they are ready.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::certificates;
use crate::processes::{Running, as_user, free_ports, hand_over};
use crate::software::{Account, account, installed, program, services};

/// A service that runs until this is dropped. The programs end in the order in which they stand here.
pub(crate) struct Service {
    /// Where it answers.
    pub(crate) url: String,
    /// What it is made of, with versions, for the figures.
    pub(crate) made_of: String,
    /// Held for their end.
    pub(crate) _programs: Vec<Running>,
}

/// Flask on waitress's threads.
pub(crate) fn notebook(folder: &Path, fault: bool) -> Result<Service, String> {
    let python = installed("venv/bin/python")?;
    let mut command = Command::new(&python);
    command.arg(services().join("python/notebook.py"));
    if fault {
        command.arg("--fault");
    }
    let mut running = Running::start(command, folder);
    Ok(Service {
        url: running.first_line(),
        made_of: format!("Flask, waitress; {}", says(&python, &["--version"])),
        _programs: vec![running],
    })
}

/// Express on Node.
pub(crate) fn board(folder: &Path, fault: bool) -> Result<Service, String> {
    let options: &[&str] = if fault { &["--fault"] } else { &[] };
    board_with(folder, options)
}

fn board_with(folder: &Path, options: &[&str]) -> Result<Service, String> {
    let node = program("node")?;
    // Node looks for packages beside the file that asks for them.
    let modules = installed("node/node_modules")?;
    let own = folder.join("board");
    fs::create_dir(&own).unwrap();
    symlink(modules, own.join("node_modules")).unwrap();
    for name in ["board.js", "package.json"] {
        fs::copy(services().join("node").join(name), own.join(name)).unwrap();
    }
    let mut command = Command::new(&node);
    command.arg(own.join("board.js")).args(options);
    let mut running = Running::start(command, folder);
    Ok(Service {
        url: running.first_line(),
        made_of: format!("Express; Node {}", says(&node, &["--version"])),
        _programs: vec![running],
    })
}

/// nginx with TLS, HTTP/2 and a cache, in front of the board without its fault.
pub(crate) fn front(folder: &Path, fault: bool) -> Result<Service, String> {
    let (nginx, account) = (program("nginx")?, account()?);
    let behind = board_with(folder, &["--renew-cookie"])?;
    let [port] = free_ports();
    certificates::write(folder);
    let cache = ["micro-cache-repaired", "micro-cache"][usize::from(fault)];
    fs::copy(
        services().join("nginx").join(format!("{cache}.conf")),
        folder.join("cache.conf"),
    )
    .unwrap();
    fill(
        "nginx/front.conf",
        &folder.join("nginx.conf"),
        &[
            ("FOLDER", text(folder)),
            ("PORT", &port.to_string()),
            ("UPSTREAM", behind.url.trim_start_matches("http://")),
        ],
    );
    let server = start_nginx(&nginx, folder, &account).unwrap_or_else(|why| panic!("{why}"));
    let mut programs = vec![server];
    programs.extend(behind._programs);
    Ok(Service {
        url: format!("https://localhost:{port}"),
        made_of: format!("{}; {}", says(&nginx, &["-v"]), behind.made_of),
        _programs: programs,
    })
}

/// Starts nginx with the folder's `nginx.conf`, which names `nginx.pid`: nginx writes it once it has its ports.
pub(crate) fn start_nginx(
    nginx: &Path,
    folder: &Path,
    account: &Account,
) -> Result<Running, String> {
    let mut running = Running::start(nginx_there(nginx, folder, account), folder);
    running.ready(|| folder.join("nginx.pid").exists())?;
    Ok(running)
}

/// nginx with the folder's `nginx.conf`, as that user, whose folder it becomes.
pub(crate) fn nginx_there(nginx: &Path, folder: &Path, account: &Account) -> Command {
    hand_over(folder, account);
    let mut command = as_user(nginx, account);
    command.arg("-e").arg(folder.join("nginx.log"));
    command.arg("-p").arg(folder);
    command.arg("-c").arg(folder.join("nginx.conf"));
    command
}

/// Writes a configuration file from its template: `@NAME@` becomes the value.
pub(crate) fn fill(template: &str, to: &Path, values: &[(&str, &str)]) {
    let mut filled = fs::read_to_string(services().join(template)).unwrap();
    for (name, value) in values {
        filled = filled.replace(&format!("@{name}@"), value);
    }
    fs::write(to, filled).unwrap();
}

/// The first line that a program writes about itself.
pub(crate) fn says(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let written = [output.stdout, output.stderr].concat();
    let written = String::from_utf8_lossy(&written);
    written.lines().next().unwrap_or_default().trim().to_owned()
}

/// The path as a text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
