//! The two streams of the command: what may be coloured, how wide it is, and a reader that left.

use std::io::{self, IsTerminal, Write};

/// Where the command writes.
#[derive(Debug)]
pub(crate) struct Screen {
    /// Colour on stdout.
    pub(crate) colour_out: bool,
    /// Colour on stderr.
    pub(crate) colour_err: bool,
    /// Whether stderr is a terminal, so that a progress bar may be drawn there.
    pub(crate) live: bool,
}

impl Screen {
    /// Colour on a terminal, unless `NO_COLOR` is set to anything but the empty text (<https://no-color.org>) or the
    /// terminal calls itself dumb.
    pub(crate) fn from_environment() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
            && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
        let live = io::stderr().is_terminal();
        Self {
            colour_out: wanted && io::stdout().is_terminal(),
            colour_err: wanted && live,
            live,
        }
    }

    /// Writes to stdout. A reader that has left (`| head`) is no error: it has what it wanted.
    pub(crate) fn out(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        forgive(stdout.write_all(bytes).and_then(|()| stdout.flush()))
    }

    /// Writes a line to stderr.
    pub(crate) fn say(&mut self, line: &str) {
        // When stderr is gone nobody can be told so.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Writes bytes to stderr.
    pub(crate) fn err(&mut self, bytes: &[u8]) {
        let _ = io::stderr().lock().write_all(bytes);
    }

    /// Tells why the command failed.
    pub(crate) fn error(&mut self, message: &str) {
        // Scenario errors come with a title of their own.
        if message.starts_with("error") || message.starts_with('\u{1b}') {
            self.say(message);
        } else if self.colour_err {
            self.say(&format!("\u{1b}[1;31merror\u{1b}[0m: {message}"));
        } else {
            self.say(&format!("error: {message}"));
        }
    }
}

/// Makes a closed pipe a success.
fn forgive(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
