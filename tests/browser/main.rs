//! Pages of explorations in a browser: headless Chromium, driven over its own protocol with real key presses.
//!
//! What belongs where:
//!
//! - `chromium`: starts the browser, sends it commands, waits for its answers. No tests.
//! - `samples`: explorations of small programs, which the unit tests of the page show too. No tests.
//! - `pages`: writes the pages, as the library renders them. No tests.
//! - `walking`: stepping, swapping, focus, and what is announced.
//! - `alone`: nothing is loaded, and all is readable without scripts.
//!
//! Without Chromium the tests say so and do nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, the functions they share included"
)]

mod alone;
mod chromium;
mod pages;
mod samples;
mod walking;

use crosswire::{history, identity};
