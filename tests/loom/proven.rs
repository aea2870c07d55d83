//! What is proven of each variant of the webmail, for every engine to be held against: the model checker demands it of the
//! source, and `tests/explore` of the service that is built from it.

/// Variants, and whether a user can be answered for another one. All of them stand here.
pub(crate) const PROVEN: [(&str, bool); 4] = [
    ("shared-note", true),
    ("locked-note", true),
    ("one-lock", false),
    ("per-request", false),
];

/// Whether a variant exposes.
pub(crate) fn exposes(variant: &str) -> bool {
    let proven = PROVEN.iter().find(|(name, _)| *name == variant);
    proven.is_some_and(|(_, exposes)| *exposes)
}
