//! `crosswire report`: any format from a stored JSON report, or from a history, which is judged again.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crosswire::history::Reader;
use crosswire::identity::Redactor;
use crosswire::judge::{Judge, Verdict};
use crosswire::report::{Facts, Report};

use crate::args::ReportArgs;
use crate::exit::{self, Failure};
use crate::outputs::Outputs;
use crate::places::Places;
use crate::run::deliver;
use crate::screen::Screen;

/// Largest JSON report that is read, bytes.
const REPORT_LIMIT: u64 = 256 << 20;

/// Writes the formats asked for; without any, shows the report. Exits 0 whatever the verdict: nothing was tested.
pub(crate) fn report(args: &ReportArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let mut places = Places::default();
    places.input(&args.file, "the report or history");
    let report = read(&args.file, args.expect.map(Verdict::from))?;
    let wanted = args.output.wanted();
    let outputs = Outputs::open(&wanted, &report.scenario, &mut places)?;
    let mut loudness = args.loudness;
    loudness.quiet |= !wanted.is_empty();
    deliver(&report, outputs, loudness, screen)?;
    Ok(exit::AS_EXPECTED)
}

/// Reads a JSON report, or judges a history.
///
/// # Errors
/// Usage, when the file is neither.
pub(crate) fn read(path: &Path, expected: Option<Verdict>) -> Result<Report, Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("cannot use {}: {why}", path.display()))
    };
    let mut file = BufReader::new(File::open(path).map_err(|error| wrong(&error))?);
    let begins = file.fill_buf().map_err(|error| wrong(&error))?;
    // The first record of a history is its header, on one line; a report is a document over many.
    if begins.starts_with(b"{\"record\"") {
        return judged(path, file, expected.unwrap_or(Verdict::Isolated));
    }
    let mut bytes = Vec::new();
    file.take(REPORT_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(&error))?;
    if bytes.len() as u64 > REPORT_LIMIT {
        return Err(wrong(&format!("it has more than {REPORT_LIMIT} bytes")));
    }
    let mut report = Report::from_json(&bytes).map_err(|error| wrong(&error))?;
    report.expected = expected.unwrap_or(report.expected);
    report.stored_as = Some(path.display().to_string());
    Ok(report)
}

/// Judges a stored history.
///
/// # Errors
/// Usage, when the file cannot be read or is no history.
pub(crate) fn judge_history(path: &Path, expected: Verdict) -> Result<Report, Failure> {
    let file = File::open(path).map_err(|error| {
        Failure::usage(format!(
            "cannot read the history {}: {error}",
            path.display()
        ))
    })?;
    judged(path, BufReader::new(file), expected)
}

fn judged(path: &Path, file: BufReader<File>, expected: Verdict) -> Result<Report, Failure> {
    let mut judge = Judge::new();
    for record in Reader::new(file) {
        match record {
            Ok(record) => judge.take(&record),
            // As after a crash: what was recorded counts, and the verdict says that the end is missing.
            Err(error) if error.is_cut_off() => break,
            Err(error) => {
                return Err(Failure::usage(format!(
                    "cannot read the history {}: {error}",
                    path.display()
                )));
            }
        }
    }
    // A history holds no supplied secrets: they were masked when it was written.
    let redactor = Redactor::default();
    Ok(Report::new(
        &judge.finish(),
        &Facts::new(expected, &redactor),
    ))
}
