//! What is wrong with a scenario file, shown with the place.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// Why a text is no scenario: one fault, with its place in the file and, where there is one, a hint.
///
/// `Display` and [`ScenarioError::render`] show it as a compiler would: file, line, column, the line itself with a mark under
/// what is wrong, and the hint. Passwords and other attributes of users that stand in the shown line are masked.
///
/// ```
/// use crosswire::scenario::Scenario;
///
/// let error = Scenario::parse("mine.toml", "version = 1\ntitel = 'x'\n").unwrap_err();
/// assert_eq!((error.line(), error.column()), (2, 1));
/// assert!(error.to_string().contains("did you mean `title`?"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ScenarioError {
    inner: Box<Inner>,
}

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    name: String,
    /// The file's text, secrets masked byte by byte so that places stay true; empty when it could not be read at all.
    shown: String,
    kind: FaultKind,
    fault: Fault,
}

/// What a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// Not a readable TOML text at all.
    Syntax,
    /// Readable, but no scenario.
    Content,
    /// The environment lacks something that the file asks for.
    Environment,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// Where, in bytes of the text.
    pub(super) span: Range<usize>,
    /// What is wrong, in one sentence without a full stop.
    pub(super) message: String,
    /// A few words beside the mark.
    pub(super) label: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Fault {
        Fault {
            kind: FaultKind::Content,
            span,
            message: message.into(),
            label: label.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    /// A hint for a fault that has none of its own.
    pub(super) fn hint_if_none(self, hint: impl Into<String>) -> Fault {
        match self.hint {
            Some(_) => self,
            None => self.hint(hint),
        }
    }

    pub(super) fn kind(mut self, kind: FaultKind) -> Fault {
        self.kind = kind;
        self
    }
}

impl ScenarioError {
    pub(super) fn new(name: &str, shown: String, mut fault: Fault) -> ScenarioError {
        fault.span = fit(&shown, fault.span);
        ScenarioError {
            inner: Box::new(Inner {
                name: name.to_owned(),
                shown,
                kind: fault.kind,
                fault,
            }),
        }
    }

    /// What is wrong, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.fault.message
    }

    /// What to do about it, when there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.inner.fault.hint.as_deref()
    }

    /// Line of the place, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        line_of(&self.inner.shown, self.inner.fault.span.start)
    }

    /// Column of the place in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        let before = &self.inner.shown[..self.inner.fault.span.start];
        before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1
    }

    /// Whether the text is not even TOML (or not UTF-8, or too large).
    #[must_use]
    pub fn is_syntax(&self) -> bool {
        self.inner.kind == FaultKind::Syntax
    }

    /// Whether the scenario is right but needs a variable that the environment does not hold.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        self.inner.kind == FaultKind::Environment
    }

    /// The whole error for a terminal, with or without colours.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let Inner {
            name, shown, fault, ..
        } = &*self.inner;
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let title = Level::ERROR.primary_title(fault.message.as_str());
        let mut group = if shown.is_empty() {
            // There is no line to show, so the place is the file alone.
            Group::with_title(title).element(annotate_snippets::Origin::path(name.as_str()))
        } else {
            let mark = AnnotationKind::Primary
                .span(fault.span.clone())
                .label(fault.label.as_str());
            Group::with_title(title).element(
                Snippet::source(shown.as_str())
                    .path(name.as_str())
                    .annotation(mark),
            )
        };
        if let Some(hint) = &fault.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        // The renderer makes pictures of control characters, but for those of two bytes, which terminals obey as well.
        let is_two_byte_control = |c: char| matches!(c, '\u{80}'..='\u{9f}');
        let rendered = renderer.render(&[group]);
        rendered.replace(is_two_byte_control, "\u{fffd}")
    }
}

/// Line of a byte of `text`, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// `span` cut to `text`, to whole characters and to its first line.
fn fit(text: &str, span: Range<usize>) -> Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let line_end = text[start..]
        .find('\n')
        .map_or(text.len(), |found| start + found);
    let line_end = if text[start..line_end].ends_with('\r') {
        line_end - 1
    } else {
        line_end
    };
    let mut end = span.end.clamp(start, line_end.max(start));
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// The same as `Display`: a derived one would print the whole file.
impl fmt::Debug for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ScenarioError {}
