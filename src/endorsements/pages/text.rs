//! What a page says: its text, without what browsers do not show.
//!
//! The page is read by a tokenizer as browsers have it, without a tree: time and memory follow its length,
//! however deep its tags are nested.

use std::cell::RefCell;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use html5ever::tendril::{SliceExt, StrTendril};
use html5ever::tokenizer::states::RawKind::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// Most bytes of text that are taken from a page.
const MAX_TEXT: usize = 4 << 20;
/// How far browsers look for the name of a page's encoding.
const META_WITHIN: usize = 1024;

/// The text of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PageText {
    /// All of it.
    pub all: String,
    /// What stands in `main` and `article`; nothing where the page has neither.
    pub main: String,
}

impl PageText {
    /// That of a page that is text alone.
    pub(super) fn plain(text: &str) -> Self {
        let mut page = Self::default();
        push(&mut page.all, text);
        page
    }
}

/// Decodes a page: by its byte order mark, its header, its `meta`, or as UTF-8 or Windows-1252, whichever
/// it can be.
pub(super) fn decode(body: &[u8], content_type: Option<&str>) -> String {
    let named = content_type
        .and_then(|value| charset_in(value.as_bytes()))
        .or_else(|| charset_in(&body[..body.len().min(META_WITHIN)]));
    let encoding = named.unwrap_or_else(|| {
        if std::str::from_utf8(body).is_ok() {
            UTF_8
        } else {
            WINDOWS_1252
        }
    });
    encoding.decode(body).0.into_owned()
}

/// The first encoding that is named after `charset=`.
fn charset_in(bytes: &[u8]) -> Option<&'static Encoding> {
    let lower = bytes.to_ascii_lowercase();
    let mut rest = lower.as_slice();
    loop {
        let start = rest.windows(7).position(|word| word == b"charset")?;
        rest = rest.get(start + 7..)?.trim_ascii_start();
        let Some(value) = rest.strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let value = value
            .strip_prefix(b"\"")
            .or(value.strip_prefix(b"'"))
            .unwrap_or(value);
        let end = value
            .iter()
            .position(|b| !(b.is_ascii_alphanumeric() || b"-_:.".contains(b)));
        let label = value.get(..end.unwrap_or(value.len()))?;
        if let Some(found) = Encoding::for_label(label) {
            // A page that could be searched for the word is none of these.
            let wide = found == encoding_rs::UTF_16LE || found == encoding_rs::UTF_16BE;
            return Some(if wide { UTF_8 } else { found });
        }
    }
}

/// The text of HTML.
pub(super) fn extract(html: &str) -> PageText {
    let input = BufferQueue::default();
    // In pieces, because a tendril is no longer than 4 GiB and copies what it cuts.
    for piece in html
        .as_bytes()
        .chunks(64 << 10)
        .scan(Vec::new(), whole_chars)
    {
        input.push_back(piece);
    }
    let tokenizer = Tokenizer::new(Text::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().text
}

/// A piece of UTF-8 up to the last whole character; the rest waits for the next one.
#[expect(clippy::unnecessary_wraps, reason = "what scan wants")]
fn whole_chars(waiting: &mut Vec<u8>, piece: &[u8]) -> Option<StrTendril> {
    waiting.extend_from_slice(piece);
    let whole = match std::str::from_utf8(waiting) {
        Ok(_) => waiting.len(),
        Err(error) => error.valid_up_to(),
    };
    let rest = waiting.split_off(whole);
    let text = std::mem::replace(waiting, rest);
    Some(String::from_utf8_lossy(&text).to_tendril())
}

#[derive(Default)]
struct Text(RefCell<State>);

#[derive(Default)]
struct State {
    text: PageText,
    /// The element that is not shown, and how often it was opened within itself.
    hidden: Option<(String, usize)>,
    /// How many of `main` and `article` are open.
    main: usize,
}

impl TokenSink for Text {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => state.say(&text),
            Token::TagToken(tag) => return state.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl State {
    fn say(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        push(&mut self.text.all, text);
        if self.main > 0 {
            push(&mut self.text.main, text);
        }
    }

    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        let starts = tag.kind == TagKind::StartTag;
        if let Some((hidden, depth)) = &mut self.hidden {
            if hidden == name {
                if starts {
                    *depth += 1;
                } else {
                    *depth -= 1;
                }
                if *depth == 0 {
                    self.hidden = None;
                }
            }
        } else if starts && is_hidden(name) && !(tag.self_closing && name == "svg") {
            self.hidden = Some((name.to_owned(), 1));
        } else if !is_inline(name) {
            self.say("\n");
        }
        if matches!(name, "main" | "article") {
            self.main = if starts {
                self.main + 1
            } else {
                self.main.saturating_sub(1)
            };
        }
        match name {
            "script" if starts => TokenSinkResult::RawData(ScriptData),
            "style" | "noscript" | "iframe" | "noembed" | "noframes" | "xmp" if starts => {
                TokenSinkResult::RawData(Rawtext)
            }
            "title" | "textarea"
                if starts && self.hidden.as_ref().is_none_or(|(h, _)| h != "svg") =>
            {
                TokenSinkResult::RawData(Rcdata)
            }
            "plaintext" if starts => TokenSinkResult::Plaintext,
            _ => TokenSinkResult::Continue,
        }
    }
}

/// Adds text as far as there is room: white space at the end of what is there grows no further.
fn push(to: &mut String, text: &str) {
    if text.trim().is_empty() && to.ends_with(char::is_whitespace) {
        return;
    }
    let room = MAX_TEXT.saturating_sub(to.len());
    to.push_str(&text[..text.floor_char_boundary(room)]);
}

/// What browsers do not show.
fn is_hidden(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "noscript"
            | "template"
            | "svg"
            | "iframe"
            | "noembed"
            | "noframes"
            | "textarea"
            | "select"
            | "datalist"
    )
}

