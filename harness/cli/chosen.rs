//! Which scenarios a command means: files, names of shipped ones, folders of files, and tags.

use std::path::Path;

use crosswire::scenario::Scenario;

use crate::exit::Failure;

/// What was given, with every folder replaced by the scenario files in it, by name.
///
/// # Errors
/// Usage, when a folder cannot be read or has no scenario in it.
pub(crate) fn expanded(given: &[String]) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for one in given {
        let path = Path::new(one);
        if path.is_dir() {
            all.extend(in_folder(path)?);
        } else {
            all.push(one.clone());
        }
    }
    Ok(all)
}

fn in_folder(folder: &Path) -> Result<Vec<String>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "cannot take the scenarios in {}: {why}",
            folder.display()
        ))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| wrong(&error))? {
        let path = entry.map_err(|error| wrong(&error))?.path();
        let is_config = path
            .file_name()
            .is_some_and(|name| name == crate::config::FILE);
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && !is_config
        {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    files.sort_unstable();
    match files.is_empty() {
        true => Err(wrong(&"there is no .toml file in it")),
        false => Ok(files),
    }
}

/// Whether a scenario has one of the tags asked for, if any are, and none of those to be skipped.
pub(crate) fn is_chosen(scenario: &Scenario, wanted: &[String], skipped: &[String]) -> bool {
    let has = |tags: &[String]| tags.iter().any(|tag| scenario.tags.contains(tag));
    (wanted.is_empty() || has(wanted)) && !has(skipped)
}
