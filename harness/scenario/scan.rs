//! Reads the outline of a template text: where its blocks are, the string literals in them, and which functions it calls.

use std::ops::Range;

/// What a template text contains, as byte ranges into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// `{{ … }}`, `{% … %}` and `{# … #}`, delimiters included; an unclosed one reaches to the end.
    pub(super) blocks: Vec<Range<usize>>,
    /// The string literals inside of blocks, quotes excluded.
    pub(super) strings: Vec<Range<usize>>,
    /// The slots that it names: the function, and where the name stands.
    pub(super) slots: Vec<(Planter, Range<usize>)>,
    /// A planting function that is not called with a written name.
    pub(super) loose: Option<(Planter, Range<usize>)>,
    /// The names of all functions that are called.
    pub(super) calls: Vec<Range<usize>>,
}

/// A function that names a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planter {
    /// `secret("slot")`.
    Secret,
    /// `public("slot")`: everybody may see it.
    Public,
    /// `secret_file("slot", bytes=4096)`: a text full of it.
    SecretFile,
}

impl Planter {
    /// All of them.
    pub(super) const ALL: [Planter; 3] = [Planter::Secret, Planter::Public, Planter::SecretFile];

    /// The name under which templates call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Planter::Secret => "secret",
            Planter::Public => "public",
            Planter::SecretFile => "secret_file",
        }
    }
}

impl Outline {
    /// Reads `text`.
    pub(super) fn of(text: &str) -> Outline {
        let mut outline = Outline::default();
        let mut from = 0;
        while let Some(start) = next_opening(text, from) {
            let end = outline.read_block(text, start);
            outline.blocks.push(start..end);
            from = end;
        }
        outline
    }

