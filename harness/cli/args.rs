//! What may stand on the command line, and which file answers it. Nothing here touches a file or a socket.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use crosswire::identity::UserId;
use crosswire::judge::Threshold;
use crosswire::scenario::{Connections, Protocol, StoreKind, StrategyName};

use crate::config::{self, Settled};
use crate::exit::{self, Failure};
use crate::flags::FormatFlags;
use crate::screen::Screen;

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
    /// Explain a rule by which exposures are found, or list all rules
    Explain {
        /// The rule, such as canary-crossed
        rule: Option<String>,
    },
    /// Start a bundled target for a person to try
    Serve(ServeArgs),
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
}

/// A verdict that can be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Expect {
    /// No user's data reaches another
    Isolated,
    /// At least one exposure
    Exposed,
    /// Nothing found, and too little done for that to mean anything
    Inconclusive,
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Loudness {
    /// Print nothing but errors and what was asked for with --report
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell on stderr, line by line, how far the run has come
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Where settings come from besides the command line.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    /// Print every setting with its value and where it comes from (command line, CROSSWIRE_… variable, crosswire.toml),
    /// and do nothing else
    #[arg(long, help_heading = "Settings")]
    pub(crate) show_config: bool,
    /// Leave crosswire.toml out
    #[arg(long, help_heading = "Settings")]
    pub(crate) no_config: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Scenario files, folders of them, or names of shipped scenarios
    #[arg(required = true, value_name = "FILE-OR-NAME")]
    pub(crate) scenarios: Vec<String>,

    /// Variant of the scenario's bundled target
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Target",
        conflicts_with = "url"
    )]
    pub(crate) variant: Option<String>,
    /// Service to test instead of the scenario's own target
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) url: Option<String>,
    /// Store of the bundled target
    #[arg(long, value_parser = word::<StoreKind>(StoreKind::WORDS), value_name = "STORE", help_heading = "Target", conflicts_with = "url")]
    pub(crate) store: Option<StoreKind>,
    /// Pause of the bundled target's store before each operation, such as 2ms
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, help_heading = "Target", conflicts_with = "url")]
    pub(crate) store_delay: Option<Duration>,
    /// Users, made by the scenario's pattern
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32).range(1..=i64::from(UserId::LIMIT)), allow_negative_numbers = true)]
    pub(crate) users: Option<u32>,
    /// Run only scenarios with this tag; repeatable, one of them is enough
    #[arg(long, value_name = "TAG", help_heading = "Run")]
    pub(crate) tag: Vec<String>,
    /// Leave scenarios with this tag out; repeatable
    #[arg(long, value_name = "TAG", help_heading = "Run")]
    pub(crate) skip_tag: Vec<String>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What every command that fires has.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// Host besides this machine that may be fired at; repeatable
    #[arg(long, value_name = "HOST", help_heading = "Target")]
    pub(crate) allow_host: Vec<String>,
    /// Certificates (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub(crate) ca: Option<PathBuf>,
    /// Certificate (PEM) by which crosswire says who it is
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Target",
        requires = "client_key"
    )]
    pub(crate) client_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Target",
        requires = "client_cert"
    )]
    pub(crate) client_key: Option<PathBuf>,
    /// Do not check the certificates of the target
    #[arg(long, help_heading = "Target")]
    pub(crate) insecure: bool,
    /// Proxy to go through: socks5://host:port or http://host:port, perhaps with user:password@
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub(crate) proxy: Option<String>,
    /// Address to connect to instead of looking the host up; repeatable
    #[arg(long, value_name = "HOST:PORT:ADDRESS", value_parser = crate::network::resolve, help_heading = "Target")]
    pub(crate) resolve: Vec<(String, String)>,

    /// Verdict that counts as success
    #[arg(long, value_enum, value_name = "VERDICT", help_heading = "Run")]
    pub(crate) expect: Option<Expect>,
    /// What the run must reach besides its verdict, such as 'pairs >= 1000'; repeatable, beside the scenario's own
    #[arg(long, value_name = "METRIC >= N", help_heading = "Run")]
    pub(crate) threshold: Vec<Threshold>,
    /// Seed of groups, mixes and offsets; random when absent, always printed
    #[arg(long, value_name = "N", value_parser = seed, allow_hyphen_values = true, help_heading = "Run")]
    pub(crate) seed: Option<u64>,
    /// Rounds
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32), allow_negative_numbers = true)]
    pub(crate) rounds: Option<u32>,
    /// End the run after this time, such as 30s or 2m (at least 1s); what was done until then counts
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, help_heading = "Run")]
    pub(crate) duration: Option<Duration>,
    /// Requests a second at most, on the average (a volley leaves together and is made up for)
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u64), allow_negative_numbers = true)]
    pub(crate) rate: Option<u64>,
    /// How the requests of a volley are released
    #[arg(long, value_parser = word::<StrategyName>(StrategyName::WORDS), value_name = "NAME", help_heading = "Run")]
    pub(crate) strategy: Option<StrategyName>,
    /// Which connections the users have
    #[arg(long, value_parser = word::<Connections>(Connections::WORDS), value_name = "HOW", help_heading = "Run")]
    pub(crate) connections: Option<Connections>,
    /// Protocol between crosswire and the target
    #[arg(long, value_parser = word::<Protocol>(Protocol::WORDS), value_name = "NAME", help_heading = "Run")]
    pub(crate) protocol: Option<Protocol>,

    /// Before the run, a short one through a proxy that swaps answers on purpose: shows whether this scenario would see an
    /// exposure
    #[arg(long, help_heading = "Run")]
    pub(crate) control: bool,
    /// Rounds of that short run (2 unless given)
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32).range(1..=1_000), allow_negative_numbers = true, requires = "control")]
    pub(crate) control_rounds: Option<u32>,

    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Store the history of the run (one scenario only)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) history: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Draft from a HAR file; `-` is stdin
    #[arg(long, value_name = "FILE", group = "from")]
    pub(crate) from_har: Option<String>,
    /// Draft from curl commands: one in quotes, a file of them, or `-`
    #[arg(
        long,
        value_name = "COMMAND",
        group = "from",
        allow_hyphen_values = true
    )]
    pub(crate) from_curl: Option<String>,
    /// Draft from an OpenAPI description, JSON or YAML, 2.0 to 3.1
    #[arg(long, value_name = "FILE", group = "from")]
    pub(crate) from_openapi: Option<String>,
    /// Draft from a Hurl file
    #[arg(long, value_name = "FILE", group = "from")]
    pub(crate) from_hurl: Option<String>,
    /// Write into this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file if it is there already
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}

