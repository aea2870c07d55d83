//! The slots of a file: which function plants into which, and what was planted so far.

use super::SLOT_LIMIT;
use super::fields::{Located, nearest};
use super::texts::{Compiler, Place};
use crate::history::SlotInfo;
use crate::scenario::error::Fault;
use crate::scenario::scan::{Outline, Planter};

/// The slot in which the nonces of requests are.
pub(super) const NONCE_SLOT: &str = "nonce";

impl Compiler<'_> {
    /// The index of a slot that `planter` plants into, new if need be.
    fn slot(&mut self, slot: &Located<'_>, planter: Planter) -> Result<u16, Fault> {
        if let Some(index) = self.known_slot(slot.text) {
            return self.check_kind(index, slot, planter);
        }
        let name_is_right = slot
            .text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if slot.text.is_empty() || slot.text.len() > 64 || !name_is_right {
            let message = "the name of a slot has 1 to 64 letters, digits, `-` or `_`";
            let fault = Fault::new(slot.span.clone(), message, "not a slot's name");
            return Err(fault.hint("for example `{{ secret(\"note\") }}`"));
        }
        self.push_slot(
            slot,
            SlotInfo {
                name: slot.text.to_owned(),
                public: planter == Planter::Public,
                ..SlotInfo::default()
            },
        )
    }

    fn push_slot(&mut self, place: &Located<'_>, slot: SlotInfo) -> Result<u16, Fault> {
        if self.slots.len() == SLOT_LIMIT {
            let message = format!("a scenario has at most {SLOT_LIMIT} slots");
            let fault = Fault::new(place.span.clone(), message, "one slot too many");
            return Err(fault.hint("steps may plant into the same slot: the newest canary counts"));
        }
        self.slots.push(slot);
        Ok((self.slots.len() - 1) as u16)
    }

    /// Makes the slot of the nonces known; `call` is where a nonce is used.
    pub(super) fn need_nonce_slot(&mut self, call: &Located<'_>) -> Result<(), Fault> {
        match self.known_slot(NONCE_SLOT).map(usize::from) {
            Some(index) if self.slots[index].nonce => Ok(()),
            Some(_) => {
                let message = "there is a slot `nonce`, and `nonce()` needs that name for itself";
                let fault = Fault::new(call.span.clone(), message, "the name is taken");
                Err(fault.hint("give the slot another name: `{{ secret(\"number\") }}`"))
            }
            None => {
                let nonce = SlotInfo {
                    name: NONCE_SLOT.to_owned(),
                    nonce: true,
                    ..SlotInfo::default()
                };
                self.push_slot(call, nonce).map(|_| ())
            }
        }
    }

    /// Whether the slot is one for `planter`: everybody may see what is in it, or one user alone, or it is of requests.
    fn check_kind(&self, index: u16, given: &Located<'_>, planter: Planter) -> Result<u16, Fault> {
        let slot = &self.slots[usize::from(index)];
        if slot.nonce {
            let message = "the slot `nonce` belongs to `{{ nonce() }}`";
            let fault = Fault::new(given.span.clone(), message, "the name is taken");
            return Err(fault.hint("give this slot another name"));
        }
        if slot.public == (planter == Planter::Public) {
            return Ok(index);
        }
        let name = given.text.escape_debug();
        let is = if slot.public { "public" } else { "secret" };
        let message = format!("the slot `{name}` is {is} already: one slot cannot be both");
        let fault = Fault::new(given.span.clone(), message, "the other kind here");
        Err(fault.hint(format!(
            "write `{is}(\"{name}\")`, or give this slot a name of its own"
        )))
    }

    pub(super) fn known_slot(&self, name: &str) -> Option<u16> {
        self.slots
            .iter()
            .position(|slot| slot.name == name)
            .map(|index| index as u16)
    }

    /// The fault of a slot into which nothing was planted up to here.
    pub(super) fn never_planted(&self, slot: &Located<'_>) -> Fault {
        let planted: Vec<&str> = self
            .planted
            .iter()
            .map(|index| self.slots[usize::from(*index)].name.as_str())
            .collect();
        let message = format!(
            "nothing is planted in the slot `{}` before this step",
            slot.text.escape_debug()
        );
        let hint = match (nearest(slot.text, &planted), planted.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => {
                format!(
                    "plant it with `{{{{ secret(\"{}\") }}}}` in a `[[setup]]` or `[[each-round]]` step",
                    slot.text
                )
            }
            (None, false) => format!("planted before: {}", planted.join(", ")),
        };
        Fault::new(slot.span.clone(), message, "never planted").hint(hint)
    }

    /// The slots that a text names: index and name.
    pub(super) fn slots_of(
        &mut self,
        given: &Located<'_>,
        outline: &Outline,
        place: Place,
    ) -> Result<Vec<(u16, String)>, Fault> {
        if let Some((planter, range)) = &outline.loose {
            let name = planter.name();
            let fault = Fault::new(
                self.within(given, range),
                format!("`{name}` needs the name of a slot in quotes"),
                "no written name",
            );
            return Err(fault.hint(format!("for example `{{{{ {name}(\"note\") }}}}`")));
        }
        let mut slots: Vec<(u16, String)> = Vec::new();
        for (planter, range) in &outline.slots {
            let slot = Located {
                text: &given.text[range.clone()],
                span: self.within(given, range),
            };
            let index = match place {
                Place::Planting => self.slot(&slot, *planter)?,
                Place::Naming | Place::Session => {
                    let known = self
                        .known_slot(slot.text)
                        .filter(|index| self.planted.contains(index));
                    let index = known.ok_or_else(|| self.never_planted(&slot))?;
                    self.check_kind(index, &slot, *planter)?
                }
                Place::User | Place::Readers => {
                    return Err(Fault::new(
                        slot.span,
                        format!("`{}` has no meaning here", planter.name()),
                        "only in the requests of steps",
                    )
                    .hint("plant it with a step of `[[setup]]` or `[[each-round]]`"));
                }
            };
            if !slots.iter().any(|known| known.0 == index) {
                slots.push((index, slot.text.to_owned()));
            }
        }
        Ok(slots)
    }
}
