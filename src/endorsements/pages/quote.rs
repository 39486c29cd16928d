//! Whether a quote stands in a text.
//!
//! It must stand there word for word. What typesetting changes does not count: white space, the shape of
//! quotation marks, dashes and ellipses, and what NFKC holds for the same. Where a quote leaves something
//! out ("…"), its parts must stand there in their order.

use unicode_normalization::UnicodeNormalization;

/// Whether the quote stands in a page's text. None where the quote has no words to look for.
#[must_use]
pub(crate) fn contains_quote(text: &str, quote: &str) -> Option<bool> {
    let quote = plain(quote);
    let parts: Vec<&str> = split(&quote);
    if parts.is_empty() {
        return None;
    }
    let text = plain(text);
    let mut rest = text.as_str();
    let mut before: Option<char> = None;
    for part in parts {
        let Some(end) = find(rest, part, before) else {
            return Some(false);
        };
        before = rest[..end].chars().next_back();
        rest = &rest[end..];
    }
    Some(true)
}

/// Where the first occurrence of `part` as whole words ends; `before` is what stands before the text.
fn find(text: &str, part: &str, before: Option<char>) -> Option<usize> {
    text.match_indices(part)
        .map(|(start, _)| (start, start + part.len()))
        .find_map(|(start, end)| {
            let left = text[..start].chars().next_back().or(before);
            let is_whole = !joins(left, part.chars().next())
                && !joins(part.chars().next_back(), text[end..].chars().next());
            is_whole.then_some(end)
        })
}

/// Whether two characters stand within one word: letters and digits of scripts that part words by spaces.
fn joins(left: Option<char>, right: Option<char>) -> bool {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && !is_unspaced(c));
    in_word(left) && in_word(right)
}

/// The parts of a plain quote: split where three or more dots, with or without brackets, leave something out.
fn split(quote: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = quote;
    while let Some(start) = rest.find("...") {
        parts.push(&rest[..start]);
        rest = rest[start..].trim_start_matches('.');
    }
    parts.push(rest);
    parts
        .into_iter()
        .map(|part| {
            part.trim_matches(|c: char| {
                c.is_whitespace() || matches!(c, '"' | '[' | ']' | '(' | ')')
            })
        })
        .filter(|part| part.chars().any(char::is_alphanumeric))
        .collect()
}

/// Characters of scripts that are written without spaces: a line break among them is no space.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// One spelling for what is the same.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    // Marks that NFKC would take apart are named before it, and those that it makes after it.
    let chars = text
        .chars()
        .filter(|c| !is_unseen(*c))
        .map(one_mark)
        .nfkc()
        .map(one_mark);
    let mut space = false;
    for c in chars {
        if c.is_whitespace() {
            space = true;
            continue;
        }
        let last = plain.chars().next_back();
        if c == '-' && last == Some('-') {
            // "--" is a dash too.
            space = false;
            continue;
        }
        let tight = |c: char| is_unspaced(c) || c == '-';
        // Dots that stand apart are an ellipsis.
        let dots = c == '.' && last == Some('.');
        if space && !dots && !tight(c) && last.is_some_and(|last| !tight(last)) {
            plain.push(' ');
        }
        space = false;
        plain.push(c);
    }
    plain
}

/// Characters that show nothing: soft hyphens, joiners, marks of direction.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn one_mark(c: char) -> char {
    match c {
        '\''
        | '`'
        | '´'
        | '\u{2018}'..='\u{201f}'
        | '\u{2032}'..='\u{2037}'
        | '«'
        | '»'
        | '‹'
        | '›'
        | '「'
        | '」'
        | '『'
        | '』'
        | '〝'
        | '〞'
        | '〟'
        | '＂'
        | '＇' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' | '⸺' | '⸻' => {
            '-'
        }
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_found_whatever_typesetting_did_to_it() {
        let table = [
            ("It shines.", "they said: It\n   shines. And"),
            ("It\u{a0}shines", "It shines"),
            (
                "“It’s the best ‘torch’ yet”",
                "He wrote: \"It's the best \"torch\" yet\".",
            ),
            ("«le meilleur»", "C'est « le meilleur » !"),
            ("„die beste“", "Das ist “die beste” Lampe"),
            ("bright — and light", "so bright--and light"),
            ("bright–light", "bright - light"),
            ("It shines … all night.", "It shines, truly, and all night."),
            ("It shines ... all", "It shines at all times"),
            ("It shines [...] all", "It shines … all"),
            ("It shines . . . all", "It shines for all"),
            ("…and it lasts…", "light, and it lasts."),
            ("ﬁne light", "fine light"),
            ("Ｔop Ｐick", "Top Pick"),
            ("co\u{ad}op\u{200b}erate", "cooperate"),
            (
                "这盏灯很亮，能用一整夜",
                "评测：这盏灯\n  很亮，能用一整夜。",
            ),
            ("“最佳”露营灯", "我们的「最佳」露营灯"),
            ("这盏灯……一整夜", "这盏灯很亮，能用一整夜。"),
            ("很亮", "这盏灯很亮，能"),
            ("NL-1 露营灯", "NL-1露营灯"),
            ("The torch", "The torch"),
        ];
        for (quote, text) in table {
            assert_eq!(contains_quote(text, quote), Some(true), "{quote} in {text}");
        }
    }

    #[test]
    fn other_words_are_not_the_quote() {
        let table = [
            ("It shines.", "It shone."),
            ("the best torch", "the second-best torch ever"),
            ("best", "the bestseller"),
            ("It shines … all night", "All night long. It shines"),
            ("It shines all night", "It shines … all night"),
            ("a … a", "only a here"),
            ("很亮", "不亮"),
            ("Best", "best"),
        ];
        for (quote, text) in table {
            assert_eq!(
                contains_quote(text, quote),
                Some(false),
                "{quote} in {text}"
            );
        }
        assert_eq!(contains_quote("", "It shines"), Some(false));
    }

    #[test]
    fn a_quote_without_words_is_not_looked_for() {
        for quote in ["", " ", "…", "“”", "!?"] {
            assert_eq!(contains_quote("It shines …", quote), None, "{quote}");
        }
    }
}