/// Arguments of `fire`.
#[derive(Debug, Args)]
pub(crate) struct FireArgs {
    /// What every identity asks for, again and again
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// An identity: its name, and a header that proves it or @FILE with headers, one a line; repeatable, two identities at
    /// least, several headers for one by the same name again
    #[arg(
        long = "as",
        value_name = "NAME=HEADER|@FILE",
        required = true,
        help_heading = "Target"
    )]
    pub(crate) identities: Vec<String>,
    /// Header of every request, such as 'Accept: text/html'; repeatable
    #[arg(
        long = "header",
        short = 'H',
        value_name = "HEADER",
        help_heading = "Target"
    )]
    pub(crate) headers: Vec<String>,
    /// Print the scenario that is made of this, credentials replaced by ${env:…}, and do nothing else
    #[arg(long, help_heading = "Run")]
    pub(crate) print_scenario: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Reports to write.
#[derive(Debug, Default, Args)]
pub(crate) struct OutputArgs {
    /// Write a report, for instance json=report.json; `-` is stdout, and {scenario} in the name stands for the
    /// scenario's; repeatable
    #[arg(long, value_name = "FORMAT=FILE", help_heading = "Reports")]
    pub(crate) report: Vec<String>,
    #[command(flatten)]
    shorthand: FormatFlags,
}

