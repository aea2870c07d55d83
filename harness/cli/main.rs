//! The command `crosswire`: parses, runs one subcommand, maps the result to an exit code.

mod args;
mod audit;
mod catalogue;
mod chosen;
mod config;
mod day;
mod demo;
mod exit;
mod explain;
mod explore;
mod fire;
mod flags;
mod host;
mod init;
mod interrupt;
mod judge;
mod lists;
mod network;
mod outputs;
mod places;
mod printed;
mod progress;
mod replay;
mod report;
mod run;
mod screen;
mod serve;
mod settings;
mod trial;

fn main() -> std::process::ExitCode {
    args::dispatch()
}