/// What stands within a line: it parts no words.
fn is_inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "acronym"
            | "b"
            | "bdi"
            | "bdo"
            | "big"
            | "cite"
            | "code"
            | "data"
            | "del"
            | "dfn"
            | "em"
            | "font"
            | "i"
            | "ins"
            | "kbd"
            | "mark"
            | "nobr"
            | "q"
            | "s"
            | "samp"
            | "small"
            | "span"
            | "strike"
            | "strong"
            | "sub"
            | "sup"
            | "time"
            | "tt"
            | "u"
            | "var"
            | "wbr"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(html: &str) -> String {
        let text = extract(html).all;
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_text_is_what_a_reader_sees() {
        let table = [
            ("<p>It <b>shi</b>nes.</p><p>Truly", "It shines. Truly"),
            ("a<script>b<!-- </script>c", "ac"),
            (
                "a<script>if (1 < 2) '<p>b'</script>c<style>p{}</style>d",
                "acd",
            ),
            ("<title>A &amp; <b></title>B&nbsp;&#x4e2d;", "A & <b> B 中"),
            ("a<!-- b -->c<br>d", "ac d"),
            ("a<noscript><p>b</p></noscript>c", "ac"),
            ("a<svg><title>b</title><svg></svg>c</svg>d", "ad"),
            ("a<svg/>b", "a b"),
            ("a<template>b", "a"),
            ("<textarea>a</textarea>b", "b"),
            ("a</p></svg></script>b", "a b"),
            ("a &lt;b&gt; <b", "a <b>"),
            ("", ""),
        ];
        for (html, text) in table {
            assert_eq!(words(html), text, "{html}");
        }
    }

    #[test]
    fn the_main_text_is_that_of_main_and_article() {
        let text = extract("<nav>x</nav><main>a <article>b</article> c</main><p>y</p>");
        assert_eq!(text.main.split_whitespace().collect::<String>(), "abc");
        assert_eq!(extract("<p>a</p>").main, "");
        assert_eq!(extract("</main></article><p>a</p>").main, "");
    }

    #[test]
    fn a_page_that_is_made_to_harm_takes_no_longer_than_another() {
        let deep = "<div><b><i><svg><p>".repeat(200_000);
        assert_eq!(extract(&deep).all.trim(), "");
        let long = "语".repeat(2 << 20);
        assert_eq!(extract(&long).all.len(), MAX_TEXT / 3 * 3);
        let attributes = format!("<p {}>a", "x ".repeat(2_000));
        assert_eq!(words(&attributes), "a");
    }

    #[test]
    fn a_page_is_decoded_as_browsers_do() {
        let table: [(&[u8], Option<&str>, &str); 8] = [
            ("é".as_bytes(), None, "é"),
            (b"\xe9", None, "é"),
            (b"\xe9", Some("text/html; charset=ISO-8859-1"), "é"),
            (
                b"\xd7\xee\xbc\xd1",
                Some("text/html;charset=\"GB2312\""),
                "最佳",
            ),
            (
                b"<meta charset=gbk>\xd7\xee\xbc\xd1",
                None,
                "<meta charset=gbk>最佳",
            ),
            (
                b"<meta http-equiv=x content='text/html; charset=big5'>\xb3\xcc",
                None,
                "<meta http-equiv=x content='text/html; charset=big5'>最",
            ),
            (
                b"\xef\xbb\xbf\xe6\x9c\x80",
                Some("text/html; charset=gbk"),
                "最",
            ),
            (b"a", Some("text/html; charset=nonsense"), "a"),
        ];
        for (body, header, text) in table {
            assert_eq!(decode(body, header), text);
        }
    }
}
