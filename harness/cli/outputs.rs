//! Where reports go: parsed and opened before anything runs, so that no run is lost to a typing error.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crosswire::report::{FORMATS, Format, Report};

use crate::exit::Failure;
use crate::places::Places;
use crate::screen::Screen;

/// Stands for the scenario's name in a report's file name.
const PLACE: &str = "{scenario}";

/// The reports of one scenario.
#[derive(Debug)]
pub(crate) struct Outputs(Vec<Output>);

#[derive(Debug)]
struct Output {
    format: &'static Format,
    destination: Destination,
}

#[derive(Debug)]
enum Destination {
    Stdout,
    File { path: PathBuf, file: File },
}

impl Outputs {
    /// Opens the files of `--report FORMAT=FILE`. What stands in them is kept until a report is written.
    ///
    /// # Errors
    /// Usage, when a format is unknown, stdout is wanted twice, a file is among the `places` already, or a file cannot
    /// be written.
    pub(crate) fn open(
        wanted: &[String],
        scenario: &str,
        places: &mut Places,
    ) -> Result<Outputs, Failure> {
        let mut outputs: Vec<Output> = Vec::new();
        for text in wanted {
            let (format, place) = text
                .split_once('=')
                .filter(|(_, place)| !place.is_empty())
                .ok_or_else(|| {
                    Failure::usage(format!(
                        "--report {text}: say FORMAT=FILE, for instance json=report.json"
                    ))
                })?;
            let format = Format::named(format).ok_or_else(|| unknown(format))?;
            let destination = if place == "-" {
                if outputs
                    .iter()
                    .any(|output| matches!(output.destination, Destination::Stdout))
                {
                    return Err(Failure::usage(
                        "two reports on stdout would be mixed: give one of them a file",
                    ));
                }
                Destination::Stdout
            } else {
                let path = PathBuf::from(place.replace(PLACE, scenario));
                places.output(&path, format!("the {} report of {scenario}", format.name))?;
                let file = open(&path)
                    .map_err(|error| cannot_write(&path.display().to_string(), &error))?;
                Destination::File { path, file }
            };
            outputs.push(Output {
                format,
                destination,
            });
        }
        Ok(Outputs(outputs))
    }

    /// Whether every file is a different one for every scenario.
    pub(crate) fn differ_by_scenario(wanted: &[String]) -> bool {
        wanted.iter().all(|text| text.contains(PLACE))
    }

    /// Whether a report goes to stdout, so that nothing else may.
    pub(crate) fn take_stdout(&self) -> bool {
        self.0
            .iter()
            .any(|output| matches!(output.destination, Destination::Stdout))
    }

    /// The file of the JSON report, if there is one.
    pub(crate) fn stored_json(&self) -> Option<String> {
        self.0.iter().find_map(|output| match &output.destination {
            Destination::File { path, .. } if output.format.name == "json" => {
                Some(path.display().to_string())
            }
            _ => None,
        })
    }

    /// Writes the reports.
    ///
    /// # Errors
    /// Usage, when one cannot be written; the others are written all the same.
    pub(crate) fn write(self, report: &Report, screen: &mut Screen) -> Result<(), Failure> {
        let mut result = Ok(());
        for Output {
            format,
            destination,
        } in self.0
        {
            let mut bytes = Vec::new();
            let rendered = (format.render)(report, &mut bytes);
            let (name, written) = match destination {
                Destination::Stdout => (
                    "stdout".to_owned(),
                    rendered.and_then(|()| screen.out(&bytes)),
                ),
                Destination::File { path, file } => (
                    path.display().to_string(),
                    rendered.and_then(|()| replace(file, &bytes)),
                ),
            };
            if let Err(error) = written {
                result = Err(cannot_write(&name, &error));
            }
        }
        result
    }
}

/// Opens without cutting off: an old report stays until there is a new one.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn replace(mut file: File, bytes: &[u8]) -> io::Result<()> {
    // A pipe or a device has no length to set.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(bytes)?;
    file.flush()
}

/// The error of a file that cannot be written.
pub(crate) fn cannot_write(name: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot write {name}: {error}"))
}

fn unknown(format: &str) -> Failure {
    let known: Vec<String> = FORMATS
        .iter()
        .map(|format| format!("  {:16}{}", format.name, format.what))
        .collect();
    Failure::usage(format!(
        "unknown report format `{format}`; there is\n{}",
        known.join("\n")
    ))
}
