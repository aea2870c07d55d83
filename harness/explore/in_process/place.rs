//! Where in the source a request waits: what called whoever cloned its waker.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The last place at which the waker of a request was cloned.
#[derive(Default)]
pub(super) struct Seen(Mutex<Option<Backtrace>>);

impl Seen {
    /// Looks who calls.
    pub(super) fn look(&self) {
        let trace = Backtrace::force_capture();
        if trace.status() == BacktraceStatus::Captured {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(trace);
        }
    }

    /// The place in the service's own source, if it is known; asked once.
    pub(super) fn take(&self) -> Option<String> {
        let trace = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        let here = std::env::current_dir().ok();
        place(&trace.to_string(), here.as_deref())
    }
}

/// A frame of a backtrace.
struct Frame<'a> {
    function: &'a str,
    /// `file:line:column`.
    at: Option<&'a str>,
}

/// The innermost frame that is neither of the standard library nor of a crate from a registry nor of this engine. Frames
/// below the engine's own that poll the request are of no interest: they are whoever runs the exploration.
fn place(trace: &str, here: Option<&Path>) -> Option<String> {
    let mut below = false;
    for frame in frames(trace) {
        if is_engine(frame.function) || frame.at.is_some_and(is_of_engine) {
            if below {
                return None;
            }
            continue;
        }
        // The waker's own frames come first: the standard library's and those of the crate that makes it.
        let Some(at) = frame.at else {
            continue;
        };
        if is_library(at) {
            below |= at.contains("/tokio-");
            continue;
        }
        return Some(shown(at, here));
    }
    None
}

fn frames(trace: &str) -> impl Iterator<Item = Frame<'_>> {
    let mut lines = trace.lines().map(str::trim).peekable();
    std::iter::from_fn(move || {
        loop {
            let line = lines.next()?;
            let Some((number, function)) = line.split_once(": ") else {
                continue;
            };
            if number.parse::<u32>().is_err() {
                continue;
            }
            let at = lines.peek().and_then(|next| next.strip_prefix("at "));
            return Some(Frame { function, at });
        }
    })
}

fn is_engine(function: &str) -> bool {
    /// With its brackets: it may be an implementation of somebody else's trait.
    const ENGINE: &str = concat!(env!("CARGO_CRATE_NAME"), "::explore::in_process::");
    let function = function.trim_start_matches(['<', '&']);
    function.starts_with(ENGINE) && !function.contains("::tests::")
}

/// Where only lines are known to the debugger (`debug = "line-tables-only"`), inlined functions have no path in their names.
fn is_of_engine(at: &str) -> bool {
    let here = file!().trim_end_matches("place.rs").replace('\\', "/");
    let at = at.replace('\\', "/");
    at.split_once(&here)
        .is_some_and(|(_, file)| !file.starts_with("tests/"))
}

fn is_library(at: &str) -> bool {
    let at = at.replace('\\', "/");
    at.starts_with("/rustc/")
        || at.contains("/rustlib/src/")
        || at.contains("/registry/src/")
        || at.contains("/.cargo/git/")
        || at.contains("/library/std/")
        || at.contains("/library/core/")
}

/// The place from the working folder on. Elsewhere, such as in another package of the workspace or in a crate that was built on
/// another machine, from the package's folder on: where that lies is nobody's business in a report.
fn shown(at: &str, here: Option<&Path>) -> String {
    let own = here.and_then(|here| Path::new(at).strip_prefix(here).ok());
    let own = own.map_or_else(|| of_package(at), |own| own.to_str().unwrap_or(at));
    own.trim_start_matches("./").to_owned()
}

/// An absolute path without what stands before the folder of its package, as far as that can be told.
fn of_package(at: &str) -> &str {
    /// Folders in which a package keeps its source.
    const SOURCES: [&str; 4] = ["src", "tests", "examples", "benches"];
    let is_separator = |c: char| matches!(c, '/' | '\\');
    if !Path::new(at).is_absolute() {
        return at;
    }
    let mut folders = at.match_indices(is_separator).map(|(from, _)| from + 1);
    // The last one: what is below the sources is seldom called so.
    let (mut before, mut package) = (None, None);
    let mut from = folders.next();
    while let Some(begin) = from {
        from = folders.next();
        let Some(next) = from else {
            break;
        };
        let is_source = SOURCES.contains(&&at[begin..next - 1]);
        if is_source && before.is_some() {
            package = before;
        }
        // `src/tests/` is no package of that name.
        before = (!is_source).then_some(begin);
    }
    package.map_or(at, |package| &at[package..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "   0: std::backtrace::Backtrace::create
             at /rustc/abc/library/std/src/backtrace.rs:331:13
   1: crosswire::explore::in_process::place::Seen::look
             at ./harness/explore/in_process/place.rs:20:21
   2: <crosswire::explore::in_process::wake::Watched as core::clone::Clone>::clone
             at ./harness/explore/in_process/wake.rs:170:9
   3: <T as cooked_waker::IntoWaker>::VTABLE::{{closure}}
             at /a/.cargo/registry/src/index/cooked-waker-5.0.0/src/lib.rs:210:13
   4: tokio::sync::mutex::Mutex<T>::lock::{{closure}}
             at /a/.cargo/registry/src/index/tokio-1.54.1/src/sync/mutex.rs:436:27
   5: notes::read::{{closure}}
             at /a/notes/src/read.rs:12:31
   6: crosswire::explore::in_process::child::Child<S>::poll
             at ./harness/explore/in_process/child.rs:1:1
   7: notes::main
             at /a/notes/src/main.rs:3:1
";

    #[test]
    fn the_innermost_frame_of_the_service_is_the_place() {
        let here = Path::new("/a/notes");
        assert_eq!(
            place(TRACE, Some(here)).as_deref(),
            Some("src/read.rs:12:31")
        );
        for elsewhere in [None, Some(Path::new("/a/other"))] {
            assert_eq!(
                place(TRACE, elsewhere).as_deref(),
                Some("notes/src/read.rs:12:31")
            );
        }
    }

    #[test]
    fn inlined_frames_of_the_engine_are_known_by_their_file() {
        let inlined = TRACE.replace("crosswire::explore::in_process::place::Seen::look", "look");
        assert_eq!(place(&inlined, None), place(TRACE, None));
    }

    #[test]
    fn a_place_elsewhere_begins_with_its_package() {
        for (at, expected) in [
            ("/ws/shop/src/pay/mod.rs:1:2", "shop/src/pay/mod.rs:1:2"),
            ("/usr/src/app/shop/src/pay.rs:1:2", "shop/src/pay.rs:1:2"),
            ("/ws/shop/tests/pay.rs:1:2", "shop/tests/pay.rs:1:2"),
            ("/ws/shop/src/tests/pay.rs:1:2", "shop/src/tests/pay.rs:1:2"),
            (
                "/ws/build/out/generated.rs:1:2",
                "/ws/build/out/generated.rs:1:2",
            ),
            ("/src/main.rs:1:2", "/src/main.rs:1:2"),
            ("./src/main.rs:1:2", "src/main.rs:1:2"),
        ] {
            assert_eq!(shown(at, Some(Path::new("/elsewhere"))), expected);
        }
    }

    #[test]
    fn without_line_tables_there_is_no_place() {
        let bare: String = TRACE
            .lines()
            .filter(|line| !line.trim().starts_with("at "))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(place(&bare, None), None);
        let of_others: String = TRACE
            .lines()
            .filter(|line| !line.contains("read"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(place(&of_others, None), None, "not whoever explores");
    }
}
