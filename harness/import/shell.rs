//! Splits shell text into commands and words: the quoting of POSIX shells, `$'…'` of bash, and carets of Windows.

use super::text::marked;

/// A command: the line on which it begins, from 1, and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) line: usize,
    pub(super) words: Vec<String>,
}

/// A quote that is never closed, with its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclosed {
    pub(super) line: usize,
    pub(super) quote: char,
}

/// Whether carets quote, as in the command prompt of Windows.
pub(super) fn is_windows(text: &str) -> bool {
    text.contains("^\"") || text.lines().any(|line| line.trim_end().ends_with(" ^"))
}

/// Takes the carets of Windows away: `^` before a line break joins lines, before anything else it quotes that.
pub(super) fn without_carets(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '^' {
            out.push(c);
            continue;
        }
        match rest.next() {
            // A caret, then two line breaks: one of them is meant.
            Some('\n') if rest.peek() == Some(&'\n') => {
                rest.next();
                out.push('\n');
            }
            Some('\n') => out.push(' '),
            Some(quoted) => out.push(quoted),
            None => {}
        }
    }
    out
}

/// The commands of a text. Variables (`$NAME`, `${NAME}`) become marked names.
pub(super) fn commands(text: &str) -> Result<Vec<Command>, Unclosed> {
    let mut splitter = Splitter {
        rest: text.chars().collect(),
        at: 0,
        line: 1,
        word: None,
        words: Vec::new(),
        begins: 1,
        commands: Vec::new(),
    };
    splitter.run()?;
    Ok(splitter.commands)
}

struct Splitter {
    rest: Vec<char>,
    at: usize,
    line: usize,
    word: Option<String>,
    words: Vec<String>,
    begins: usize,
    commands: Vec<Command>,
}

impl Splitter {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.get(self.at).copied()?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn push(&mut self, c: char) {
        if self.word.is_none() && self.words.is_empty() {
            self.begins = self.line;
        }
        self.word.get_or_insert_default().push(c);
    }

