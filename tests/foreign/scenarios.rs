//! The scenarios for software of others are valid, wherever that software is installed or not.

use std::path::Path;
use std::{fs, io};

use crosswire::scenario::{Scenario, Surroundings};

use crate::certificates;

/// The folder of the scenario, once it has been copied there, and no environment.
struct Beside<'p>(&'p Path);

impl Surroundings for Beside<'_> {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path))
    }
}

#[test]
fn every_scenario_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    certificates::write(folder.path());
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/scenarios");
    let mut count = 0;
    for entry in fs::read_dir(scenarios).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        if let Err(error) = Scenario::parse_with(name, &text, &Beside(folder.path())) {
            panic!("{error}");
        }
        count += 1;
    }
    assert!(count >= 5, "{count} scenarios were found");
}
