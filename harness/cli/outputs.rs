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

/// Where one document goes.
#[derive(Debug)]
pub(crate) enum Destination {
    Stdout,
    File { path: PathBuf, file: File },
}

impl Destination {
    /// Opens the file, or stdout for `-`. `what` the document is, is for people.
    ///
    /// # Errors
    /// Usage, when the file is among the `places` already, or cannot be written.
    pub(crate) fn open(
        path: &Path,
        what: impl Into<String>,
        places: &mut Places,
    ) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        places.output(path, what)?;
        let file = open(path).map_err(|error| cannot_write(&path.display().to_string(), &error))?;
        let path = path.to_owned();
        Ok(Self::File { path, file })
    }

    /// Writes the document.
    ///
    /// # Errors
    /// Usage, when it cannot be written.
    pub(crate) fn write(self, bytes: &[u8], screen: &mut Screen) -> Result<(), Failure> {
        match self {
            Self::Stdout => screen
                .out(bytes)
                .map_err(|error| cannot_write("stdout", &error)),
            Self::File { path, file } => replace(file, bytes)
                .map_err(|error| cannot_write(&path.display().to_string(), &error)),
        }
    }
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
            let is_stdout = |output: &Output| matches!(output.destination, Destination::Stdout);
            if place == "-" && outputs.iter().any(is_stdout) {
                return Err(Failure::usage(
                    "two reports on stdout would be mixed: give one of them a file",
                ));
            }
            let path = PathBuf::from(place.replace(PLACE, scenario));
            let what = format!("the {} report of {scenario}", format.name);
            let destination = Destination::open(&path, what, places)?;
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
            let written = (format.render)(report, &mut bytes)
                .map_err(|error| cannot_write(&format!("the {} report", format.name), &error))
                .and_then(|()| destination.write(&bytes, screen));
            if written.is_err() {
                result = written;
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
