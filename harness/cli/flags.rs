//! One flag for each report format: `--html FILE` is short for `--report html=FILE`.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use crosswire::report::FORMATS;

/// Formats and files, in the order of the formats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FormatFlags(pub(crate) Vec<(&'static str, String)>);

impl FromArgMatches for FormatFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<FormatFlags, clap::Error> {
        let given = FORMATS.iter().filter_map(|format| {
            let file = matches.get_one::<String>(format.name)?;
            Some((format.name, file.clone()))
        });
        Ok(FormatFlags(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = FormatFlags::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for FormatFlags {
    fn augment_args(command: Command) -> Command {
        let flag = |format: &crosswire::report::Format| {
            Arg::new(format.name)
                .long(format.name)
                .value_name("FILE")
                .help(format!("Write a report: {}", format.what))
                .help_heading("Reports")
                .action(ArgAction::Set)
        };
        command.args(FORMATS.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        FormatFlags::augment_args(command)
    }
}
