//! The protocol that Redis speaks, version 2: commands and replies, to bytes and back.
//!
//! See <https://redis.io/docs/latest/develop/reference/protocol-spec/>. Replies carry no number: the first one on a connection
//! belongs to the first command.

use std::io::{self, ErrorKind};

/// Bytes of the longest value or line that is taken.
const LONGEST: usize = 4 << 20;
/// Most words of a command.
const MOST_WORDS: usize = 16;

/// What a server says to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A word, such as `OK` or `PONG`.
    Status(String),
    /// A value.
    Value(Vec<u8>),
    /// There is no such value.
    Nothing,
    /// Why the command was refused.
    Refused(String),
}

impl Reply {
    /// Adds it to what is sent.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Status(word) => out.extend_from_slice(format!("+{word}\r\n").as_bytes()),
            Self::Refused(why) => out.extend_from_slice(format!("-ERR {why}\r\n").as_bytes()),
            Self::Nothing => out.extend_from_slice(b"$-1\r\n"),
            Self::Value(value) => value_of(value, out),
        }
    }

    /// The first one in what has come, and its length; `None` when it has not come as a whole.
    ///
    /// # Errors
    /// When it is no reply.
    pub(super) fn read(bytes: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let Some((line, end)) = line(bytes)? else {
            return Ok(None);
        };
        let Some((kind, rest)) = line.split_at_checked(1) else {
            return Err(broken("an empty line"));
        };
        let reply = match kind {
            "+" => Self::Status(rest.to_owned()),
            "-" => Self::Refused(rest.to_owned()),
            "$" if rest == "-1" => Self::Nothing,
            "$" => {
                let value = value(bytes, end, rest)?;
                return Ok(value.map(|(value, end)| (Self::Value(value), end)));
            }
            _ => return Err(broken("a reply of an unknown kind")),
        };
        Ok(Some((reply, end)))
    }
}

/// A command as bytes.
pub(super) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        value_of(word, &mut out);
    }
    out
}

/// The first command in what has come, word by word, and its length; `None` when it has not come as a whole.
///
/// # Errors
/// When it is no command.
pub(super) fn read_command(bytes: &[u8]) -> io::Result<Option<(Vec<Vec<u8>>, usize)>> {
    let Some((head, mut end)) = line(bytes)? else {
        return Ok(None);
    };
    let count = head.strip_prefix('*').and_then(|count| count.parse().ok());
    let count: usize = count.ok_or_else(|| broken("a command that is no list"))?;
    if !(1..=MOST_WORDS).contains(&count) {
        return Err(broken("a command of too many words, or of none"));
    }
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let Some((head, begin)) = line(&bytes[end..])? else {
            return Ok(None);
        };
        let length = head.strip_prefix('$');
        let length = length.ok_or_else(|| broken("a word without a length"))?;
        let Some((word, after)) = value(bytes, end + begin, length)? else {
            return Ok(None);
        };
        words.push(word);
        end = after;
    }
    Ok(Some((words, end)))
}

fn value_of(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The first line, and where it ends.
fn line(bytes: &[u8]) -> io::Result<Option<(&str, usize)>> {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return match bytes.len() > LONGEST {
            true => Err(broken("a line that is too long")),
            false => Ok(None),
        };
    };
    let line = str::from_utf8(&bytes[..end]).map_err(|_| broken("a line that is no text"))?;
    Ok(Some((line, end + 2)))
}

/// The value of this length that begins there, and where what follows it begins.
fn value(bytes: &[u8], begin: usize, length: &str) -> io::Result<Option<(Vec<u8>, usize)>> {
    let length: usize = length
        .parse()
        .map_err(|_| broken("a length that is none"))?;
    if length > LONGEST {
        return Err(broken("a value that is too long"));
    }
    let Some(rest) = bytes.get(begin + length..begin + length + 2) else {
        return Ok(None);
    };
    match rest {
        b"\r\n" => Ok(Some((
            bytes[begin..begin + length].to_vec(),
            begin + length + 2,
        ))),
        _ => Err(broken("a value of another length than it says")),
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("not Redis's protocol: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_no_sooner_than_it_is_whole() {
        for reply in [
            Reply::Status("OK".to_owned()),
            Reply::Value(b"a\r\nb".to_vec()),
            Reply::Value(Vec::new()),
            Reply::Nothing,
        ] {
            let mut bytes = Vec::new();
            reply.write(&mut bytes);
            for cut in 0..bytes.len() {
                assert_eq!(
                    Reply::read(&bytes[..cut]).unwrap(),
                    None,
                    "{cut} of {reply:?}"
                );
            }
            let length = bytes.len();
            bytes.extend_from_slice(b"+PONG\r\n");
            assert_eq!(Reply::read(&bytes).unwrap(), Some((reply, length)));
        }
        let bytes = command(&[b"SET", b"k", b"v\r\n"]);
        for cut in 0..bytes.len() {
            assert_eq!(read_command(&bytes[..cut]).unwrap(), None, "{cut}");
        }
        let words = vec![b"SET".to_vec(), b"k".to_vec(), b"v\r\n".to_vec()];
        assert_eq!(read_command(&bytes).unwrap(), Some((words, bytes.len())));
    }

    #[test]
    fn what_is_not_the_protocol_is_refused() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\n"[..],
            b"\r\n",
            b"$many\r\n",
            b"$99999999\r\n",
            b"$1\r\nabc\r\n",
        ] {
            let error = Reply::read(bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        }
        for bytes in [&b"GET k\r\n"[..], b"*0\r\n", b"*99\r\n", b"*1\r\n:1\r\n"] {
            assert!(read_command(bytes).is_err());
        }
    }
}
