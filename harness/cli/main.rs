//! The command `crosswire`: parses, runs one subcommand, maps the result to an exit code.

mod args;
mod demo;
mod exit;
mod host;
mod init;
mod interrupt;
mod judge;
mod lists;
mod outputs;
mod places;
mod printed;
mod progress;
mod run;
mod screen;
mod serve;
mod settings;
mod trial;

fn main() -> std::process::ExitCode {
    args::dispatch()
}
