//! Lines of TOML: pairs, comments, keys and texts.

use std::fmt::Write as _;

/// Text that grows line by line.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) text: String,
    /// Lines are written as comments.
    pub(super) off: bool,
}

impl Lines {
    pub(super) fn line(&mut self, line: &str) {
        for line in line.split('\n') {
            if self.off {
                self.text.push_str(if line.is_empty() { "#" } else { "# " });
            }
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    pub(super) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// A comment: one line, whatever it quotes.
    pub(super) fn remark(&mut self, remark: &str) {
        let remark: String = remark
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        self.text.push_str("# ");
        self.text.push_str(remark.trim_end());
        self.text.push('\n');
    }

    pub(super) fn pair(&mut self, key: &str, value: &str) {
        self.line(&format!("{key} = {value}"));
    }
}

/// A table on one line.
pub(super) fn inline(entries: &[(String, String)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    match entries.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", entries.join(", ")),
    }
}

/// A key of TOML.
pub(super) fn key(name: &str) -> String {
    let is_bare = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_bare {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A text of TOML, on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
