//! What an execution came to, as a number: equal when all answers are equal byte for byte.

use std::hash::{DefaultHasher, Hasher as _};

use super::child::{Came, Got};

/// Gathers what the users were answered.
#[derive(Default)]
pub(super) struct Outcome {
    /// Kept from execution to execution.
    bytes: Vec<u8>,
}

impl Outcome {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    fn text(&mut self, text: &[u8]) {
        self.bytes
            .extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(text);
    }

    /// A request's answer, as far as it came.
    pub(super) fn request(&mut self, got: &Got, came: Option<&Came>) {
        match came {
            Some(Came::Whole) => self.bytes.push(1),
            Some(Came::Failed(why, cancelled)) => {
                self.bytes.push(2 + u8::from(*cancelled));
                self.text(why.as_bytes());
            }
            None => self.bytes.push(0),
        }
        if let Some((_, status, headers)) = &got.head {
            self.bytes.extend_from_slice(&status.as_u16().to_le_bytes());
            self.bytes
                .extend_from_slice(&(headers.len() as u64).to_le_bytes());
            for (name, value) in headers {
                self.text(name.as_str().as_bytes());
                self.text(value.as_bytes());
            }
        }
        self.bytes.push(u8::from(got.cut));
        self.text(&got.body);
    }

    /// An answer that was read with nothing else under way.
    pub(super) fn alone(&mut self, head: &[u8], body: &[u8]) {
        self.text(head);
        self.text(body);
    }

    /// The number: two hashes of 64 bits each (SipHash, as the standard library has it). It is compared within one process
    /// alone.
    pub(super) fn number(&self) -> u128 {
        let half = |first: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(first);
            hasher.write(&self.bytes);
            u128::from(hasher.finish())
        };
        half(1) << 64 | half(2)
    }
}
