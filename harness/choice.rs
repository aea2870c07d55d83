//! Settings that are one of a few words: the same words in files, flags and reports.

use std::fmt;

/// A word that is none of those a setting knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    what: &'static str,
    given: String,
    known: Vec<&'static str>,
}

impl UnknownWord {
    pub(crate) fn new(what: &'static str, given: &str, known: &[&'static str]) -> UnknownWord {
        UnknownWord {
            what,
            given: given.to_owned(),
            known: known.to_vec(),
        }
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown {} `{}` (known: {})",
            self.what,
            self.given.escape_debug(),
            self.known.join(", ")
        )
    }
}

impl std::error::Error for UnknownWord {}

/// A setting that is one of a few words: the same words in files, flags and reports.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal: $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the order in which they are listed to people.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            /// The word of every value, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word,)+];
            /// What the setting is called in an error.
            pub const WHAT: &'static str = $what;

            /// The word that stands for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<$name, UnknownWord> {
                match word {
                    $($word => Ok($name::$variant),)+
                    _ => Err(UnknownWord::new($what, word, $name::WORDS)),
                }
            }
        }
    };
}

pub(crate) use words;
