//! Ctrl-C and SIGTERM: the first asks, the second ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::{self, Failure};

/// Calls `ask` at the first signal; a second one ends the process. Once per process.
///
/// # Errors
/// When the system refuses the handler.
pub(crate) fn on_first_signal(ask: impl Fn() + Send + 'static) -> Result<(), Failure> {
    let asked = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            #[expect(
                clippy::exit,
                reason = "the user does not want to wait for an orderly end"
            )]
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
        ask();
    })
    .map_err(|error| Failure::usage(format!("cannot listen for Ctrl-C: {error}")))
}
