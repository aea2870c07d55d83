//! `crosswire audit`: an access log, and whose records each principal and each key has read.

use std::fmt::{Display, Write as _};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crosswire::audit::{Audit, Counted, Sum, read, render};
use crosswire::report::words::{count, number};

use crate::args::AuditArgs;
use crate::exit::{self, Failure};
use crate::outputs::{Destination, cannot_write};
use crate::places::Places;
use crate::screen::Screen;

/// Principals, and keys, that are listed: those with the most subjects.
const LISTED: usize = 20;
/// Columns of a name; a longer one is cut.
const NAME: usize = 32;
/// Bytes of the log that are read at once.
const BUFFER: usize = 1 << 20;

/// Reads the log once and tells the counts. Exits as exposed when a principal is beyond the limit, and as inconclusive when the
/// log holds no access that could be counted.
///
/// # Errors
/// Usage, when the log cannot be read or is none, or the JSON cannot be written.
pub(crate) fn audit(args: &AuditArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let is_stdin = args.log == Path::new("-");
    let mut places = Places::default();
    if !is_stdin {
        places.input(&args.log, "the log");
    }
    let json = args.json.as_deref();
    let json = json.map(|path| Destination::open(path, "the counts", &mut places));
    let json = json.transpose()?;
    let counted = if is_stdin {
        counted("stdin", io::stdin().lock(), args.window)
    } else {
        let name = args.log.display().to_string();
        let wrong = |why: &dyn Display| Failure::usage(format!("cannot read {name}: {why}"));
        let file = File::open(&args.log).map_err(|error| wrong(&error))?;
        if file.metadata().is_ok_and(|found| found.is_dir()) {
            return Err(wrong(&"it is a folder"));
        }
        counted(&name, BufReader::with_capacity(BUFFER, file), args.window)
    }?;
    let text = told(&counted, args);
    if let Some(json) = json {
        let mut document = Vec::new();
        render(&counted, args.limit, args.window, &mut document)
            .map_err(|error| cannot_write("the counts", &error))?;
        if matches!(json, Destination::Stdout) {
            screen.err(text.as_bytes());
        } else {
            Destination::Stdout.write(text.as_bytes(), screen)?;
        }
        json.write(&document, screen)?;
    } else {
        Destination::Stdout.write(text.as_bytes(), screen)?;
    }
    Ok(match args.limit.map(|limit| counted.beyond(limit)) {
        _ if counted.principals.is_empty() => exit::INCONCLUSIVE,
        None | Some(0) => exit::AS_EXPECTED,
        Some(_) => exit::EXPOSED,
    })
}

fn counted(name: &str, log: impl BufRead, window: Option<u64>) -> Result<Counted, Failure> {
    let mut audit = Audit::new();
    read(log, &mut audit).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    Ok(audit.finish(window))
}

fn told(counted: &Counted, args: &AuditArgs) -> String {
    let mut text = verdict(counted, args.limit);
    table(&mut text, "principal", &counted.principals, args);
    table(&mut text, "key", &counted.keys, args);
    short(&mut text, counted, args);
    let _ = write!(
        text,
        "{} read, {} of refused accesses left out",
        count(counted.rows, "row"),
        number(counted.refused)
    );
    let _ = match counted.newest {
        Some(newest) => writeln!(text, "; the last one is of {newest}"),
        None => writeln!(text),
    };
    text
}

/// The first line: what the limit says of the principal with the most subjects.
fn verdict(counted: &Counted, limit: Option<u64>) -> String {
    let Some(worst) = counted.principals.first() else {
        return "inconclusive: the log holds no access that was granted\n\n".to_owned();
    };
    let Some(limit) = limit else {
        return String::new();
    };
    let subjects = count(worst.subjects, "different subject");
    match counted.beyond(limit) {
        0 => format!(
            "within the limit: no principal has read more than {subjects}, {} are allowed\n\n",
            number(limit)
        ),
        beyond => format!(
            "EXPOSED: {} read more than {}; {} has read {subjects}\n\n",
            count(beyond, "principal"),
            count(limit, "different subject"),
            name(&worst.name),
        ),
    }
}

