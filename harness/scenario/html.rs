//! Looking into HTML with CSS selectors, in bounded time and memory whatever the page is.

use std::fmt;

use html5ever::driver::{ParseOpts, parse_document};
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::error::SelectorErrorKind;
use scraper::{Html, HtmlTreeSink};

/// A CSS selector (Selectors Level 4 as far as it can be decided on a page that no script runs on).
///
/// ```
/// use crosswire::scenario::Selector;
///
/// assert!(Selector::new("form[action='/login'] input[name=_token]").is_ok());
/// assert!(Selector::new("input[name=").is_err());
/// ```
#[derive(Clone)]
pub struct Selector {
    source: String,
    parsed: scraper::Selector,
}

/// Why a text is no CSS selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError {
    why: String,
}

/// Why a page was not searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsearched {
    /// It has more bytes than [`Selector::HTML_LIMIT`].
    Bytes,
    /// It makes more elements than [`Selector::NODE_LIMIT`] allows.
    Nodes,
    /// Its elements are nested deeper than [`Selector::DEPTH_LIMIT`] allows.
    Depth,
}

impl Selector {
    /// Longest page that is searched, in bytes.
    pub const HTML_LIMIT: usize = 4 << 20;
    /// Most nodes (elements, texts, comments) of a page that is searched.
    pub const NODE_LIMIT: usize = 200_000;
    /// Deepest nesting of a page that is searched; browsers themselves cut at a few hundred.
    pub const DEPTH_LIMIT: usize = 1_000;

    /// Reads `source`.
    ///
    /// # Errors
    /// When it is no selector, or uses what only a browser can decide (`:hover`, `::before`).
    pub fn new(source: &str) -> Result<Selector, SelectorError> {
        match scraper::Selector::parse(source) {
            Ok(parsed) => Ok(Selector {
                source: source.to_owned(),
                parsed,
            }),
            Err(error) => Err(SelectorError {
                why: in_words(&error).to_owned(),
            }),
        }
    }

    /// The selector as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// What the page holds where the selector matches: of the first element the text, white space at both ends left out;
    /// or, of the first that has it, the attribute (lower case, as in HTML all are). The outer `None` is no match at all,
    /// the inner one no such attribute.
    pub(super) fn find(
        &self,
        html: &[u8],
        attribute: Option<&str>,
    ) -> Result<Option<Option<String>>, Unsearched> {
        let page = read(html)?;
        let mut found = page.select(&self.parsed).peekable();
        let Some(first) = found.peek() else {
            return Ok(None);
        };
        Ok(Some(match attribute {
            None => Some(first.text().collect::<String>().trim().to_owned()),
            Some(name) => found.find_map(|element| element.attr(name).map(str::to_owned)),
        }))
    }
}

/// What is wrong with a selector, in one clause.
fn in_words(error: &SelectorErrorKind) -> &'static str {
    match error {
        SelectorErrorKind::EndOfLine => "it ends before it is complete",
        SelectorErrorKind::UnexpectedToken | SelectorErrorKind::QualRuleInvalid => {
            "a sign stands where none can"
        }
        SelectorErrorKind::ExpectedColonOnPseudoElement
        | SelectorErrorKind::ExpectedIdentityOnPseudoElement => "a name is missing after a colon",
        SelectorErrorKind::TooManyNestedBlocks => "its brackets are nested too deep",
        SelectorErrorKind::InvalidAtRule
        | SelectorErrorKind::InvalidAtRuleBody
        | SelectorErrorKind::UnexpectedSelectorParseError(_) => {
            "a part of it cannot be decided on a page alone, as `:hover` and `::before` cannot"
        }
    }
}

/// Builds the page's tree as a browser does. Bytes that are not UTF-8 become U+FFFD.
fn read(html: &[u8]) -> Result<Html, Unsearched> {
    if html.len() > Selector::HTML_LIMIT {
        return Err(Unsearched::Bytes);
    }
    let sink = HtmlTreeSink::new(Html::new_document());
    let mut parser = parse_document(sink, ParseOpts::default());
    // Tag by tag: formatting elements that are never closed are made anew in every later block (HTML standard, 13.2.4.3),
    // and many tags look through all open elements, so that a page of n bytes could otherwise ask for n² nodes, or n²
    // steps, before anybody counted.
    for part in String::from_utf8_lossy(html).split_inclusive('>') {
        parser.process(StrTendril::from_slice(part));
        let page = parser.tokenizer.sink.sink.0.borrow();
        let mut nodes = page.tree.nodes();
        if nodes.len() > Selector::NODE_LIMIT {
            return Err(Unsearched::Nodes);
        }
        let newest = nodes.next_back();
        if newest.is_some_and(|node| node.ancestors().nth(Selector::DEPTH_LIMIT).is_some()) {
            return Err(Unsearched::Depth);
        }
    }
    Ok(parser.finish())
}

/// Equal when they were given alike.
impl PartialEq for Selector {
    fn eq(&self, other: &Selector) -> bool {
        self.source == other.source
    }
}

impl Eq for Selector {}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

