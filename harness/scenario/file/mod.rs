//! The file format: TOML in, a scenario out, and back.

mod bodies;
mod captures;
mod day;
mod document;
mod expected;
mod exploring;
mod fault_keys;
mod fields;
mod firing;
mod mask;
mod names;
mod pem;
mod purpose;
mod requests;
mod session;
mod slots;
mod steps;
mod target;
mod texts;
mod users;
mod users_csv;
mod write;
mod write_day;
mod write_step;

use toml::de::DeTable;

use super::Scenario;
use super::error::{Fault, FaultKind, ScenarioError};
use super::surroundings::Surroundings;

pub(super) use write::write;

/// Largest file, in bytes.
pub const FILE_LIMIT: usize = 1 << 20;
/// Most slots of a scenario.
pub const SLOT_LIMIT: usize = 1024;
/// Most steps of a scenario.
pub const STEP_LIMIT: usize = 1000;

/// The text that `bytes` are.
pub(super) fn text_of<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, ScenarioError> {
    if bytes.len() > FILE_LIMIT {
        return Err(too_large(name, bytes.len()));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        let shown = format!("{}\u{fffd}", mask::mask_unread(&before));
        let span = shown.len() - '\u{fffd}'.len_utf8()..shown.len();
        let label = if is_utf16 {
            "the mark of UTF-16"
        } else {
            "this byte is no UTF-8"
        };
        let fault = Fault::new(span, "the file is not UTF-8", label).kind(FaultKind::Syntax);
        ScenarioError::new(name, shown, fault.hint("save the file as UTF-8"))
    })
}

pub(super) fn read(
    name: &str,
    text: &str,
    surroundings: &dyn Surroundings,
) -> Result<Scenario, ScenarioError> {
    if text.len() > FILE_LIMIT {
        return Err(too_large(name, text.len()));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let fault = Fault::new(span, "not TOML", error.message()).kind(FaultKind::Syntax);
        let fault = fault.hint("https://toml.io tells how texts, tables and lists are written");
        ScenarioError::new(name, mask::mask_unread(text), fault)
    })?;
    let scenario = document::read(name, text, &document, surroundings);
    scenario.map_err(|fault| ScenarioError::new(name, mask::mask(text, document.get_ref()), fault))
}

fn too_large(name: &str, bytes: usize) -> ScenarioError {
    let message = format!("the file has {bytes} bytes; a scenario has at most {FILE_LIMIT}");
    ScenarioError::new(
        name,
        String::new(),
        Fault::new(0..0, message, "").kind(FaultKind::Syntax),
    )
}