fn table(text: &mut String, of: &str, sums: &[Sum], args: &AuditArgs) {
    if sums.is_empty() {
        return;
    }
    let _ = write!(text, "{of:NAME$}  {:>12}", "subjects");
    if args.window.is_some() {
        let _ = write!(text, "  {:>12}", "in window");
    }
    let _ = writeln!(text, "  {:>12}  {:20}  last", "reads", "first");
    for sum in sums.iter().take(LISTED) {
        let shown = name(&sum.name);
        let _ = write!(text, "{shown:NAME$}  {:>12}", number(sum.subjects));
        if let Some(recent) = sum.recent {
            let _ = write!(text, "  {:>12}", number(recent));
        }
        let (first, last) = (sum.first.to_string(), sum.last.to_string());
        let _ = writeln!(text, "  {:>12}  {first:20}  {last}", number(sum.reads));
    }
    if let Some(rest) = sums.get(LISTED..).filter(|rest| !rest.is_empty()) {
        let most = rest.first().map_or(0, |sum| sum.subjects);
        let _ = writeln!(
            text,
            "and {} more, of at most {} each",
            number(rest.len() as u64),
            count(most, "subject")
        );
    }
    text.push('\n');
}

/// What a look into the window alone would have said of the worst principal.
fn short(text: &mut String, counted: &Counted, args: &AuditArgs) {
    let Some((worst, recent)) = counted
        .principals
        .first()
        .and_then(|sum| Some((sum, sum.recent?)))
    else {
        return;
    };
    if recent == worst.subjects || args.window.is_none() {
        return;
    }
    let times = match worst.subjects.checked_div(recent) {
        Some(times) if times > 1 => format!(", {} times as many", number(times)),
        _ => String::new(),
    };
    let _ = writeln!(
        text,
        "the window alone shows {} of {}; the whole history {}{times}\n",
        count(recent, "subject"),
        name(&worst.name),
        number(worst.subjects)
    );
}

/// A name as it may stand on a line.
fn name(of: &str) -> String {
    let shown: String = of.escape_debug().take(NAME + 1).collect();
    match shown.char_indices().nth(NAME) {
        Some(_) => shown.chars().take(NAME - 1).chain(['…']).collect(),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(log: &str, window: Option<u64>, limit: Option<u64>) -> String {
        let args = AuditArgs {
            log: "-".into(),
            window,
            limit,
            json: None,
        };
        told(&counted("log", log.as_bytes(), window).unwrap(), &args)
    }

    #[test]
    fn the_window_stands_beside_the_whole_history() {
        let mut log = "time,principal,key,subject,status\n".to_owned();
        for subject in 0..1_480 {
            let _ = writeln!(log, "{},gone,k1,{subject},200", subject * 600);
        }
        let _ = writeln!(log, "888000,clerk,k2,7,403");
        let text = said(&log, Some(600), Some(1_000));
        assert!(
            text.starts_with(
                "EXPOSED: 1 principal read more than 1,000 different subjects; gone has read 1,480 different subjects\n"
            ),
            "{text}"
        );
        assert!(
            text.contains("shows 1 subject of gone; the whole history 1,480, 1,480 times as many"),
            "{text}"
        );
        assert!(text.contains("1,481 rows read, 1 of refused accesses left out; the last one is of 1970-01-11T06:40:00Z"));
        assert!(!text.contains("clerk"), "{text}");
        let text = said(&log, None, Some(1_480));
        assert!(
            text.starts_with("within the limit") && !text.contains("window"),
            "{text}"
        );
    }

    #[test]
    fn names_stay_on_their_line_and_many_are_counted() {
        let mut log = "time,principal,subject\n".to_owned();
        for reader in 0..25 {
            let _ = writeln!(log, "1,reader{reader:02}-{},a", "long".repeat(20));
        }
        let text = said(&log, None, None);
        assert!(
            text.contains("and 5 more, of at most 1 subject each"),
            "{text}"
        );
        assert!(
            text.contains("reader00-longlonglonglonglonglo…  "),
            "{text}"
        );
        assert_eq!(name("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
    }
}
