//! PostgreSQL as the database: row-level security decides what a statement sees. A minimal client, for simple queries.
//!
//! See <https://www.postgresql.org/docs/current/protocol-message-formats.html>. `postgres.sql` makes the table.

use std::io::{self, BufReader, ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::database::{Answer, Failure, Statement};

/// The role that a connection has, and the database that it is to.
const STARTUP: &[u8] = b"user\0tenants\0database\0tenants\0\0";
/// Version 3.0 of the protocol.
const VERSION: i32 = 3 << 16;
/// Bytes of the longest message that is taken.
const LONGEST: usize = 4 << 20;
/// What the server says of a session that is in no transaction.
const IDLE: u8 = b'I';

/// A connection.
#[derive(Debug)]
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    /// What the server said last of the session's transaction.
    status: u8,
}

impl Client {
    /// Logs in, which needs no password.
    ///
    /// # Errors
    /// When nobody is there, or the server refuses.
    pub(super) fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).map_err(Failure::broken)?;
        stream.set_nodelay(true).map_err(Failure::broken)?;
        let mut client = Self {
            stream: BufReader::new(stream),
            status: IDLE,
        };
        let body = [&VERSION.to_be_bytes(), STARTUP].concat();
        client.send(&[], &body).map_err(Failure::broken)?;
        client.answer()?;
        Ok(client)
    }

    /// What a statement gives.
    ///
    /// # Errors
    /// When the server refuses it, or the connection has ended. It counts as ended as well when the server sends what is not
    /// understood: what it sends next could be the answer to anything.
    pub(super) fn run(&mut self, statement: &Statement) -> Answer {
        let Some(query) = query(statement).map_err(Failure::broken)? else {
            return Ok((self.status != IDLE).then(String::new));
        };
        let sent = self.send(b"Q", &[query.as_bytes(), b"\0"].concat());
        sent.map_err(Failure::ended)?;
        self.answer()
    }

    fn send(&mut self, kind: &[u8], body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 4).map_err(|_| broken("too long a query"))?;
        let message = [kind, &length.to_be_bytes(), body].concat();
        self.stream.get_mut().write_all(&message)
    }

    /// The first column of the first row, once the server is ready for the next query.
    fn answer(&mut self) -> Answer {
        let (mut found, mut refused) = (None, None);
        loop {
            // Who is not let in is told so, and then the connection ends.
            let (kind, body) = match self.message() {
                Ok(message) => message,
                Err(error) => return Err(refused.map_or(Failure::ended(error), Failure::Ended)),
            };
            match kind {
                b'D' if found.is_none() => found = first_column(&body).map_err(Failure::ended)?,
                b'E' => refused = Some(reason(&body)),
                b'R' if body != [0; 4] => {
                    return Err(Failure::ended(broken("asks for a password")));
                }
                b'Z' => {
                    let status = body.first().ok_or_else(|| broken("an empty message"));
                    self.status = *status.map_err(Failure::ended)?;
                    return refused.map_or(Ok(found), |why| Err(Failure::Broken(why)));
                }
                // A session that the server ends is not ready any more.
                _ => {}
            }
        }
    }

    fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length)).ok();
        let length = length.and_then(|length| length.checked_sub(4));
        let length = length.filter(|length| *length <= LONGEST);
        let mut body = vec![0; length.ok_or_else(|| broken("a message of no such length"))?];
        self.stream.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

/// A statement in SQL; none for what the server has said already.
fn query(statement: &Statement) -> io::Result<Option<String>> {
    Ok(Some(match statement {
        Statement::IsInTransaction => return Ok(None),
        Statement::Set(tenant) => format!("SET app.tenant = '{}'", tenant.0),
        Statement::Unset => "RESET app.tenant".to_owned(),
        Statement::Begin => "BEGIN".to_owned(),
        Statement::Commit => "COMMIT".to_owned(),
        Statement::Page(number) => format!("SELECT text FROM page WHERE number = {number}"),
        Statement::Write(text) => format!(
            "INSERT INTO page (number, text) VALUES (1, {}) \
             ON CONFLICT (tenant, number) DO UPDATE SET text = EXCLUDED.text",
            literal(text)?
        ),
        Statement::Front => "SELECT substr(text, 1, 200) FROM page WHERE number = 1".to_owned(),
    }))
}

/// A text within a statement. The server's setting `standard_conforming_strings` is on: only quotes are doubled.
fn literal(text: &str) -> io::Result<String> {
    match text.contains('\0') {
        true => Err(broken("a text with a byte of zero")),
        false => Ok(format!("'{}'", text.replace('\'', "''"))),
    }
}

/// How many columns, then each with its length; one of less than nothing is null.
fn first_column(row: &[u8]) -> io::Result<Option<String>> {
    let column = || {
        let (length, rest) = row.get(2..)?.split_first_chunk()?;
        let length = i32::from_be_bytes(*length);
        Some((usize::try_from(length).ok(), rest))
    };
    let (length, rest) = column().ok_or_else(|| broken("a row that is cut off"))?;
    let Some(length) = length else {
        return Ok(None);
    };
    let text = rest
        .get(..length)
        .and_then(|text| str::from_utf8(text).ok());
    let text = text.ok_or_else(|| broken("a column that is cut off, or no text"))?;
    Ok(Some(text.to_owned()))
}

/// The field of an error that is for people.
fn reason(body: &[u8]) -> String {
    let mut fields = body.split(|byte| *byte == 0);
    let said = fields.find_map(|field| field.strip_prefix(b"M"));
    let said = said.unwrap_or(b"no reason is given");
    format!("PostgreSQL: {}", String::from_utf8_lossy(said))
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("PostgreSQL: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_a_text() {
        let write = |text: &str| query(&Statement::Write(text.to_owned()));
        let said = write("it's; DROP TABLE page --").unwrap().unwrap();
        assert!(said.contains("'it''s; DROP TABLE page --'"), "{said}");
        assert!(write("a\0b").is_err());
    }

    #[test]
    fn a_row_is_read_as_far_as_its_first_column() {
        let row = |length: i32, text: &[u8]| [&[0, 1], &length.to_be_bytes()[..], text].concat();
        let text = first_column(&row(2, b"hi, there")).unwrap();
        assert_eq!(text.as_deref(), Some("hi"));
        assert_eq!(first_column(&row(-1, b"")).unwrap(), None);
        assert!(first_column(&row(3, b"hi")).is_err());
        assert!(first_column(&[0, 1, 0]).is_err());
    }

    #[test]
    fn an_error_says_why() {
        let body = b"SERROR\0C42501\0Mpermission denied\0\0";
        assert_eq!(reason(body), "PostgreSQL: permission denied");
        assert_eq!(reason(b"\0"), "PostgreSQL: no reason is given");
    }
}
