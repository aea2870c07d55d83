//! How fast the engines were, when the matrix of the README was made: it is regenerated together with this.

use std::time::Duration;

use crosswire_targets::Engine;

/// A row for each variant and engine: `class/variant`, engine, when an exposure was first seen or among how many chances none
/// was, and the seconds of the whole run; with tabs between them.
const TEXT: &str = include_str!("measured.tsv");

/// On what it was measured.
pub(super) const WHERE: &str = "2 cores, release build";

/// A row of the matrix, as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    /// When an exposure was first seen, or among how many chances none was; for people.
    pub(super) first: &'static str,
    /// How long the whole run took.
    pub(super) took: Duration,
}

/// The row of that variant (`class/variant`) and engine; `None` for one that is newer than the matrix.
pub(super) fn measured(variant: &str, engine: Engine) -> Option<Measured> {
    let mut rows = TEXT.lines().filter_map(|line| {
        let mut columns = line.split('\t');
        let is_meant = columns.next()? == variant && columns.next()? == engine.word();
        let first = columns.next()?;
        let seconds = columns.next()?.parse().ok()?;
        let took = Duration::try_from_secs_f64(seconds).ok()?;
        is_meant.then_some(Measured { first, took })
    });
    rows.next()
}

#[cfg(test)]
mod tests {
    use crosswire_targets::targets;

    use super::*;

    #[test]
    fn every_row_was_measured_and_took_less_than_ten_seconds() {
        let mut rows = 0;
        for target in targets() {
            for variant in target.variants {
                let name = format!("{}/{}", target.name, variant.name);
                for expected in variant.expected {
                    let row = measured(&name, expected.engine);
                    let row = row.unwrap_or_else(|| {
                        panic!(
                            "{name} by {}: run UPDATE_DOCS=1 cargo test --release --test it documents",
                            expected.engine
                        )
                    });
                    assert!(row.took < Duration::from_secs(10), "{name}: {row:?}");
                    assert!(!row.first.is_empty(), "{name}");
                    rows += 1;
                }
            }
        }
        assert_eq!(rows, TEXT.lines().count(), "rows of variants that are gone");
    }
}
