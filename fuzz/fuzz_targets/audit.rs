//! See `tests/corpus/entries/`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| crosswire_fuzz::entries::audit(bytes));
