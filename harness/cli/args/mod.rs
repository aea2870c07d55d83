//! What may stand on the command line, and which file answers it. Nothing here touches a file or a socket.

mod explored;
mod fired;
mod shared;
mod shown;
mod stored;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::config::{self, Settled};
use crate::exit::{self, Failure};
use crate::screen::Screen;

pub(crate) use explored::ExploreArgs;
pub(crate) use fired::{CommonArgs, FireArgs, RunArgs};
pub(crate) use shared::{ConfigArgs, Expect, Loudness, NetworkArgs, OutputArgs};
pub(crate) use shown::{DemoArgs, ServeArgs};
pub(crate) use stored::{AuditArgs, InitArgs, JudgeArgs, ReplayArgs, ReportArgs};

/// Finds out whether a web service can ever hand one user another user's data.
#[derive(Debug, Parser)]
#[command(name = "crosswire", version, max_term_width = 100, after_help = exit_codes())]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the webmail accident of 22 July 2008 on a real server, and its repair
    Demo(DemoArgs),
    /// Run scenarios against a bundled target or a service of your own
    Run(RunArgs),
    /// Run every order of a few requests: a bundled target in process, or a service whose backends are relayed
    Explore(ExploreArgs),
    /// Draft a scenario from recorded requests, curl commands or a description of an interface
    Init(InitArgs),
    /// Run one finding of a stored report again by itself: FIXED or STILL EXPOSED
    Replay(ReplayArgs),
    /// Write reports from a stored JSON report or history
    Report(ReportArgs),
    /// Fire at URLs as several identities, without a scenario: learns from each alone what only it is shown
    Fire(FireArgs),
    /// Judge a stored history again; it exits by --expect, since a history holds no expectation
    Judge(JudgeArgs),
    /// Count whose records each principal and each key has read, from an access log
    Audit(AuditArgs),
    /// Explain a rule by which exposures are found, or list all rules
    Explain {
        /// The rule, such as canary-crossed
        rule: Option<String>,
    },
    /// Start a bundled target for a person to try
    Serve(ServeArgs),
    /// List the known ways to show one user another's data, or tell of one in full
    Catalogue {
        /// The class: its number, or its target's name
        class: Option<String>,
    },
    /// List the bundled targets and their variants
    Targets,
    /// List the shipped scenarios
    Scenarios,
    /// Print the JSON Schema of a format
    Schema {
        /// The format
        #[arg(value_enum)]
        of: SchemaOf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the man page, of the command or of one subcommand
    Man {
        /// The subcommand
        subcommand: Option<String>,
    },
}

/// What `schema` can print.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The JSON report
    Report,
    /// Scenario files, for editors
    Scenario,
    /// One line of the ndjson report
    Events,
    /// The counts of an audit
    Audit,
}

/// A command that a report holds, to be run again.
pub(crate) enum Again {
    Run(RunArgs),
    Explore(ExploreArgs),
}

impl Again {
    /// What the words of a report's command mean.
    ///
    /// # Errors
    /// Usage, when they are neither `crosswire run …` nor `crosswire explore …`.
    pub(crate) fn of(words: &[String]) -> Result<Again, Failure> {
        let wrong = |why: String| {
            Failure::usage(format!(
                "the report's own command cannot be run again ({why}): {}",
                words.join(" ")
            ))
        };
        match Cli::try_parse_from(words) {
            Ok(Cli {
                command: Command::Run(args),
            }) => Ok(Again::Run(args)),
            Ok(Cli {
                command: Command::Explore(args),
            }) => Ok(Again::Explore(args)),
            Ok(_) => Err(wrong(
                "it is neither `crosswire run` nor `crosswire explore`".to_owned(),
            )),
            Err(error) => Err(wrong(error.kind().to_string())),
        }
    }
}

/// Parses the command line, runs what it names and gives the exit code.
pub(crate) fn dispatch() -> ExitCode {
    let mut screen = Screen::from_environment();
    let settled = match settle() {
        Ok(settled) => settled,
        Err(failure) => {
            screen.error(&failure.message);
            return ExitCode::from(failure.code);
        }
    };
    if let Some(shown) = settled.shown {
        // A closed pipe is nobody's fault.
        let _ = screen.out(shown.as_bytes());
        return ExitCode::from(exit::AS_EXPECTED);
    }
    let cli = match Cli::try_parse_from(settled.arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Clap's own code for errors is 2 as well; help and version are no errors. A closed pipe is nobody's fault.
            let _ = error.print();
            if error.use_stderr() {
                settled.found.iter().for_each(|found| screen.say(found));
            }
            return ExitCode::from(if error.use_stderr() {
                exit::USAGE
            } else {
                exit::AS_EXPECTED
            });
        }
    };
    let result = match cli.command {
        Command::Demo(args) => crate::demo::demo(&args, &mut screen),
        Command::Run(args) => crate::run::run(&args, &mut screen),
        Command::Explore(args) => crate::explore::explore(&args, &mut screen),
        Command::Init(args) => crate::init::init(&args, &mut screen),
        Command::Judge(args) => crate::judge::judge(&args, &mut screen),
        Command::Replay(args) => crate::replay::replay(&args, &mut screen),
        Command::Report(args) => crate::report::report(&args, &mut screen),
        Command::Fire(args) => crate::fire::fire(&args, &mut screen),
        Command::Audit(args) => crate::audit::audit(&args, &mut screen),
        Command::Explain { rule } => crate::explain::explain(rule.as_deref(), &mut screen),
        Command::Serve(args) => crate::serve::serve(&args, &mut screen),
        Command::Catalogue { class } => crate::catalogue::catalogue(class.as_deref(), &mut screen),
        Command::Targets => crate::lists::targets(&mut screen),
        Command::Scenarios => crate::lists::scenarios(&mut screen),
        Command::Schema { of } => crate::printed::schema(of, &mut screen),
        Command::Completions { shell } => {
            crate::printed::completions(shell, Cli::command(), &mut screen)
        }
        Command::Man { subcommand } => {
            crate::printed::man(subcommand.as_deref(), Cli::command(), &mut screen)
        }
    };
    ExitCode::from(result.unwrap_or_else(|failure| {
        screen.error(&failure.message);
        failure.code
    }))
}

/// The command line with the settings of the environment and of the nearest `crosswire.toml`.
fn settle() -> Result<Settled, Failure> {
    let typed = std::env::args_os().collect();
    let folder = std::env::current_dir().unwrap_or_default();
    let variable = |name: &str| std::env::var(name).ok();
    config::settle(&Cli::command(), typed, &folder, &variable)
}

/// The table of exit codes for the help text.
fn exit_codes() -> String {
    let lines: Vec<String> = exit::MEANINGS
        .iter()
        .map(|(code, meaning)| format!("  {code:>3}  {meaning}"))
        .collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_negative_number_is_out_of_range_and_no_unknown_flag() {
        for flag in ["seed=-5", "users=-5", "rounds=-5", "duration=-5s", "seed=x"] {
            let (flag, value) = flag.split_once('=').unwrap();
            let flag = format!("--{flag}");
            let error = Cli::try_parse_from(["crosswire", "run", "x", &flag, value]).unwrap_err();
            let kind = error.kind();
            assert!(
                kind == clap::error::ErrorKind::ValueValidation,
                "{flag}: {error}"
            );
            let text = error.to_string();
            assert!(
                text.contains(" from 0") || text.contains(" is not in "),
                "{text}"
            );
        }
    }
}
