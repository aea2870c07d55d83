//! Where messages end, for the protocols that say so: enough to tell the rest of one message from the next one.

/// Follows what one side of a connection sends.
#[derive(Clone, Debug, Default)]
pub(super) struct Framing {
    spoken: Spoken,
    /// Of a head that is not whole yet.
    head: Vec<u8>,
    /// Bytes until the unit under way ends.
    left: usize,
    /// RESP: parts of the command that are still to come.
    parts: usize,
    /// Whether the last unit ends a message; a query of several units goes on.
    ends: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Spoken {
    /// Nothing has come.
    #[default]
    Nothing,
    /// Redis: an array of bulk strings for every command.
    Resp,
    /// PostgreSQL, before the connection is set up: a length, and no type.
    PostgresStart,
    /// PostgreSQL: a type and a length.
    Postgres,
    /// Records.
    Tls,
    /// Anything else.
    Unknown,
}

/// Longest head of a unit.
const HEAD: usize = 32;

impl Framing {
    /// Takes notice of what was sent.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.spoken != Spoken::Unknown {
            if self.left > 0 {
                let now = self.left.min(bytes.len());
                self.left -= now;
                bytes = &bytes[now..];
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            if self.spoken == Spoken::Nothing {
                self.spoken = sniffed(&self.head);
            }
            if !self.headed() || self.head.len() > HEAD {
                self.spoken = Spoken::Unknown;
            }
        }
    }

    /// Whether a message is under way that is not whole; none when nobody knows.
    pub(super) fn inside(&self) -> Option<bool> {
        match self.spoken {
            Spoken::Unknown | Spoken::Nothing => None,
            _ => Some(self.left > 0 || !self.head.is_empty() || self.parts > 0 || !self.ends),
        }
    }

    /// Reads the head as far as it has come; false when it is none.
    fn headed(&mut self) -> bool {
        let head = self.head.as_slice();
        let unit = match self.spoken {
            Spoken::Nothing => return true,
            Spoken::Unknown => return false,
            Spoken::Resp => return self.resp(),
            Spoken::Tls if head.len() < 5 => return head.len() < 2 || head[1] == 3,
            Spoken::Tls => {
                self.ends = true;
                usize::from(u16::from_be_bytes([head[3], head[4]]))
            }
            Spoken::PostgresStart if head.len() < 8 => return true,
            Spoken::PostgresStart => {
                // After a wish for encryption comes another beginning, of TLS or in the clear.
                let wishes = head[4..8] == SSL_REQUEST || head[4..8] == GSS_REQUEST;
                self.spoken = if wishes {
                    Spoken::Nothing
                } else {
                    Spoken::Postgres
                };
                self.ends = true;
                match length(&head[..4]).checked_sub(8) {
                    Some(left) => left,
                    None => return false,
                }
            }
            Spoken::Postgres if head.len() < 5 => return true,
            Spoken::Postgres => {
                // Simple query, sync, flush, password, function call, end of a copy, good-bye.
                self.ends = matches!(
                    head[0],
                    b'Q' | b'S' | b'H' | b'p' | b'F' | b'c' | b'f' | b'X'
                );
                match length(&head[1..5]).checked_sub(4) {
                    Some(left) => left,
                    None => return false,
                }
            }
        };
        self.left = unit;
        self.head.clear();
        true
    }

    fn resp(&mut self) -> bool {
        let Some(line) = self.head.strip_suffix(b"\r\n") else {
            return true;
        };
        let number = line
            .get(1..)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse::<usize>().ok());
        match (line.first(), number, self.parts) {
            (Some(b'*'), Some(parts), 0) => self.parts = parts,
            (Some(b'$'), Some(length), 1..) => {
                self.parts -= 1;
                self.left = length.saturating_add(2);
            }
            _ => return false,
        }
        self.ends = true;
        self.head.clear();
        true
    }
}

const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
const GSS_REQUEST: [u8; 4] = 80_877_104_u32.to_be_bytes();
/// Version 3.0, the only one spoken since 2003, and a wish to cancel a query.
const POSTGRES_3: [u8; 4] = 196_608_u32.to_be_bytes();
const CANCEL_REQUEST: [u8; 4] = 80_877_102_u32.to_be_bytes();

fn sniffed(head: &[u8]) -> Spoken {
    match head {
        [b'*', ..] => Spoken::Resp,
        [0x16] | [0] | [0, 0] => Spoken::Nothing,
        [0x16, 3, ..] => Spoken::Tls,
        [0, 0, ..] if head.len() < 8 => Spoken::Nothing,
        [0, 0, ..]
            if [SSL_REQUEST, GSS_REQUEST, POSTGRES_3, CANCEL_REQUEST]
                .iter()
                .any(|code| head[4..8] == *code) =>
        {
            Spoken::PostgresStart
        }
        _ => Spoken::Unknown,
    }
}

fn length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a message is under way after each byte.
    fn course(bytes: &[u8]) -> Vec<Option<bool>> {
        let mut framing = Framing::default();
        let mut course = Vec::new();
        for byte in bytes {
            framing.take(&[*byte]);
            course.push(framing.inside());
        }
        let mut at_once = Framing::default();
        at_once.take(bytes);
        assert_eq!(course.last().copied().flatten(), at_once.inside());
        course
    }

    /// Lengths after which a whole message has come.
    fn ends(bytes: &[u8]) -> Vec<usize> {
        let course = course(bytes);
        (1..=bytes.len())
            .filter(|at| course[at - 1] == Some(false))
            .collect()
    }

    fn typed(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    fn untyped(code: [u8; 4], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
        [&length[..], &code, body].concat()
    }

    #[test]
    fn commands_of_redis_end_with_their_last_part() {
        let one = b"*2\r\n$3\r\nGET\r\n$6\r\na\r\n*1\r\r\n";
        assert_eq!(ends(one), [one.len()]);
        let two = [&one[..], b"*1\r\n$4\r\nPING\r\n"].concat();
        assert_eq!(ends(&two), [one.len(), two.len()]);
    }

    #[test]
    fn a_query_of_postgresql_ends_with_its_sync() {
        let start = [
            untyped(SSL_REQUEST, b""),
            untyped(POSTGRES_3, b"user\0a\0\0"),
        ]
        .concat();
        let query = [
            typed(b'P', b"s\0select\0"),
            typed(b'B', b"xyz"),
            typed(b'S', b""),
        ]
        .concat();
        let all = [&start[..], &query, &typed(b'Q', b"select 1\0")].concat();
        let expected = [start.len(), start.len() + query.len(), all.len()];
        assert_eq!(ends(&all), expected);
    }

    #[test]
    fn records_of_tls_are_whole_or_not() {
        let record = [&[0x16, 3, 1, 0, 3][..], b"abc"].concat();
        assert_eq!(ends(&record.repeat(2)), [8, 16]);
    }

    #[test]
    fn of_anything_else_nobody_knows() {
        assert!(course(b"GET a\r\nGET b\r\n").iter().all(Option::is_none));
        assert!(ends(b"*2\r\n+no\r\n").is_empty());
        assert_eq!(course(b"*2\r\n+no\r\n").last(), Some(&None));
    }
}
