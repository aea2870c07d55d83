//! Walks the lines of an answer's head, without judging what they say.

/// One line of a head: the status line first, then a header each. All positions are offsets into the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Where the line begins.
    pub(crate) start: usize,
    /// Where the next line begins.
    pub(crate) end: usize,
    /// The header's name as it came; empty for the status line and for what is no header.
    pub(crate) name: &'a [u8],
    /// The header's value without the blanks around it; the whole line when there is no name.
    pub(crate) value: &'a [u8],
    /// Where the value begins.
    pub(crate) value_start: usize,
}

impl Line<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The lines of a head; ends before an empty line, so that a raw answer with its body may be given as well.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    head: &'a [u8],
    at: usize,
}

/// Walks `head`.
pub(crate) fn lines(head: &[u8]) -> Lines<'_> {
    Lines { head, at: 0 }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let start = self.at;
        let rest = self.head.get(start..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest).map_or(self.head.len(), |at| start + at + 1);
        self.at = end;
        let text = &self.head[start..end];
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() {
            self.at = self.head.len();
            return None;
        }
        let colon = if start == 0 {
            None
        } else {
            memchr::memchr(b':', text)
        };
        let (name, after) = colon.map_or((&text[..0], 0), |colon| (&text[..colon], colon + 1));
        let blanks = text[after..]
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let value_start = start + after + blanks;
        Some(Line {
            start,
            end,
            name,
            value: text[after + blanks..].trim_ascii_end(),
            value_start,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_to_the_empty_line() {
        let head = b"HTTP/1.1 200 OK\r\nA: 1\r\nset-cookie:x=y \r\nodd\nB:2\r\n\r\nC: body\r\n";
        let seen: Vec<_> = lines(head)
            .map(|line| (line.start, line.name, line.value, line.value_start))
            .collect();
        assert_eq!(
            seen,
            [
                (0, &b""[..], &b"HTTP/1.1 200 OK"[..], 0),
                (17, b"A", b"1", 20),
                (23, b"set-cookie", b"x=y", 34),
                (40, b"", b"odd", 40),
                (44, b"B", b"2", 46),
            ]
        );
        assert_eq!(lines(b"").count(), 0);
    }
}
