//! Integration tests: the library and the command as their users meet them.
//!
//! What belongs where:
//!
//! - `command`: how the command is run, and the scenarios the tests run. No tests.
//! - `hostile`: a service of the tests' own that answers raced requests as a test wants. No tests.
//! - `desk`: a service of the tests' own with a store behind TCP. No tests.
//! - `trouble`: bad input and trouble from the service.
//! - `careless`: a service of the tests' own that leaks what it can. No tests.
//! - `verdicts`: verdicts and exit codes.
//! - `catalogue`: the known fault classes, and what the engines say of them.
//! - `control`: `run --control`.
//! - `fire`: URLs and identities alone.
//! - `again`: replay, report, thresholds, tags, settings.
//! - `explore`: every order of a few requests.
//! - `turnstile`: the same, of a service whose store is relayed.
//! - `interrupted`: Ctrl-C and SIGTERM.
//! - `reports`: formats, schema, streams, colour, printed texts.
//! - `secrets`: what no output may hold.
//! - `crash`: what survives kill -9.
//! - `scenario_errors`: wrong scenario files, word by word.
//! - `init`: drafts of scenarios.
//! - `documents`: what README and CONTRIBUTING claim.
//! - `formats`: every report format, and the examples for continuous integration.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, the functions they share included"
)]

mod again;
mod audit;
mod careless;
mod catalogue;
mod command;
mod control;
mod crash;
mod day;
mod desk;
mod documents;
mod explore;
mod fire;
mod formats;
mod hostile;
mod init;
mod interrupted;
mod reports;
mod scenario_errors;
mod secrets;
mod trouble;
mod turnstile;
mod verdicts;
