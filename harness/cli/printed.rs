//! `schema`, `completions` and `man`: texts made from the definitions themselves, so that they cannot fall behind.

use clap::Command;

use crate::args::SchemaOf;
use crate::exit::{self, Failure};
use crate::screen::Screen;

/// Prints the JSON Schema of a format.
pub(crate) fn schema(of: SchemaOf, screen: &mut Screen) -> Result<u8, Failure> {
    let schema = match of {
        SchemaOf::Report => crosswire::report::schema(),
        SchemaOf::Events => crosswire::report::event_schema(),
        SchemaOf::Audit => crosswire::audit::schema(),
        SchemaOf::Scenario => Ok(crosswire::scenario::schema()),
    };
    let mut text =
        schema.map_err(|error| Failure::usage(format!("cannot write the schema: {error}")))?;
    text.push('\n');
    print(screen, text.as_bytes())
}

/// Prints a completion script.
pub(crate) fn completions(
    shell: clap_complete::Shell,
    mut command: Command,
    screen: &mut Screen,
) -> Result<u8, Failure> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(screen, &script)
}

/// Prints the man page of the command, or of a subcommand.
pub(crate) fn man(
    subcommand: Option<&str>,
    mut command: Command,
    screen: &mut Screen,
) -> Result<u8, Failure> {
    command.build();
    let command = match subcommand {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(found) => found.clone(),
            None => return Err(Failure::usage(format!("there is no subcommand `{name}`"))),
        },
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::usage(format!("cannot write the man page: {error}")))?;
    print(screen, &page)
}

fn print(screen: &mut Screen, bytes: &[u8]) -> Result<u8, Failure> {
    screen
        .out(bytes)
        .map_err(|error| Failure::usage(format!("cannot write to stdout: {error}")))?;
    Ok(exit::AS_EXPECTED)
}
