//! What the fuzz targets run: the same as `cargo test --test corpus` runs over the kept inputs.

#[path = "../../tests/corpus/entries/mod.rs"]
pub mod entries;
