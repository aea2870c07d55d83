//! `crosswire init`: the draft of a scenario, from what a person has already.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use crosswire::import::{INPUT_LIMIT, Source, starter};

use crate::args::InitArgs;
use crate::exit::{self, Failure};
use crate::outputs::cannot_write;
use crate::screen::Screen;

/// Prints a draft, or writes it into a new file.
pub(crate) fn init(args: &InitArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let draft = match given(args) {
        Some((source, input)) => draft(source, input)?,
        None => starter().to_owned(),
    };
    match &args.output {
        None => screen
            .out(draft.as_bytes())
            .map_err(|error| cannot_write("stdout", &error))?,
        Some(path) => {
            write(path, &draft, args.force)?;
            let todo = draft.matches("TO DO").count();
            screen.say(&format!(
                "{}: written; look for its {todo} marks `TO DO`, then: crosswire run {}",
                path.display(),
                path.display()
            ));
        }
    }
    Ok(exit::AS_EXPECTED)
}

/// Name of the source, and what was given for it.
fn given(args: &InitArgs) -> Option<(&'static str, &str)> {
    let all = [
        ("har", &args.from_har),
        ("curl", &args.from_curl),
        ("openapi", &args.from_openapi),
        ("hurl", &args.from_hurl),
    ];
    all.into_iter()
        .find_map(|(name, given)| Some((name, given.as_deref()?)))
}

fn draft(name: &str, given: &str) -> Result<String, Failure> {
    let source = Source::named(name)
        .ok_or_else(|| Failure::usage(format!("there is no source `{name}`")))?;
    // The command itself may stand on the command line; nobody names a file so.
    let is_command = name == "curl"
        && given.trim_start().starts_with("curl")
        && given.trim().contains(char::is_whitespace);
    let (what, input) = match given {
        "-" => ("stdin", read(io::stdin().lock(), "stdin", source)?),
        given if is_command => ("--from-curl", given.as_bytes().to_vec()),
        path => {
            let file = fs::File::open(path).map_err(|error| cannot_read(path, &error))?;
            if file.metadata().is_ok_and(|found| found.is_dir()) {
                return Err(Failure::usage(format!(
                    "{path} is a folder: give {}",
                    source.what
                )));
            }
            (path, read(file, path, source)?)
        }
    };
    source
        .draft(&input)
        .map_err(|error| Failure::usage(format!("{what}: {error}")))
}

/// Reads no more than is drafted from: what is larger need not fit into memory.
fn read(from: impl Read, name: &str, source: &Source) -> Result<Vec<u8>, Failure> {
    let mut input = Vec::new();
    let most = INPUT_LIMIT as u64 + 1;
    from.take(most)
        .read_to_end(&mut input)
        .map_err(|error| cannot_read(name, &error))?;
    if input.len() as u64 == most {
        let error = source.too_large(&format!("more than {} MiB", INPUT_LIMIT >> 20));
        return Err(Failure::usage(format!("{name}: {error}")));
    }
    Ok(input)
}

fn cannot_read(name: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {name}: {error}"))
}

/// Writes a file that was not there before, unless it may be replaced.
fn write(path: &Path, draft: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let name = path.display().to_string();
    let opened = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{name} is there already: --force replaces it"))
        }
        _ => cannot_write(&name, &error),
    });
    let mut file = opened?;
    file.write_all(draft.as_bytes())
        .and_then(|()| file.flush())
        .map_err(|error| cannot_write(&name, &error))
}