    fn push_str(&mut self, text: &str) {
        if self.word.is_none() && self.words.is_empty() {
            self.begins = self.line;
        }
        self.word.get_or_insert_default().push_str(text);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            self.commands.push(Command {
                line: self.begins,
                words: std::mem::take(&mut self.words),
            });
        }
    }

    fn run(&mut self) -> Result<(), Unclosed> {
        while let Some(c) = self.next() {
            match c {
                // Inside of a word it is most likely a query that somebody forgot to quote.
                '&' if self.word.is_some()
                    && self.peek().is_some_and(|c| !c.is_whitespace() && c != '&') =>
                {
                    self.push('&')
                }
                '\n' | ';' | '|' | '&' => self.end_command(),
                '\r' if self.peek() == Some('\n') => {}
                c if c.is_whitespace() => self.end_word(),
                '#' if self.word.is_none() => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.next();
                    }
                }
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some('\r') if self.peek() == Some('\n') => {
                        self.next();
                    }
                    Some(quoted) => self.push(quoted),
                },
                '\'' => self.single()?,
                '"' => self.double()?,
                '$' if self.peek() == Some('\'') => {
                    self.next();
                    self.ansi()?;
                }
                '$' => self.variable(),
                c => self.push(c),
            }
        }
        self.end_command();
        Ok(())
    }

    fn single(&mut self) -> Result<(), Unclosed> {
        let line = self.line;
        self.push_str("");
        loop {
            match self.next() {
                Some('\'') => return Ok(()),
                Some(c) => self.push(c),
                None => return Err(Unclosed { line, quote: '\'' }),
            }
        }
    }

    fn double(&mut self) -> Result<(), Unclosed> {
        let line = self.line;
        self.push_str("");
        loop {
            match self.next() {
                Some('"') => return Ok(()),
                Some('$') => self.variable(),
                Some('\\') => match self.next() {
                    Some('\n') => {}
                    Some(c @ ('"' | '\\' | '$' | '`')) => self.push(c),
                    Some(c) => {
                        self.push('\\');
                        self.push(c);
                    }
                    None => return Err(Unclosed { line, quote: '"' }),
                },
                Some(c) => self.push(c),
                None => return Err(Unclosed { line, quote: '"' }),
            }
        }
    }

    /// `$'…'`, as browsers write bodies with line breaks or quotes.
    fn ansi(&mut self) -> Result<(), Unclosed> {
        let line = self.line;
        self.push_str("");
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let c = match self.next() {
                Some('\'') => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    self.push_str(&text);
                    return Ok(());
                }
                Some('\\') => match self.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some('a') => '\u{7}',
                    Some('b') => '\u{8}',
                    Some('f') => '\u{c}',
                    Some('v') => '\u{b}',
                    Some('e' | 'E') => '\u{1b}',
                    Some('x') => {
                        bytes.push(self.digits(2, 16) as u8);
                        continue;
                    }
                    Some('u') => self.char_of(4),
                    Some('U') => self.char_of(8),
                    Some('0'..='7') => {
                        self.at -= 1;
                        bytes.push(self.digits(3, 8) as u8);
                        continue;
                    }
                    Some(c) => c,
                    None => return Err(Unclosed { line, quote: '\'' }),
                },
                Some(c) => c,
                None => return Err(Unclosed { line, quote: '\'' }),
            };
            let mut buffer = [0; 4];
            bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
    }

    /// A character by its number; half of a pair of UTF-16 takes the other half along.
    fn char_of(&mut self, most: usize) -> char {
        let first = self.digits(most, 16);
        if (0xd800..0xdc00).contains(&first) && self.rest[self.at..].starts_with(&['\\', 'u']) {
            self.at += 2;
            let second = self.digits(4, 16);
            let pair = [first as u16, second as u16];
            return char::decode_utf16(pair)
                .next()
                .and_then(Result::ok)
                .unwrap_or('\u{fffd}');
        }
        char::from_u32(first).unwrap_or('\u{fffd}')
    }

    fn digits(&mut self, most: usize, radix: u32) -> u32 {
        let mut number = 0_u32;
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(radix)) else {
                break;
            };
            number = number.wrapping_mul(radix).wrapping_add(digit);
            self.at += 1;
        }
        number
    }

    /// The name after a dollar; a dollar without one stands for itself.
    fn variable(&mut self) {
        let is_braced = self.peek() == Some('{');
        let start = self.at + usize::from(is_braced);
        let mut end = start;
        while self
            .rest
            .get(end)
            .is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
        {
            end += 1;
        }
        let name: String = self.rest
            [start.min(self.rest.len())..end.max(start).min(self.rest.len())]
            .iter()
            .collect();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_closed = !is_braced || self.rest.get(end) == Some(&'}');
        if is_name && is_closed {
            self.at = end + usize::from(is_braced);
            self.push_str(&marked(&name));
        } else {
            self.push('$');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        commands(text)
            .unwrap()
            .into_iter()
            .map(|command| command.words)
            .collect()
    }

    #[test]
    fn quotes_and_continuations_are_those_of_a_shell() {
        assert_eq!(
            words("curl 'a b' \\\n  \"c\\\"d\" e\\ f ''\ncurl x # no\n# nothing\n"),
            [vec!["curl", "a b", "c\"d", "e f", ""], vec!["curl", "x"]]
        );
        assert_eq!(
            words(r"curl $'it\'s\n\u00fc\x41\101'"),
            [vec!["curl", "it's\nüAA"]]
        );
        assert_eq!(words(r"$'\ud83d\ude00'"), [vec!["😀"]]);
        assert_eq!(words("a \"$ 5 $\"")[0][1], "$ 5 $");
        assert_eq!(
            words("\"$A${B}\"")[0][0],
            format!("{}{}", marked("A"), marked("B"))
        );
    }

    #[test]
    fn lines_are_counted() {
        let commands = commands("\n\ncurl \\\n a\ncurl b").unwrap();
        assert_eq!(
            commands
                .iter()
                .map(|command| command.line)
                .collect::<Vec<_>>(),
            [3, 5]
        );
        assert_eq!(
            super::commands("curl\n 'a"),
            Err(Unclosed {
                line: 2,
                quote: '\''
            })
        );
    }

    #[test]
    fn carets_of_windows_are_taken_away() {
        let text = "curl ^\"http://h/^\" ^\r\n  --data-raw ^\"^{^\\^\"a^\\^\":1^}^\"";
        assert!(is_windows(text));
        assert_eq!(
            words(&without_carets(text)),
            [vec!["curl", "http://h/", "--data-raw", "{\"a\":1}"]]
        );
    }
}
