//! Programs that a test starts: until they are ready, and until they have ended with everything they started.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::software::Account;

/// Ports that are tried: another program may take one between its being found free and its being used.
const PORTS: usize = 5;

/// How long a program may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Ends a program when the one that has started it ends, however that happens (util-linux).
const SETPRIV: &str = "/usr/bin/setpriv";

/// A program with its children, in a process group of its own.
pub(crate) struct Running {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Running {
    /// Starts it; what it writes to stderr is kept in the folder.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Running {
        let program = match command.get_program() == SETPRIV {
            true => command.get_args().nth(2).unwrap(),
            false => command.get_program(),
        };
        let program = Path::new(program);
        let name = program.file_name().unwrap().to_str().unwrap().to_owned();
        let log = folder.join(format!("{name}.stderr"));
        let child = command
            .process_group(0)
            .env("TMPDIR", folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        Running { child, name, log }
    }

    /// The first line that it writes to stdout.
    pub(crate) fn first_line(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.child.stdout.take().expect("it is read once");
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "{} ended: {}", self.name, self.said());
        line.trim().to_owned()
    }

    /// Waits until this is so.
    pub(crate) fn wait_until(&mut self, is_ready: impl Fn() -> bool) {
        self.ready(is_ready).unwrap_or_else(|why| panic!("{why}"));
    }

    /// Waits until this is so; or says why it will never be.
    pub(crate) fn ready(&mut self, is_ready: impl Fn() -> bool) -> Result<(), String> {
        let begun = Instant::now();
        while !is_ready() {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let (name, said) = (&self.name, self.said());
                return Err(format!("{name} is not ready ({ended:?}): {said}"));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        let group = format!("-{}", self.child.id());
        let _sent = Command::new("kill")
            .args(["-s", name, "--", &group])
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal("TERM");
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < PATIENCE {
            thread::sleep(LOOK);
        }
        self.signal("KILL");
        // Where there is no `kill`, at least this one.
        let _sent = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// A command that does not outlive the test, where the system can see to that: nobody is left to end it when the test is
/// interrupted.
pub(crate) fn bound(program: &Path) -> Command {
    if !Path::new(SETPRIV).exists() {
        return Command::new(program);
    }
    let mut command = Command::new(SETPRIV);
    command.args(["--pdeathsig", "TERM"]).arg(program);
    command
}

/// A command that runs as this user.
pub(crate) fn as_user(program: &Path, account: &Account) -> Command {
    let mut command = bound(program);
    if let Some((user, group)) = account.ids {
        command.uid(user).gid(group);
    }
    command
}

/// Gives the folder and what is in it to the user that the servers run as.
pub(crate) fn hand_over(path: &Path, account: &Account) {
    let Some((user, group)) = account.ids else {
        return;
    };
    if path.is_symlink() {
        return;
    }
    chown(path, Some(user), Some(group)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            hand_over(&entry.unwrap().path(), account);
        }
    }
}

/// Ports that were free a moment ago, for programs that cannot choose one themselves and tell it.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Whether somebody listens there.
pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// The same for a socket in the file system.
pub(crate) fn listens_at(path: &Path) -> bool {
    UnixStream::connect(path).is_ok()
}

/// A folder in `folder` that belongs to the account.
pub(crate) fn own_folder(folder: &Path, name: &str, account: &Account) -> PathBuf {
    let own = folder.join(name);
    fs::create_dir(&own).unwrap();
    // It must be able to get there.
    hand_over(folder, account);
    own
}

/// Starts a program that cannot choose its port; it is ready when its log says so.
pub(crate) fn on_a_free_port(
    folder: &Path,
    log: &Path,
    ready: &str,
    command: impl Fn(u16) -> Command,
) -> Result<(Running, u16), String> {
    let says_ready = || fs::read_to_string(log).is_ok_and(|text| text.contains(ready));
    let mut problem = String::new();
    for _ in 0..PORTS {
        let [port] = free_ports();
        // What an earlier attempt has written says nothing about this one.
        let _absent = fs::remove_file(log);
        let mut running = Running::start(command(port), folder);
        match running.ready(says_ready) {
            Ok(()) => return Ok((running, port)),
            Err(why) => problem = why,
        }
    }
    panic!("{problem}")
}