    /// Whether the text has no block at all and so stands for itself.
    pub(super) fn is_plain(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Whether the whole text is one expression that ends in the filter `int`.
    pub(super) fn is_integer(&self, text: &str) -> bool {
        let whole = self.blocks.len() == 1 && self.blocks.first() == Some(&(0..text.len()));
        let code = text
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"));
        let filter = code
            .map(|code| code.trim_matches(|c: char| c == '-' || c.is_whitespace()))
            .and_then(|code| code.rsplit_once('|'));
        whole && filter.is_some_and(|(_, filter)| filter.trim() == "int")
    }

    /// Reads the block that begins at `start`; returns its end.
    fn read_block(&mut self, text: &str, start: usize) -> usize {
        let bytes = text.as_bytes();
        let closing: &[u8] = match bytes[start + 1] {
            b'{' => b"}}",
            b'%' => b"%}",
            _ => b"#}",
        };
        if closing == b"#}" {
            return text[start + 2..]
                .find("#}")
                .map_or(text.len(), |found| start + 2 + found + 2);
        }
        let mut at = start + 2;
        // A name after a dot is an attribute, after a bar a filter: neither is the function.
        let mut before = b' ';
        while at < bytes.len() {
            let byte = bytes[at];
            if bytes[at..].starts_with(closing) {
                return at + 2;
            }
            if matches!(byte, b'"' | b'\'') {
                let inner = string_literal(bytes, at);
                at = (inner.end + 1).min(bytes.len());
                self.strings.push(inner);
            } else if byte.is_ascii_alphabetic() || byte == b'_' {
                let word = at..word_end(bytes, at);
                at = word.end;
                if !matches!(before, b'.' | b'|') {
                    self.read_word(text, word);
                }
            } else {
                at += 1;
            }
            if !byte.is_ascii_whitespace() {
                before = byte;
            }
        }
        bytes.len()
    }

    /// Notes a word that calls a function, and the slot that it plants or names.
    fn read_word(&mut self, text: &str, word: Range<usize>) {
        let bytes = text.as_bytes();
        let open = skip_space(bytes, word.end);
        let is_call = bytes.get(open) == Some(&b'(');
        if is_call {
            self.calls.push(word.clone());
        }
        let planter = Planter::ALL
            .into_iter()
            .find(|planter| planter.name() == &text[word.clone()]);
        // Without a call, any word but `secret` may be a capture.
        let Some(planter) = planter.filter(|planter| is_call || *planter == Planter::Secret) else {
            return;
        };
        let quote = skip_space(bytes, open + 1);
        if is_call && matches!(bytes.get(quote), Some(b'"' | b'\'')) {
            let inner = string_literal(bytes, quote);
            let after = bytes.get(skip_space(bytes, inner.end + 1));
            let has_options = planter == Planter::SecretFile && after == Some(&b',');
            if after == Some(&b')') || has_options {
                self.slots.push((planter, inner));
                return;
            }
        }
        self.loose.get_or_insert((planter, word));
    }
}

fn next_opening(text: &str, from: usize) -> Option<usize> {
    let pairs = text.as_bytes().get(from..)?.windows(2);
    pairs
        .enumerate()
        .find(|(_, pair)| matches!(*pair, [b'{', b'{' | b'%' | b'#']))
        .map(|(at, _)| from + at)
}

/// The inside of the string literal whose quote stands at `quote`; an unclosed one reaches to the end.
fn string_literal(bytes: &[u8], quote: usize) -> Range<usize> {
    let mut at = quote + 1;
    while at < bytes.len() && bytes[at] != bytes[quote] {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    quote + 1..at.min(bytes.len()).max(quote + 1)
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes[from..]
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    rest.map_or(bytes.len(), |length| from + length)
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(text: &str) -> Vec<&str> {
        Outline::of(text)
            .slots
            .into_iter()
            .map(|slot| &text[slot.1])
            .collect()
    }

    #[test]
    fn secrets_are_found_in_every_branch_and_nowhere_else() {
        let text = r#"secret("plain") {{ secret("a") }}{% if round > 1 %}{{ secret ( 'b' )|base64 }}{% endif %}{# secret("c") #}"#;
        assert_eq!(slots(text), ["a", "b"]);
        assert_eq!(
            slots(r#"{{ "secret('x')" }}{{ my_secret("y") }}{{ user.secret }}"#),
            Vec::<&str>::new()
        );
        assert_eq!(
            Outline::of("{{ user.secret }}{{ x | secret }}{{ public }}").loose,
            None
        );
    }

    #[test]
    fn a_secret_without_a_written_name_is_noticed() {
        for text in [
            "{{ secret(name) }}",
            "{{ secret }}",
            "{{ secret('a' ~ 'b') }}",
            "{{ secret(",
            "{{ secret('",
            "{{ secret('a'",
        ] {
            let outline = Outline::of(text);
            assert_eq!(outline.loose, Some((Planter::Secret, 3..9)), "{text}");
            assert!(outline.slots.is_empty(), "{text}");
        }
    }

    #[test]
    fn every_planting_function_is_told_apart_and_every_call_noted() {
        let text =
            "{{ secret_file('a', bytes=64) ~ public (\"b\") ~ x.now() ~ nonce() | random(2) }}";
        let outline = Outline::of(text);
        let slots: Vec<(Planter, &str)> = outline
            .slots
            .iter()
            .map(|slot| (slot.0, &text[slot.1.clone()]))
            .collect();
        assert_eq!(slots, [(Planter::SecretFile, "a"), (Planter::Public, "b")]);
        let calls: Vec<&str> = outline
            .calls
            .iter()
            .map(|word| &text[word.clone()])
            .collect();
        assert_eq!(calls, ["secret_file", "public", "nonce"]);
        let loose = Outline::of("{{ public('a', 1) }}").loose;
        assert_eq!(loose, Some((Planter::Public, 3..9)));
    }

    #[test]
    fn a_closing_in_a_string_does_not_close() {
        let text = r#"a{{ "}}" ~ '\'' }}b{{ x }}"#;
        let outline = Outline::of(text);
        let blocks: Vec<&str> = outline
            .blocks
            .iter()
            .cloned()
            .map(|range| &text[range])
            .collect();
        assert_eq!(blocks, [r#"{{ "}}" ~ '\'' }}"#, "{{ x }}"]);
        assert_eq!(
            outline
                .strings
                .iter()
                .cloned()
                .map(|range| &text[range])
                .collect::<Vec<_>>(),
            ["}}", r"\'"]
        );
    }

    #[test]
    fn unclosed_blocks_and_strings_reach_to_the_end() {
        for text in ["{{", "x{{ 'abc", "{% if", "{#", "{{ 'a\\", "{{ \"ä"] {
            let outline = Outline::of(text);
            assert_eq!(
                outline.blocks.last().map(|range| range.end),
                Some(text.len()),
                "{text}"
            );
        }
        assert!(Outline::of("{ { } }").is_plain());
    }

    #[test]
    fn an_integer_is_one_expression_ending_in_int() {
        for text in ["{{ x | int }}", "{{x|int}}", "{{- x | default(1) | int -}}"] {
            assert!(Outline::of(text).is_integer(text), "{text}");
        }
        for text in [
            "{{ x }}",
            " {{ x | int }}",
            "{{ x | int }}{{ y | int }}",
            "{{ x | int(1) }}",
            "int",
            "{{ 'a|int' }}",
        ] {
            assert!(!Outline::of(text).is_integer(text), "{text}");
        }
    }
}
