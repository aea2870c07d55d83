//! `crosswire judge`: a stored history, judged again.

use crate::args::JudgeArgs;
use crate::exit::{self, Failure};
use crate::outputs::Outputs;
use crate::places::Places;
use crate::report;
use crate::run::deliver;
use crate::screen::Screen;

/// Reads the history record by record, so that its size does not matter, and exits by `--expect`: a history holds no
/// expectation.
pub(crate) fn judge(args: &JudgeArgs, screen: &mut Screen) -> Result<u8, Failure> {
    let path = &args.history;
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut places = Places::default();
    places.input(path, "the history");
    let outputs = Outputs::open(&args.output.wanted(), &name, &mut places)?;
    let report = report::judge_history(path, args.expect.into())?;
    let code = exit::code_of(&report);
    deliver(&report, outputs, args.loudness, screen)?;
    Ok(code)
}
