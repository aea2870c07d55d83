//! The report as one page of HTML: nothing loaded, every text escaped by the template engine.
//!
//! `page.html` is the page and `style.css` its style. What they show is worked out here ([`view`]), in [`timeline`] and in
//! [`charts`]; nothing there is HTML, so nothing can bring markup of its own.
//!
//! Pages of replayed days have `day.html` in addition, worked out in [`day`].
//!
//! Pages of explorations have `schedules.html` in addition, worked out in [`schedules`], [`movers`] and [`walk`], and one
//! script, `explorer.js`, which leads from step to step and from schedule to schedule. The page's policy names that script's
//! hash, so that no other runs. Pages without schedules to walk through have no script.

mod charts;
mod day;
mod movers;
mod schedules;
mod timeline;
mod view;
mod walk;

use std::io::{self, Write};

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::Report;

/// Findings that are told in detail; the others stand in a table.
pub const IN_DETAIL: usize = 100;

/// The script of explorations.
const EXPLORER: &str = include_str!("explorer.js");
/// Its SHA-256 in base64, by which the page's policy knows it. A test says what it must be.
const EXPLORER_SHA256: &str = "5iS+TqST8xkHzT4oSW3C/764y9JuGCQLzOnBk7C+8HU=";

/// Writes a report as a page of HTML.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // These alone are not escaped, and they are this program's own.
    for (name, text) in [
        ("style", include_str!("style.css")),
        ("day_style", include_str!("day.css")),
        ("explorer_style", include_str!("explorer.css")),
        ("explorer", EXPLORER),
        ("explorer_sha256", EXPLORER_SHA256),
    ] {
        environment.add_global(name, Value::from_safe_string(text.to_owned()));
    }
    environment
        .add_template("day.html", include_str!("day.html"))
        .and_then(|()| environment.add_template("schedules.html", include_str!("schedules.html")))
        .and_then(|()| environment.add_template("page.html", include_str!("page.html")))
        .and_then(|()| environment.get_template("page.html"))
        .and_then(|template| template.render(Serde(view::page(report))))
        .map_err(io::Error::other)
        .and_then(|page| out.write_all(page.as_bytes()))
}

#[cfg(test)]
mod exploration_tests;
#[cfg(test)]
mod tests;
