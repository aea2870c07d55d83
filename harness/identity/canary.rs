//! Canaries: unique texts that name their owner, made per run and recognised without any table.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::UserId;
use super::digest::mix;

/// Length of a canary's text in bytes.
pub const CANARY_LEN: usize = 25;

/// What every canary starts with. Five of the letter that the alphabet leaves out: in base64, whatever the alignment, one
/// whole group of four characters then stands for `qqq`, so that a single needle finds all three alignments.
pub(super) const RUN: &[u8; 5] = b"qqqqq";
/// Length of the marker: [`RUN`] and the salt.
pub(super) const MARKER_LEN: usize = RUN.len() + SALT_DIGITS;
const SALT_DIGITS: usize = 6;
const OWNER_DIGITS: usize = 4;
const SLOT_DIGITS: usize = 2;
const SERIAL_DIGITS: usize = 4;
const CHECK_DIGITS: usize = 4;

/// Base 32 without i, l and o (easily misread) and q (kept for [`RUN`]); lower case only.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnprstuvwxyz";
const NOT_A_DIGIT: u8 = 0xff;
const VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut table = [NOT_A_DIGIT; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        table[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    table
}

fn write_digits(text: &mut [u8; CANARY_LEN], at: &mut usize, digits: usize, value: u32) {
    for digit in (0..digits).rev() {
        text[*at] = ALPHABET[(value >> (5 * digit)) as usize & 31];
        *at += 1;
    }
}

fn read_digits(text: &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for &byte in text {
        let digit = VALUES[usize::from(byte)];
        if digit == NOT_A_DIGIT {
            return None;
        }
        value = value << 5 | u32::from(digit);
    }
    Some(value)
}

/// Tells the canaries of one run from those of any other run on the same service: 30 bits.
///
/// Two runs against one persistent service must not share a salt, or the second one finds what the first one planted;
/// so take it from the operating system's entropy rather than from the run's seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Salt(u32);

impl Salt {
    /// A salt from the lower 30 bits of `bits`.
    #[must_use]
    pub const fn new(bits: u32) -> Salt {
        Salt(bits & 0x3fff_ffff)
    }

    /// The 30 bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The first eleven characters of every canary of the run.
    #[must_use]
    pub fn marker(self) -> String {
        format!("{}{self}", String::from_utf8_lossy(RUN))
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for digit in (0..SALT_DIGITS).rev() {
            let byte = ALPHABET[(self.0 >> (5 * digit)) as usize & 31];
            fmt::Write::write_char(f, char::from(byte))?;
        }
        Ok(())
    }
}

/// A text that is not a salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaltError;

impl fmt::Display for SaltError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a salt is six characters of 0-9 and a-z without i, l, o, q")
    }
}

impl std::error::Error for SaltError {}

impl FromStr for Salt {
    type Err = SaltError;

    fn from_str(text: &str) -> Result<Salt, SaltError> {
        if text.len() != SALT_DIGITS {
            return Err(SaltError);
        }
        read_digits(text.as_bytes()).map(Salt).ok_or(SaltError)
    }
}

/// What the text of a canary says.
///
/// The text is 25 lower-case letters and digits: `qqqqq`, salt (6), owner (4), slot (2), serial (4), check (4), each but
/// the first in base 32. It passes unchanged through JSON, HTML, URLs, headers, CSV and lower-casing. The check is 20 bits
/// of a hash over everything before it, so that a damaged or made-up text is not taken for a canary (one in a million is,
/// provided it has the run's salt).
///
/// ```
/// use crosswire::identity::{Canary, Salt, UserId};
///
/// let canary = Canary { owner: UserId(3), slot: 1, serial: 17 };
/// let text = canary.encode(Salt::new(12345));
/// assert_eq!(Canary::decode(&text, Salt::new(12345)), Some(canary));
/// assert_eq!(Canary::decode(&text, Salt::new(54321)), None, "another run's");
/// assert_eq!(Canary::decode(&text.replace('1', "2"), Salt::new(12345)), None, "damaged");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Canary {
    /// Whose data it is; below [`UserId::LIMIT`].
    pub owner: UserId,
    /// In which of the scenario's slots it was planted; below [`Canary::SLOTS`].
    pub slot: u16,
    /// Which planting of this owner and slot it was; below [`Canary::SERIALS`].
    pub serial: u32,
}

