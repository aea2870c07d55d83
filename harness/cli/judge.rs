//! `crosswire judge`: a stored history, judged again.

use std::fs::File;
use std::io::BufReader;

use crosswire::history::Reader;
use crosswire::identity::Redactor;
use crosswire::judge::Judge;
use crosswire::report::{Facts, Report};

use crate::args::JudgeArgs;
use crate::exit::{self, Failure};
use crate::outputs::Outputs;
use crate::places::Places;
use crate::run::deliver;
use crate::screen::Screen;

/// Reads the history record by record, so that its size does not matter, and exits by `--expect`: a history holds no
/// expectation.
pub(crate) fn judge(args: &JudgeArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let path = &args.history;
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "cannot read the history {}: {error}",
            path.display()
        ))
    };
    let file = File::open(path).map_err(|error| wrong(&error))?;
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut places = Places::default();
    places.input(path, "the history");
    let outputs = Outputs::open(&args.output.report, &name, &mut places)?;
    let mut judge = Judge::new();
    for record in Reader::new(BufReader::new(file)) {
        match record {
            Ok(record) => judge.take(&record),
            // As after a crash: what was recorded counts, and the verdict says that the end is missing.
            Err(error) if error.is_cut_off() => break,
            Err(error) => return Err(wrong(&error)),
        }
    }
    // A history holds no supplied secrets: they were masked when it was written.
    let redactor = Redactor::default();
    let facts = Facts {
        stored_as: outputs.stored_json(),
        ..Facts::new(args.expect.into(), &redactor)
    };
    let report = Report::new(&judge.finish(), &facts);
    let code = exit::code(report.verdict, report.ending.as_ref(), report.expected);
    deliver(&report, outputs, args.loudness, screen)?;
    Ok(code)
}
