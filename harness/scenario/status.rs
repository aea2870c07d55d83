//! Which status codes a step's answer may have.

use std::fmt;

/// The status codes that count as a good answer of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRule {
    allowed: Vec<Allowed>,
}

/// One entry of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Allowed {
    /// Exactly this code.
    Code(u16),
    /// Every code with this first digit: `2xx`.
    Class(u16),
}

impl StatusRule {
    pub(super) fn new(allowed: Vec<Allowed>) -> StatusRule {
        StatusRule { allowed }
    }

    /// One code alone.
    pub(super) fn code(code: u16) -> StatusRule {
        StatusRule::new(vec![Allowed::Code(code)])
    }

    /// The rule of a step that says none: any 2xx or 3xx, or any code at all when a refusal is what is hoped for.
    pub(super) fn unsaid(may_be_refused: bool) -> StatusRule {
        match may_be_refused {
            true => StatusRule::new((1..=5).map(Allowed::Class).collect()),
            false => StatusRule::default(),
        }
    }

    /// Whether an answer with this status is a good one.
    #[must_use]
    pub fn accepts(&self, status: u16) -> bool {
        self.allowed.iter().any(|allowed| match *allowed {
            Allowed::Code(code) => code == status,
            Allowed::Class(class) => class == status / 100,
        })
    }

    pub(super) fn allowed(&self) -> &[Allowed] {
        &self.allowed
    }
}

/// Any 2xx or 3xx.
impl Default for StatusRule {
    fn default() -> StatusRule {
        StatusRule {
            allowed: vec![Allowed::Class(2), Allowed::Class(3)],
        }
    }
}

impl Allowed {
    /// Reads `2xx`.
    pub(super) fn class(text: &str) -> Option<Allowed> {
        let digit = text.strip_suffix("xx")?;
        match digit.as_bytes() {
            [digit @ b'1'..=b'5'] => Some(Allowed::Class(u16::from(digit - b'0'))),
            _ => None,
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Allowed::Code(code) => write!(f, "{code}"),
            Allowed::Class(class) => write!(f, "{class}xx"),
        }
    }
}

impl fmt::Display for StatusRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, allowed) in self.allowed.iter().enumerate() {
            let between = if position == 0 { "" } else { " or " };
            write!(f, "{between}{allowed}")?;
        }
        Ok(())
    }
}
