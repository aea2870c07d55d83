//! What an exchange held, as pieces of text that may be shown: canaries, sessions, tokens and supplied secrets masked, the
//! victim's canaries marked.

use super::mask::{Mask, Stretch, masked_value};
use super::visible::visible;
use crate::history::{Cookie, Line, lines};
use crate::identity::{Canary, UserId};

/// Bytes of a head that are shown; a line with a canary is shown beyond them as well.
pub const HEAD_SHOWN: usize = 4 << 10;
/// Characters of one piece of a head that are shown; of a longer one its beginning and its end.
const PIECE_SHOWN: usize = 600;
/// Stands for a value that opens a session or could.
const MASKED: &str = "[masked]";

/// A piece of what an exchange held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// The text; of a canary its mask.
    pub text: String,
    /// True for a canary of the finding's victim, and for the value that crossed.
    pub hit: bool,
    /// Of a canary or such a value: whose it is and what, such as `bob's note`.
    pub of: Option<String>,
}

/// What of an answer is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Status line and headers.
    pub head: Vec<Piece>,
    /// The excerpt of the body.
    pub body: Vec<Piece>,
    /// Where in the body the excerpt begins, bytes.
    pub body_start: u64,
    /// Length of the excerpt before anything in it was masked, bytes.
    pub body_shown: u64,
    /// Length of the whole body, bytes.
    pub body_len: u64,
}

/// Makes pieces of what the exchanges of one finding held.
pub(super) struct Pieces<'a> {
    pub(super) mask: &'a Mask<'a>,
    pub(super) victim: UserId,
    /// What was learnt of the victim and crossed, when it was no canary.
    pub(super) value: Option<&'a str>,
    /// Whose canary it is, and what.
    pub(super) name: &'a dyn Fn(Canary) -> String,
}

impl Pieces<'_> {
    /// A head, line by line.
    pub(super) fn head(&self, head: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let (mut shown, mut left_out) = (0, 0u64);
        for line in lines(head) {
            let of_line = self.line(head, &line);
            if shown > HEAD_SHOWN && of_line.iter().all(|piece| piece.of.is_none()) {
                left_out += 1;
                continue;
            }
            shown += line.end - line.start;
            push_left_out(&mut pieces, &mut left_out);
            pieces.extend(of_line.into_iter().map(shortened));
            pieces.push(plain("\n"));
        }
        push_left_out(&mut pieces, &mut left_out);
        joined(pieces)
    }

    /// An excerpt of a body, or all of it.
    pub(super) fn body(&self, bytes: &[u8]) -> Vec<Piece> {
        joined(self.bytes(bytes))
    }

    fn line(&self, head: &[u8], line: &Line<'_>) -> Vec<Piece> {
        let whole = &head[line.start..line.end];
        let end = line.start + whole.trim_ascii_end().len();
        let value_end = line.value_start + line.value.len();
        let (from, to) = match Cookie::of(line) {
            // What is set to nothing is taken away; that may be seen.
            Some(cookie) if cookie.value.is_empty() => (end, end),
            Some(cookie) => (cookie.value_start, cookie.value_start + cookie.value.len()),
            None if opens_a_session(line.name) => (line.value_start, value_end),
            None => (end, end),
        };
        let mut pieces = self.bytes(&head[line.start..from]);
        if to > from {
            pieces.push(plain(MASKED));
            for stretch in self.mask.stretches(&head[from..to]) {
                if let Stretch::Canary { .. } = stretch {
                    pieces.push(plain(" "));
                    pieces.extend(self.pieces(stretch));
                }
            }
            pieces.extend(self.bytes(&head[to..end]));
        }
        pieces
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<Piece> {
        self.mask
            .stretches(bytes)
            .into_iter()
            .flat_map(|stretch| self.pieces(stretch))
            .collect()
    }

    /// A text of one line with the value that crossed masked.
    pub(super) fn without_value(&self, text: &str) -> String {
        match self.value.filter(|value| !value.is_empty()) {
            Some(value) => text.replace(value, &masked_value(value)),
            None => text.to_owned(),
        }
    }

    fn pieces(&self, stretch: Stretch) -> Vec<Piece> {
        match stretch {
            Stretch::Text(text) => self.text(&text),
            Stretch::Canary { mask, canaries } => {
                let victims = canaries.iter().find(|canary| canary.owner == self.victim);
                vec![Piece {
                    text: mask,
                    hit: victims.is_some(),
                    of: victims
                        .or(canaries.first())
                        .map(|canary| (self.name)(*canary)),
                }]
            }
        }
    }

    fn text(&self, text: &str) -> Vec<Piece> {
        let text_piece = |text: &str| plain(&readable(&without_tokens(text)));
        let Some(value) = self.value.filter(|value| !value.is_empty()) else {
            return vec![text_piece(text)];
        };
        let mut pieces = Vec::new();
        for (at, part) in text.split(value).enumerate() {
            if at > 0 {
                pieces.push(Piece {
                    text: masked_value(value),
                    hit: true,
                    of: Some("a value that only the victim had".into()),
                });
            }
            if !part.is_empty() {
                pieces.push(text_piece(part));
            }
        }
        pieces
    }
}