impl OutputArgs {
    /// Everything that is to be written, as `FORMAT=FILE`.
    pub(crate) fn wanted(&self) -> Vec<String> {
        let short = self.shorthand.0.iter();
        let short = short.map(|(format, file)| format!("{format}={file}"));
        self.report.iter().cloned().chain(short).collect()
    }
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The file of a JSON report, and the id of one of its findings
    #[arg(value_name = "REPORT#ID")]
    pub(crate) finding: String,
    /// Service to test instead of the one in the report
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Target",
        conflicts_with = "variant"
    )]
    pub(crate) url: Option<String>,
    /// Variant of the bundled target, such as its repair
    #[arg(long, value_name = "NAME", help_heading = "Target")]
    pub(crate) variant: Option<String>,
    /// Host besides this machine that may be fired at; repeatable
    #[arg(long, value_name = "HOST", help_heading = "Target")]
    pub(crate) allow_host: Vec<String>,
    /// Rounds, instead of those of the report's run
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32), allow_negative_numbers = true)]
    pub(crate) rounds: Option<u32>,
    /// Seed, instead of that of the report's run
    #[arg(long, value_name = "N", value_parser = seed, allow_hyphen_values = true, help_heading = "Run")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A JSON report, or a history
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Verdict that counts as success, instead of the report's (a history has none: isolated)
    #[arg(long, value_enum, value_name = "VERDICT")]
    pub(crate) expect: Option<Expect>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
}

impl RunArgs {
    /// The arguments of a `crosswire run …` that a report holds.
    ///
    /// # Errors
    /// Usage, when the words are no such command.
    pub(crate) fn of(words: &[String]) -> Result<RunArgs, Failure> {
        let wrong = |why: String| {
            Failure::usage(format!(
                "the report's own command cannot be run again ({why}): {}",
                words.join(" ")
            ))
        };
        match Cli::try_parse_from(words) {
            Ok(Cli {
                command: Command::Run(args),
            }) => Ok(args),
            Ok(_) => Err(wrong("it is not `crosswire run`".to_owned())),
            Err(error) => Err(wrong(error.kind().to_string())),
        }
    }
}

/// Arguments of `judge`.
#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// The history
    #[arg(value_name = "FILE")]
    pub(crate) history: PathBuf,
    /// Verdict that counts as success: a history does not hold what its scenario expected
    #[arg(long, value_enum, value_name = "VERDICT", default_value = "isolated")]
    pub(crate) expect: Expect,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) loudness: Loudness,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The target and its variant, as `crosswire targets` lists them
    #[arg(value_name = "TARGET/VARIANT")]
    pub(crate) target: String,
    /// Loopback address to listen on; it never listens beyond this machine
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,
    /// Database file that survives a restart; temporary when absent
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Pause of the store before each operation, such as 200ms: widens the window for a person
    #[arg(long, value_name = "TIME", value_parser = duration, allow_hyphen_values = true, default_value = "0ms")]
    pub(crate) store_delay: Duration,
    /// Users to create
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000), allow_negative_numbers = true)]
    pub(crate) users: u32,
    /// Serve over TLS with a certificate made for this run
    #[arg(long)]
    pub(crate) tls: bool,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Users in acts 3 to 5
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(4..=200), allow_negative_numbers = true)]
    pub(crate) users: u32,
    /// Seed; random when absent, always printed
    #[arg(long, value_name = "N", value_parser = seed, allow_hyphen_values = true)]
    pub(crate) seed: Option<u64>,
    /// A short version for regression suites: fewer users and rounds
    #[arg(long)]
    pub(crate) quick: bool,
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
        Command::Init(args) => crate::init::init(&args, &mut screen),
        Command::Judge(args) => crate::judge::judge(&args, &mut screen),
        Command::Replay(args) => crate::replay::replay(&args, &mut screen),
        Command::Report(args) => crate::report::report(&args, &mut screen),
        Command::Fire(args) => crate::fire::fire(&args, &mut screen),
        Command::Explain { rule } => crate::explain::explain(rule.as_deref(), &mut screen),
        Command::Serve(args) => crate::serve::serve(&args, &mut screen),
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

/// A setting that is one of a few words, the same as in a scenario file.
fn word<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

/// A seed, with an error that tells the range.
fn seed(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("must be a whole number from 0 to {}", u64::MAX))
}

/// A time with its unit: `250us`, `2ms`, `30s`, `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| "must be a whole number from 0 with a unit, such as 30s".to_owned())?;
    match unit {
        "us" => Ok(Duration::from_micros(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "" => Err(format!(
            "`{text}` has no unit: say {text}s, {text}ms, {text}us or {text}m"
        )),
        _ => Err(format!("unknown unit `{unit}`: use us, ms, s or m")),
    }
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

    #[test]
    fn durations_need_a_number_and_a_unit() {
        assert_eq!(duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "s", "30", "-1s", "1.5s", "3h", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
