//! Pages as the library renders them: a history with an exploration in it, judged and reported.

use std::path::PathBuf;

use crosswire::history::{
    End, Ending, Explored, HISTORY_VERSION, Record, Start, StepInfo, StepRole, Target,
};
use crosswire::identity::{Redactor, Salt};
use crosswire::judge::{Verdict, judge};
use crosswire::report::{Facts, Format, Report};

use super::samples::USERS;

/// A page in a folder of its own, which goes with it.
pub(crate) struct Page {
    pub(crate) file: PathBuf,
    _folder: tempfile::TempDir,
}

/// The page of these explorations.
pub(crate) fn page(explored: Vec<Explored>) -> Page {
    let start = Start {
        history_version: HISTORY_VERSION,
        crosswire_version: "0.1.0".into(),
        scenario: "notes".into(),
        target: Target {
            name: "notes".into(),
            url: "http://127.0.0.1:1".into(),
        },
        engine: "explore".into(),
        seed: 1,
        salt: Salt::new(1).to_string(),
        users: USERS.map(str::to_owned).into(),
        slots: Vec::new(),
        steps: vec![StepInfo {
            name: "read".into(),
            role: StepRole::Fire,
            ..StepInfo::default()
        }],
        min_overlaps: 0,
    };
    let end = End {
        ending: Ending::Completed,
        rounds: 1,
        elapsed_ns: 1_000_000,
    };
    let mut records = vec![Record::Start(start)];
    records.extend(
        explored
            .into_iter()
            .map(|one| Record::Explored(Box::new(one))),
    );
    records.push(Record::End(end));
    let redactor = Redactor::new([""; 0]);
    let report = Report::new(
        &judge(&records),
        &Facts {
            replay: Some("crosswire explore ./notes.toml".into()),
            ..Facts::new(Verdict::Isolated, &redactor)
        },
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let mut bytes = Vec::new();
    (Format::named("html").unwrap().render)(&report, &mut bytes).unwrap();
    std::fs::write(&file, bytes).unwrap();
    Page {
        file,
        _folder: folder,
    }
}