fn plain(text: &str) -> Piece {
    Piece {
        text: text.to_owned(),
        ..Piece::default()
    }
}

fn push_left_out(pieces: &mut Vec<Piece>, left_out: &mut u64) {
    if *left_out > 0 {
        let lines = super::words::count(*left_out, "line");
        pieces.push(plain(&format!("[{lines} left out]\n")));
        *left_out = 0;
    }
}

/// Neighbours that are plain text become one piece.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match joined.last_mut() {
            Some(last) if last.of.is_none() && piece.of.is_none() => {
                last.text.push_str(&piece.text)
            }
            _ => joined.push(piece),
        }
    }
    joined
}

fn shortened(piece: Piece) -> Piece {
    let length = piece.text.chars().count();
    if piece.of.is_some() || length <= PIECE_SHOWN {
        return piece;
    }
    let half = PIECE_SHOWN / 2;
    let (begin, end): (String, String) = (
        piece.text.chars().take(half).collect(),
        piece.text.chars().skip(length - half).collect(),
    );
    let left_out = super::words::number((length - PIECE_SHOWN) as u64);
    plain(&format!("{begin}[{left_out} characters left out]{end}"))
}

/// Whether the value of such a header is likely to open a session. Too much masked does less harm than too little.
fn opens_a_session(name: &[u8]) -> bool {
    const WORDS: [&str; 11] = [
        "apikey",
        "api-key",
        "authorization",
        "cookie",
        "credential",
        "csrf",
        "password",
        "secret",
        "session",
        "token",
        "xsrf",
    ];
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// The text with JSON web tokens masked: they begin like `{"` in base64 and have two dots.
fn without_tokens(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        masked.push_str(&rest[..at]);
        let length = rest[at..]
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.' | '='))
            .unwrap_or(rest.len() - at);
        let token = &rest[at..at + length];
        let is_token = length > 40 && token.trim_end_matches('.').matches('.').count() >= 1;
        masked.push_str(if is_token { MASKED } else { token });
        rest = &rest[at + length..];
    }
    masked.push_str(rest);
    masked
}

