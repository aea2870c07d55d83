//! The README quotes the source; what it quotes must be there.

use std::fs;
use std::path::Path;

#[test]
fn the_slide_quotes_lines_that_exist() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(package.join(path)).unwrap();
    let (readme, note, service) = (
        read("README.md"),
        read("src/mail/note.rs"),
        read("src/mail/service.rs"),
    );
    let has_line = |source: &str, quoted: &str| source.lines().any(|line| line.trim() == quoted);

    let block = readme
        .split("```rust\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    assert_eq!(block.lines().count(), 5);
    for line in block.lines() {
        assert!(has_line(&service, line), "service.rs has no line: {line}");
    }
    let rows: Vec<_> = readme
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(rows.len(), 4, "one row per variant");
    for row in rows {
        let cells: Vec<_> = row.split(" | ").collect();
        for cell in &cells[1..3] {
            let quoted = cell.split('`').nth(1).unwrap();
            assert!(has_line(&note, quoted), "note.rs has no line: {quoted}");
        }
    }
}
