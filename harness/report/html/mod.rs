//! The report as one page of HTML: no scripts, nothing loaded, every text escaped by the template engine.
//!
//! `page.html` is the page and `style.css` its style. What they show is worked out here ([`view`]), in [`timeline`] and in
//! [`charts`]; nothing there is HTML, so nothing can bring markup of its own.

mod charts;
mod timeline;
mod view;

use std::io::{self, Write};

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::Report;

/// Findings that are told in detail; the others stand in a table.
pub const IN_DETAIL: usize = 100;

/// Writes a report as a page of HTML.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // The only text that is not escaped, and it is this program's own.
    let style = Value::from_safe_string(include_str!("style.css").to_owned());
    environment.add_global("style", style);
    environment
        .add_template("page.html", include_str!("page.html"))
        .and_then(|()| environment.get_template("page.html"))
        .and_then(|template| template.render(Serde(view::page(report))))
        .map_err(io::Error::other)
        .and_then(|page| out.write_all(page.as_bytes()))
}

#[cfg(test)]
mod tests;
