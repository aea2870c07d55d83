//! Text that anybody may have written, made harmless to look at: nothing in it is invisible, and nothing steers a terminal,
//! a browser or the direction of what stands beside it.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with everything invisible made visible: control characters as their pictures (`␛` for escape), characters that
/// only steer (direction, joining, tags, private line separators) as `⟨U+202E⟩`. Line feeds and tabs stay; a carriage return
/// before a line feed goes. Applying it twice changes nothing more.
#[must_use]
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text
        .chars()
        .any(|c| is_hidden(c) && !matches!(c, '\n' | '\t'))
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' | '\t' => shown.push(c),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\u{7f}' => shown.push('\u{2421}'),
            // The pictures of the control characters stand in their order.
            '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            c if is_hidden(c) => {
                // Writing to a string does not fail.
                let _ = write!(shown, "\u{27e8}U+{:04X}\u{27e9}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// As [`visible`], on one line: a line feed becomes `␊`, a tab a blank.
#[must_use]
pub(super) fn visible_line(text: &str) -> Cow<'_, str> {
    match visible(text) {
        Cow::Borrowed(text) if !text.contains(['\n', '\t']) => Cow::Borrowed(text),
        shown => Cow::Owned(shown.replace('\n', "\u{240a}").replace('\t', " ")),
    }
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            u32::from(c),
            // Soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul and Khmer fillers, Mongolian selectors.
            0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
            // Zero widths, joiners and directions; line separators; overrides; invisible operators and isolates.
            | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
            // Fillers, variation selectors, byte order mark, interlinear marks.
            | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            // Tags and further variation selectors; what no text holds.
            | 0xe0000..=0xe0fff | 0xfffe | 0xffff
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_invisible() {
        assert_eq!(
            visible("a\0b\u{1b}[31mc\r\nd\re\tf\u{7f}\u{85}"),
            "a\u{2400}b\u{241b}[31mc\nd\u{240d}e\tf\u{2421}\u{27e8}U+0085\u{27e9}"
        );
        assert_eq!(
            visible("ab\u{202e}cd\u{feff}"),
            "ab\u{27e8}U+202E\u{27e9}cd\u{27e8}U+FEFF\u{27e9}"
        );
        assert!(matches!(visible("größer, 日本 🙂\n"), Cow::Borrowed(_)));
        assert_eq!(visible_line("a\r\nb\tc"), "a\u{240a}b c");
    }

    #[test]
    fn twice_is_once() {
        let hostile: String = (0..0x3000).filter_map(char::from_u32).collect();
        let once = visible(&hostile).into_owned();
        assert_eq!(visible(&once), once);
        assert_eq!(
            visible_line(&visible_line(&hostile)),
            visible_line(&hostile)
        );
    }
}