/// The text as it may be looked at; its length when it is no text at all.
fn readable(text: &str) -> String {
    let (mut characters, mut strange) = (0u64, 0u64);
    for c in text.chars() {
        characters += 1;
        strange += u64::from(c == '\u{fffd}' || (c.is_control() && !c.is_ascii_whitespace()));
    }
    if strange * 5 > characters && characters > 8 {
        let bytes = super::words::number(characters);
        return format!("[about {bytes} bytes that are not text]");
    }
    visible(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Redactor, Salt};

    const SALT: Salt = Salt::new(7);

    fn canary(owner: u32) -> String {
        Canary {
            owner: UserId(owner),
            slot: 0,
            serial: 1,
        }
        .encode(SALT)
    }

    fn with<T>(act: impl Fn(&Pieces<'_>) -> T) -> T {
        let redactor = Redactor::new(["hunter22"]);
        let salt = SALT.to_string();
        let mask = Mask::new(&redactor, Some(&salt));
        act(&Pieces {
            mask: &mask,
            victim: UserId(2),
            value: Some("07911 123456"),
            name: &|canary| format!("user {}'s note", canary.owner.0),
        })
    }

    fn text(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn sessions_are_masked_and_the_canaries_in_them_are_not_lost() {
        let head = format!(
            "HTTP/1.1 200 OK\r\nSet-Cookie: sid=0123456789abcdef.{}; Path=/\r\nset-cookie: old=; Max-Age=0\r\nAuthorization: Bearer \
             abcdef\r\nX-CSRF-Token: 0815\r\nset-cookie: nonsense\r\nx-p: hunter22\r\n\r\n",
            canary(2)
        );
        let pieces = with(|p| p.head(head.as_bytes()));
        let shown = text(&pieces);
        assert_eq!(
            shown,
            format!(
                "HTTP/1.1 200 OK\nSet-Cookie: sid=[masked] …{}; Path=/\nset-cookie: old=; Max-Age=0\nAuthorization: [masked]\nX-CSRF-Token: \
                 [masked]\nset-cookie: [masked]\nx-p: [secret]\n",
                &canary(2)[21..]
            )
        );
        let hits: Vec<&Piece> = pieces.iter().filter(|piece| piece.hit).collect();
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].of.as_deref(), Some("user 2's note"));
    }

    #[test]
    fn a_stored_head_is_shown_as_the_one_that_came() {
        let came = format!(
            "H\r\nset-cookie: a=0123456789abcdef{}; Path=/\r\n",
            canary(2)
        );
        let stored = format!(
            "H\r\nset-cookie: a=[id:0123456789abcdef] {}; Path=/\r\n",
            canary(2)
        );
        with(|p| assert_eq!(p.head(came.as_bytes()), p.head(stored.as_bytes())));
    }

    #[test]
    fn only_the_victims_canaries_are_hits() {
        let body = format!("<b>{}</b>{}", canary(1), canary(2));
        let pieces = with(|p| p.body(body.as_bytes()));
        let marks: Vec<(bool, bool)> = pieces.iter().map(|p| (p.hit, p.of.is_some())).collect();
        assert_eq!(
            marks,
            [(false, false), (false, true), (false, false), (true, true)]
        );
    }

    #[test]
    fn a_learnt_value_is_marked_and_masked() {
        let pieces = with(|p| p.body(b"tel 07911 123456, or 07911 123456"));
        assert_eq!(text(&pieces), "tel [12 characters], or [12 characters]");
        assert_eq!(pieces.iter().filter(|piece| piece.hit).count(), 2);
        let request = with(|p| p.without_value("GET /07911 123456"));
        assert_eq!(request, "GET /[12 characters]");
    }

    #[test]
    fn long_heads_are_cut_but_not_where_a_canary_stands() {
        let filler = "x-filler: 0123456789012345678901234567890123456789\r\n".repeat(1_000);
        let head = format!(
            "H\r\n{filler}x-long: {}\r\nx-note: {}\r\n{filler}",
            "y".repeat(5_000),
            canary(2)
        );
        let pieces = with(|p| p.head(head.as_bytes()));
        let shown = text(&pieces);
        assert!(shown.len() < HEAD_SHOWN + 2_000, "{}", shown.len());
        assert!(
            shown.contains("x-note: …") && shown.contains("lines left out]"),
            "{shown}"
        );
        let short = with(|p| p.head(format!("H\r\nx-long: {}\r\n", "y".repeat(5_000)).as_bytes()));
        assert!(
            text(&short).contains("[4,408 characters left out]"),
            "{short:?}"
        );
    }

    #[test]
    fn tokens_and_bytes_that_are_no_text_are_named_only() {
        let token = format!("eyJhbGciOiJIUzI1NiJ9.{}.c2ln", "a".repeat(30));
        let shown =
            with(|p| text(&p.body(format!("{{\"t\":\"{token}\",\"e\":\"eyJ\"}}").as_bytes())));
        assert_eq!(shown, "{\"t\":\"[masked]\",\"e\":\"eyJ\"}");
        let shown = with(|p| text(&p.body(&[0xff; 100])));
        assert_eq!(shown, "[about 100 bytes that are not text]");
    }
}
