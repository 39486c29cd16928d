//! The one tokenizer, for texts and for queries.
//!
//! A text is folded (NFKC, lower case) and cut into words by UAX #29; Thai, Lao, Khmer and Burmese by
//! ICU's models. Punctuation, symbols and emoji are no words.
//!
//! Chinese and Japanese are written without spaces, and where a dictionary cuts them depends on what
//! stands around: the same four characters are one word here and two there. So a run of Han, Hiragana or
//! Katakana is not cut by a dictionary but into every pair of neighbours, in texts and in queries alike,
//! and a text that contains a query's run has all of its pairs. A text also has the last character of
//! each run by itself: together with the pairs that begin with it, that finds every single character.

use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};

use crate::platform::text;

/// Longest word, in bytes; what is longer is found by its beginning.
const MAX_BYTES: usize = 60;

static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_auto(WordBreakInvariantOptions::default()));

/// A piece of a folded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A word between spaces or punctuation.
    Word(String),
    /// Neighbouring characters of a script that has no spaces.
    Run(Vec<char>),
}

/// The words and runs of a text, in their order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let folded = text::fold(text);
    let mut pieces = Vec::new();
    let mut spaced = String::new();
    let mut run = Vec::new();
    // Variation selectors choose a shape; the character is the same.
    for c in folded.chars().filter(|c| !is_variation_selector(*c)) {
        if is_unspaced(c) {
            segment(&mut spaced, &mut pieces);
            run.push(c);
        } else {
            end_run(&mut run, &mut pieces);
            spaced.push(c);
        }
    }
    segment(&mut spaced, &mut pieces);
    end_run(&mut run, &mut pieces);
    pieces
}

/// The words under which a text is found.
pub(super) fn indexed(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Word(word) => words.push(word),
            Piece::Run(run) => {
                words.extend(pairs(&run));
                words.extend(run.last().map(char::to_string));
            }
        }
    }
    words
}

/// Each two neighbours in a run.
pub(super) fn pairs(run: &[char]) -> impl Iterator<Item = String> + '_ {
    run.windows(2).map(|pair| pair.iter().collect())
}

fn end_run(run: &mut Vec<char>, pieces: &mut Vec<Piece>) {
    if !run.is_empty() {
        pieces.push(Piece::Run(std::mem::take(run)));
    }
}

/// Cuts a stretch without such runs into its words.
fn segment(stretch: &mut String, pieces: &mut Vec<Piece>) {
    let mut from = 0;
    for (to, kind) in SEGMENTER.segment_str(stretch).iter_with_word_type() {
        if let Some(word) = stretch
            .get(from..to)
            .filter(|word| kind.is_word_like() && !word.is_empty())
        {
            pieces.push(Piece::Word(cut(word).to_owned()));
        }
        from = to;
    }
    stretch.clear();
}

/// The beginning of a word, as far as it is kept.
fn cut(word: &str) -> &str {
    let mut end = word.len().min(MAX_BYTES);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

/// Han, Hiragana and Katakana, with their iteration and length marks.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{3005}' | '\u{3007}'
        | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_stand_without_punctuation() {
        assert_eq!(
            indexed("The CAFÉ's “Top-Pick”, 2026!"),
            ["the", "café's", "top", "pick", "2026"]
        );
        assert_eq!(indexed("cafe\u{301}"), indexed("ＣＡＦÉ"));
        assert_eq!(indexed("NL1-WHITE"), ["nl1", "white"]);
    }

    #[test]
    fn a_run_without_spaces_is_cut_into_pairs() {
        assert_eq!(indexed("春节联合"), ["春节", "节联", "联合", "合"]);
        assert_eq!(indexed("新品lamp 灯"), ["新品", "品", "lamp", "灯"]);
    }

    #[test]
    fn symbols_are_no_words() {
        for text in ["", " \u{200b} ", "🎉🏆❤️", "—…!?"] {
            assert_eq!(indexed(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn long_words_keep_their_beginning() {
        let words = indexed(&"é".repeat(100));
        assert_eq!(words, ["é".repeat(30)]);
        assert_eq!(
            indexed(&format!("a{}", "é".repeat(100))),
            [format!("a{}", "é".repeat(29))]
        );
    }

    #[test]
    fn thai_is_cut_into_words() {
        assert!(indexed("ทุกสองสัปดาห์").len() > 1);
    }
}