impl Canary {
    /// How many slots a scenario may have.
    pub const SLOTS: u16 = 1 << 10;
    /// How many plantings of one owner and slot are told apart.
    pub const SERIALS: u32 = 1 << 20;

    /// The text. A canary with a field outside its range gives a text that nothing takes for a canary.
    #[must_use]
    pub fn encode(self, salt: Salt) -> String {
        let mut text = [0; CANARY_LEN];
        text[..RUN.len()].copy_from_slice(RUN);
        let mut at = RUN.len();
        write_digits(&mut text, &mut at, SALT_DIGITS, salt.0);
        write_digits(&mut text, &mut at, OWNER_DIGITS, self.owner.0);
        write_digits(&mut text, &mut at, SLOT_DIGITS, u32::from(self.slot));
        write_digits(&mut text, &mut at, SERIAL_DIGITS, self.serial);
        let in_range =
            self.owner.0 < UserId::LIMIT && self.slot < Self::SLOTS && self.serial < Self::SERIALS;
        let check = if in_range {
            self.check(salt)
        } else {
            !Canary::of_digits(&text).map_or(0, |c| c.check(salt))
        };
        write_digits(&mut text, &mut at, CHECK_DIGITS, check);
        text.iter().copied().map(char::from).collect()
    }

    /// Reads a whole text; `None` unless it is a canary of this salt with a right check.
    #[must_use]
    pub fn decode(text: &str, salt: Salt) -> Option<Canary> {
        Canary::decode_bytes(text.as_bytes(), salt)
    }

    /// As [`Canary::decode`], for the first [`CANARY_LEN`] bytes of `text`, which must not be followed by more.
    pub(super) fn decode_bytes(text: &[u8], salt: Salt) -> Option<Canary> {
        let text: &[u8; CANARY_LEN] = text.try_into().ok()?;
        let has_marker =
            text.starts_with(RUN) && read_digits(&text[RUN.len()..MARKER_LEN])? == salt.0;
        let canary = Canary::of_digits(text)?;
        let check = read_digits(&text[CANARY_LEN - CHECK_DIGITS..])?;
        (has_marker && check == canary.check(salt)).then_some(canary)
    }

    fn of_digits(text: &[u8; CANARY_LEN]) -> Option<Canary> {
        let (owner, rest) = text[MARKER_LEN..].split_at(OWNER_DIGITS);
        let (slot, rest) = rest.split_at(SLOT_DIGITS);
        let serial = &rest[..SERIAL_DIGITS];
        let slot = u16::try_from(read_digits(slot)?).ok()?;
        Some(Canary {
            owner: UserId(read_digits(owner)?),
            slot,
            serial: read_digits(serial)?,
        })
    }

    /// Owner, slot and serial in one number: the same for equal canaries of a run only.
    #[must_use]
    pub fn key(self) -> u64 {
        u64::from(self.owner.0) << 30 | u64::from(self.slot) << 20 | u64::from(self.serial)
    }

    /// 20 bits over salt, owner, slot and serial.
    fn check(self, salt: Salt) -> u32 {
        let hash = mix(mix(u64::from(salt.0) ^ 0x6372_6f73_7377_6972).wrapping_add(self.key()));
        (hash >> 44) as u32
    }
}

/// Makes canaries: counts the serial number up for every owner and slot.
///
/// Holds one number per owner and slot that was ever asked for, however many canaries it makes.
#[derive(Clone, Debug)]
pub struct Mint {
    salt: Salt,
    next: BTreeMap<(UserId, u16), u32>,
}

