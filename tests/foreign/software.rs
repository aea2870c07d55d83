//! What is installed, found when the tests run: programs by name, what `install.sh` has put into its folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Where administrators' programs are that a person's `PATH` may leave out.
const MORE_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The program of this name, or why there is none.
pub(crate) fn program(name: &str) -> Result<PathBuf, String> {
    folders()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("`{name}` is not installed"))
}

/// The PHP FastCGI manager; its name ends in a version, and the newest one is taken.
pub(crate) fn php_fpm() -> Result<PathBuf, String> {
    let mut found = folders()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((version(path.file_name()?.to_str()?)?, path)))
        .collect::<Vec<_>>();
    found.sort();
    let newest = found.pop().map(|(_, path)| path);
    newest.ok_or_else(|| "`php-fpm` is not installed".to_owned())
}

fn version(name: &str) -> Option<(u32, u32)> {
    let version = name.strip_prefix("php-fpm")?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    match version {
        "" => Some((0, 0)),
        _ => Some((major.parse().ok()?, minor.parse().ok()?)),
    }
}

fn folders() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own = env::split_paths(&path).collect::<Vec<_>>();
    own.into_iter().chain(MORE_FOLDERS.map(PathBuf::from))
}

/// A file or folder, or that it is missing.
pub(crate) fn place(path: impl Into<PathBuf>) -> Result<PathBuf, String> {
    let path = path.into();
    match path.exists() {
        true => Ok(path),
        false => Err(format!("`{}` is not there", path.display())),
    }
}

/// Something that `install.sh` installs.
pub(crate) fn installed(name: &str) -> Result<PathBuf, String> {
    let folder = match env::var_os("CROSSWIRE_FOREIGN") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("foreign"),
    };
    place(folder.join(name))
        .map_err(|why| format!("{why} (tests/foreign/install.sh puts it there)"))
}

/// The folder of the services' own files.
pub(crate) fn services() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/services")
}

/// The user that servers run as.
pub(crate) struct Account {
    /// Name and group, as configuration files want them.
    pub(crate) user: String,
    pub(crate) group: String,
    /// Numbers to change to; `None` for whoever runs the tests.
    pub(crate) ids: Option<(u32, u32)>,
}

/// Whoever runs the tests; but `nobody` instead of root, whom some servers refuse to be.
pub(crate) fn account() -> Result<Account, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let own = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_whitespace().nth(2)?.parse::<u32>().ok())
            .ok_or("the user's number is not known")
    };
    let (user, group) = (own("Uid:")?, own("Gid:")?);
    if user != 0 {
        return Ok(Account {
            user: name_of("/etc/passwd", |fields| fields[2] == user.to_string())?.0,
            group: name_of("/etc/group", |fields| fields[2] == group.to_string())?.0,
            ids: None,
        });
    }
    let (_, line) = name_of("/etc/passwd", |fields| fields[0] == "nobody")?;
    let number = |at: usize| line.split(':').nth(at)?.parse::<u32>().ok();
    let ids = number(2).zip(number(3)).ok_or("`nobody` has no numbers")?;
    Ok(Account {
        user: "nobody".to_owned(),
        group: name_of("/etc/group", |fields| fields[2] == ids.1.to_string())?.0,
        ids: Some(ids),
    })
}

/// First field, and the whole line, of the first line of which this is so.
fn name_of(file: &str, is_it: impl Fn(&[&str]) -> bool) -> Result<(String, String), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    text.lines()
        .map(|line| (line.split(':').collect::<Vec<_>>(), line))
        .find(|(fields, _)| fields.len() > 2 && is_it(fields))
        .map(|(fields, line)| (fields[0].to_owned(), line.to_owned()))
        .ok_or_else(|| format!("{file} does not hold the user"))
}
