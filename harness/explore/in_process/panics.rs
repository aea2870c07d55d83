//! Panics of the service under control: caught, as a server does, and each place told of once, however many executions come
//! by it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

thread_local! {
    /// The service is at work on this thread, under control.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Places that were told of.
static TOLD: Mutex<BTreeSet<(String, u32, u32)>> = Mutex::new(BTreeSet::new());

/// Lets the service work. What a panic leaves behind is the service's own affair, as it is in any server.
///
/// The first panic at a place goes to the hook that was there before, with all that it prints; the others are silent: every
/// schedule comes by them. Panics elsewhere in the process always go there.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> thread::Result<T> {
    hook();
    let before = AT_WORK.replace(true);
    let did = catch_unwind(AssertUnwindSafe(work));
    AT_WORK.set(before);
    did
}

/// Put in place once, and left there: a hook that is taken back would take with it whatever was put over it meanwhile.
fn hook() {
    static PLACED: Once = Once::new();
    // A thread that panics may not change the hook, and is about to end anyway.
    if PLACED.is_completed() || thread::panicking() {
        return;
    }
    PLACED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !AT_WORK.get() || is_new(info) {
                before(info);
            }
        }));
    });
}

/// Whether a place has not been told of yet; one that is not known always is.
fn is_new(info: &PanicHookInfo<'_>) -> bool {
    let Some(at) = info.location() else {
        return true;
    };
    let place = (at.file().to_owned(), at.line(), at.column());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.insert(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_its_place_known_from_then_on() {
        let places = || {
            let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
            told.iter().filter(|place| place.0 == file!()).count()
        };
        let before = places();
        for _ in 0..2 {
            let caught = caught(|| panic!("expected by this test"));
            assert!(caught.is_err());
            assert_eq!(places(), before + 1);
        }
        assert!(!AT_WORK.get());
        assert_eq!(caught(|| 1).unwrap(), 1);
    }
}
