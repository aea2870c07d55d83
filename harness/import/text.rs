//! Texts of a draft: what stands for itself, and what is filled in.

/// Encloses the name of a variable of the source format until it is known what it becomes.
const MARK: (char, char) = ('\u{e000}', '\u{e001}');

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Stands for itself.
    Plain(String),
    /// The inside of a `{{ … }}`.
    Code(String),
}

/// A text that becomes a template of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(Vec<Piece>);

/// Where a text is written, which decides how code in it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// As it is.
    Whole,
    /// Inside of a path or of a form that is written by hand: what is filled in is percent-encoded.
    Encoded,
}

impl Text {
    pub(super) fn plain(text: impl Into<String>) -> Text {
        Text(vec![Piece::Plain(text.into())])
    }

    pub(super) fn code(code: impl Into<String>) -> Text {
        Text(vec![Piece::Code(code.into())])
    }

    pub(super) fn of(pieces: Vec<Piece>) -> Text {
        Text(pieces)
    }

    /// The text, when nothing in it is filled in.
    pub(super) fn as_plain(&self) -> Option<&str> {
        match &self.0[..] {
            [] => Some(""),
            [Piece::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// The code, when it is all there is.
    pub(super) fn as_code(&self) -> Option<&str> {
        match &self.0[..] {
            [Piece::Code(code)] => Some(code),
            _ => None,
        }
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// Every code in it.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Code(code) => Some(code.as_str()),
            Piece::Plain(_) => None,
        })
    }

    /// Puts other code in the place of that for which `code_of` has some.
    pub(super) fn recode(&mut self, code_of: &dyn Fn(&str) -> Option<String>) {
        for piece in &mut self.0 {
            if let Piece::Code(code) = piece
                && let Some(other) = code_of(code)
            {
                *code = other;
            }
        }
    }

    /// For people: a dot sequence stands for what is filled in.
    pub(super) fn shown(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) => text.as_str(),
                Piece::Code(_) => "…",
            })
            .collect()
    }

    /// Length of what stands for itself, in bytes.
    pub(super) fn plain_len(&self) -> usize {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Plain(text) | Piece::Code(text) => text.len(),
            })
            .sum()
    }

    /// Whether some plain part contains `part`.
    pub(super) fn holds(&self, part: &str) -> bool {
        self.0
            .iter()
            .any(|piece| matches!(piece, Piece::Plain(text) if text.contains(part)))
    }

    /// Makes marked names into code.
    pub(super) fn unmark(&mut self, code_of: &dyn Fn(&str) -> String) {
        if !self.holds(&MARK.0.to_string()) {
            return;
        }
        let mut pieces = Vec::new();
        for piece in std::mem::take(&mut self.0) {
            let Piece::Plain(text) = piece else {
                pieces.push(piece);
                continue;
            };
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once(MARK.0) {
                let (name, after) = after.split_once(MARK.1).unwrap_or((after, ""));
                if !before.is_empty() {
                    pieces.push(Piece::Plain(before.to_owned()));
                }
                pieces.push(Piece::Code(code_of(name)));
                rest = after;
            }
            if !rest.is_empty() {
                pieces.push(Piece::Plain(rest.to_owned()));
            }
        }
        self.0 = pieces;
    }

    /// As a scenario has it: plain parts that would be read as templates are quoted.
    pub(super) fn source(&self, writing: Writing) -> String {
        let mut out = String::new();
        for (at, piece) in self.0.iter().enumerate() {
            let code_follows = matches!(self.0.get(at + 1), Some(Piece::Code(_)));
            match (piece, writing) {
                (Piece::Plain(text), _) => push_quoted(&mut out, text, code_follows),
                (Piece::Code(code), Writing::Whole) => out.push_str(&format!("{{{{ {code} }}}}")),
                (Piece::Code(code), Writing::Encoded) => {
                    out.push_str(&format!("{{{{ {code} | urlencode }}}}"));
                }
            }
        }
        out
    }
}

/// A name that stands in a text until [`Text::unmark`].
pub(super) fn marked(name: &str) -> String {
    format!("{}{name}{}", MARK.0, MARK.1)
}

/// Marks that were percent-encoded with the URL around them, as marks again.
pub(super) fn marks_back(encoded: &str) -> String {
    encoded
        .replace("%EE%80%80", &MARK.0.to_string())
        .replace("%EE%80%81", &MARK.1.to_string())
}

/// Takes out of an input what would be taken for a mark.
pub(super) fn without_marks(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([MARK.0, MARK.1]) {
        text.replace([MARK.0, MARK.1], "\u{fffd}").into()
    } else {
        text.into()
    }
}

fn push_quoted(out: &mut String, text: &str, code_follows: bool) {
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let next = rest.peek().map(|next| next.1);
        let opens = c == '{'
            && match next {
                Some(next) => matches!(next, '{' | '%' | '#'),
                None => code_follows,
            };
        if opens {
            out.push_str("{{ '{' }}");
        } else if c == '$' && text[at..].starts_with("${env:") {
            out.push_str("{{ '$' }}");
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_parts_never_become_templates() {
        let text = Text::of(vec![
            Piece::Plain("a {{ b }} {% c ${env:D} {".into()),
            Piece::Code("e".into()),
        ]);
        assert_eq!(
            text.source(Writing::Whole),
            "a {{ '{' }}{ b }} {{ '{' }}% c {{ '$' }}{env:D} {{ '{' }}{{ e }}"
        );
        assert_eq!(
            Text::code("e").source(Writing::Encoded),
            "{{ e | urlencode }}"
        );
        assert_eq!(
            Text::plain("{{{").source(Writing::Whole),
            "{{ '{' }}{{ '{' }}{"
        );
    }

    #[test]
    fn marks_become_code() {
        let mut text = Text::plain(format!("a{}b{}", marked("x"), marked("y")));
        text.unmark(&|name| format!("user.{name}"));
        assert_eq!(text.codes().collect::<Vec<_>>(), ["user.x", "user.y"]);
        assert_eq!(text.shown(), "a…b…");
    }
}