/// As errors show it, control characters escaped.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.source.chars() {
            match c.is_control() {
                true => write!(f, "{}", c.escape_debug())?,
                false => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for SelectorError {}

impl fmt::Display for Unsearched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsearched::Bytes => write!(
                f,
                "the body has more than the {} bytes of HTML that are searched",
                Selector::HTML_LIMIT
            ),
            Unsearched::Depth => write!(
                f,
                "the page is nested deeper than the {} levels that are searched",
                Selector::DEPTH_LIMIT
            ),
            Unsearched::Nodes => write!(
                f,
                "the page has more than the {} elements and texts that are searched",
                Selector::NODE_LIMIT
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(selector: &str, attribute: Option<&str>, html: &str) -> Option<Option<String>> {
        let selector = Selector::new(selector).unwrap();
        selector.find(html.as_bytes(), attribute).unwrap()
    }

    fn value(selector: &str, attribute: &str, html: &str) -> String {
        find(selector, Some(attribute), html).unwrap().unwrap()
    }

    #[test]
    fn hidden_tokens_of_usual_frameworks_are_found() {
        // In the manner of Django: quotes of both kinds, the token not first.
        let django = "<!DOCTYPE html><html><body><form method=\"post\" action=\"\">\n<input type=\"text\" name=\"username\">\
            <input type='hidden' name='csrfmiddlewaretoken' value='dJ4ng0tOk3n' /></form></body></html>";
        assert_eq!(
            value("input[name=csrfmiddlewaretoken]", "value", django),
            "dJ4ng0tOk3n"
        );
        // Laravel: in the head, and in the form.
        let laravel = "<html><head><meta content=\"lArAv3l\" name=\"csrf-token\"><title>Log in</title></head>\
            <body><form action=/login method=POST><input autocomplete=off name=_token type=hidden value=lArAv3l></form></body>";
        assert_eq!(
            value("meta[name=csrf-token]", "content", laravel),
            "lArAv3l"
        );
        assert_eq!(
            value(
                "form[action='/login'] > input[name=_token]",
                "value",
                laravel
            ),
            "lArAv3l"
        );
        // Rails: base64 with entities.
        let rails = "<form class=\"new_user\" id=\"new_user\"><input name=\"utf8\" type=\"hidden\" value=\"&#x2713;\" />\
            <input type=\"hidden\" name=\"authenticity_token\" value=\"a+b/c&#61;&#x3D;&amp;&quot;d\" autocomplete=\"off\" /></form>";
        assert_eq!(
            value("#new_user input[name='authenticity_token']", "value", rails),
            "a+b/c==&\"d"
        );
        assert_eq!(value("input[name=utf8]", "value", rails), "✓");
        // Roundcube: upper and lower case, a table without its body, the token before the form's fields.
        let roundcube = "<FORM ID=login-form NAME=\"login-form\" METHOD=post ACTION=\"./?_task=login\">\n\
            <INPUT TYPE=hidden NAME=_token VALUE=Rc1>\n<input type=\"hidden\" name=\"_task\" value=\"login\">\
            <table><tr><td class=\"title\"><label for=rcmloginuser>User</label><td class=input><input name=_user></table></FORM>";
        assert_eq!(
            value("form#login-form input[name=_token]", "value", roundcube),
            "Rc1"
        );
        assert_eq!(value("tbody td.input input", "name", roundcube), "_user");
    }

    #[test]
    fn unclosed_tags_comments_and_scripts_do_not_mislead() {
        let html = "<ul><li>one<li class=x>two <b>bold</b><li>three</ul>\
            <!-- <input name=t value=comment> --><script>var s = \"<input name=t value=script>\";</script>\
            <textarea><input name=t value=text></textarea><p>a<p>b<input name=t value=right><input name=t value=second>";
        assert_eq!(find("li.x", None, html), Some(Some("two bold".to_owned())));
        assert_eq!(
            find("li:nth-child(3)", None, html),
            Some(Some("three".to_owned()))
        );
        assert_eq!(value("input[name=t]", "value", html), "right");
        assert_eq!(find("p + p", None, html), Some(Some("b".to_owned())));
    }

    #[test]
    fn no_match_is_told_from_no_attribute() {
        let html = "<a id=one>x</a><a href='/two?a=1&amp;b=2'>y</a><a id=empty></a>";
        assert_eq!(find("form", None, html), None);
        assert_eq!(find("a", Some("title"), html), Some(None));
        assert_eq!(
            value("a", "href", html),
            "/two?a=1&b=2",
            "the first that has it"
        );
        assert_eq!(find("#empty", None, html), Some(Some(String::new())));
    }

    #[test]
    fn a_page_beyond_the_limits_is_not_searched() {
        let long = "x".repeat(Selector::HTML_LIMIT + 1);
        let selector = Selector::new("b").unwrap();
        assert_eq!(selector.find(long.as_bytes(), None), Err(Unsearched::Bytes));
        // They are open when their paragraph ends, so each later one opens them all anew: 500 times 500.
        let opened: String = (0..500).map(|n| format!("<b x={n}>")).collect();
        let html = format!("<p>{opened}</p>{}", "<p>x</p>".repeat(500));
        assert_eq!(selector.find(html.as_bytes(), None), Err(Unsearched::Nodes));
    }

    #[test]
    fn bytes_that_are_no_text_and_deep_nesting_are_borne() {
        let selector = Selector::new("i").unwrap();
        assert_eq!(
            selector.find(b"\xff<i>a\xff</i>\0", None),
            Ok(Some(Some("a\u{fffd}".to_owned())))
        );
        let deep = "<div>".repeat(900) + "<i>in</i>";
        assert_eq!(
            selector.find(deep.as_bytes(), None),
            Ok(Some(Some("in".to_owned())))
        );
        let deep = "<div>".repeat(200_000);
        assert_eq!(selector.find(deep.as_bytes(), None), Err(Unsearched::Depth));
        assert_eq!(selector.find(b"", None), Ok(None));
    }

    #[test]
    fn what_only_a_browser_knows_is_no_selector() {
        for wrong in ["", "a[", "a::before", "a:hover", "input[name=", "a >"] {
            assert!(Selector::new(wrong).is_err(), "{wrong}");
        }
    }
}