impl Mint {
    /// A mint that has made nothing yet.
    #[must_use]
    pub fn new(salt: Salt) -> Mint {
        Mint {
            salt,
            next: BTreeMap::new(),
        }
    }

    /// The salt of its canaries.
    #[must_use]
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// The next canary of an owner and slot, and its text. After [`Canary::SERIALS`] of them the count begins again.
    pub fn mint(&mut self, owner: UserId, slot: u16) -> (Canary, String) {
        let next = self.next.entry((owner, slot)).or_insert(0);
        let canary = Canary {
            owner,
            slot,
            serial: *next,
        };
        *next = (*next + 1) % Canary::SERIALS;
        (canary, canary.encode(self.salt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_fixed() {
        // Stored histories rely on it: a change here needs a new history version.
        let text = Canary {
            owner: UserId(33),
            slot: 2,
            serial: 5,
        }
        .encode(Salt::new(1));
        assert_eq!(&text[..21], "qqqqq0000010011020005");
        assert_eq!(text.len(), CANARY_LEN);
        assert_eq!(text, "qqqqq00000100110200050v0j");
    }

    #[test]
    fn a_field_out_of_range_is_never_decoded() {
        let salt = Salt::new(77);
        for canary in [
            Canary {
                owner: UserId(UserId::LIMIT),
                slot: 0,
                serial: 0,
            },
            Canary {
                owner: UserId(1),
                slot: Canary::SLOTS,
                serial: 0,
            },
            Canary {
                owner: UserId(1),
                slot: 0,
                serial: Canary::SERIALS,
            },
        ] {
            assert_eq!(Canary::decode(&canary.encode(salt), salt), None);
        }
    }

    #[test]
    fn every_single_changed_character_is_noticed() {
        let salt = Salt::new(0x2aaa_aaaa);
        let text = Canary {
            owner: UserId(4242),
            slot: 9,
            serial: 1_000_000,
        }
        .encode(salt);
        for at in 0..CANARY_LEN {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
            assert_eq!(Canary::decode_bytes(&changed, salt), None, "at {at}");
        }
    }

    #[test]
    fn few_texts_have_a_right_check_by_chance() {
        // 2^-20 are expected; these are fixed texts, so the outcome is too.
        let salt = Salt::new(7);
        let by_chance = (0..100_000u32).filter(|serial| {
            let text = Canary {
                owner: UserId(1),
                slot: 1,
                serial: *serial,
            }
            .encode(salt);
            let next = Canary {
                owner: UserId(1),
                slot: 1,
                serial: serial + 1,
            }
            .encode(salt);
            let mixed = format!(
                "{}{}",
                &text[..CANARY_LEN - CHECK_DIGITS],
                &next[CANARY_LEN - CHECK_DIGITS..]
            );
            Canary::decode(&mixed, salt).is_some()
        });
        assert!(by_chance.count() <= 2);
    }

    #[test]
    fn salts_have_a_text_form() {
        let salt = Salt::new(u32::MAX);
        assert_eq!(salt.to_string(), "zzzzzz");
        assert_eq!("zzzzzz".parse(), Ok(salt));
        for wrong in ["", "zzzzz", "zzzzzzz", "zzzzzq", "ZZZZZZ", "zzzzé"] {
            assert_eq!(wrong.parse::<Salt>(), Err(SaltError), "{wrong}");
        }
    }

    #[test]
    fn serials_count_per_owner_and_slot() {
        let mut mint = Mint::new(Salt::new(5));
        let serials: Vec<u32> = [(0, 0), (0, 0), (1, 0), (0, 1), (0, 0)]
            .into_iter()
            .map(|(u, s)| mint.mint(UserId(u), s).0.serial)
            .collect();
        assert_eq!(serials, [0, 1, 0, 0, 2]);
    }
}
