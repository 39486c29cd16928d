//! What people type to search for, and the SQL that finds it.

use super::walk::Term;
use super::words::{Piece, pairs, pieces};
use crate::accounts::Reach;
use crate::error::{Error, Result};
use crate::platform::db::{Direction, SortColumn, Sql};
use crate::platform::ids::BrandId;

/// Longest query, in characters.
const MAX_CHARS: usize = 200;
/// Most words in a query; a run of Chinese or Japanese is one.
const MAX_WORDS: usize = 10;
/// Most words and pairs of characters that are looked up. What a longer run has beyond them is not asked
/// for: it could only narrow what was found.
const MAX_TERMS: usize = 32;
/// Sorts before every character that a word can have.
const FIRST: char = '\u{1}';
/// Sorts behind every character that a word can have.
const LAST: char = '\u{10ffff}';

/// The order of what is found: the weightier field, then the newest content. `s` is the alias of
/// [`Query::matches`].
pub(crate) const ORDER: [SortColumn; 2] = [
    SortColumn {
        expr: "s.rank",
        direction: Direction::Ascending,
    },
    SortColumn {
        expr: "s.content_id",
        direction: Direction::Descending,
    },
];

/// What is searched for. All of it must be in a content; nothing at all is in none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Query {
    /// Whole words.
    words: Vec<String>,
    /// Beginnings of words: the last word, which may not be finished, and single characters.
    prefixes: Vec<String>,
}

impl Query {
    /// Reads what was typed; BAD_REQUEST for more than 200 characters or 10 words.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.chars().count() > MAX_CHARS {
            return Err(Error::BadRequest(format!(
                "`query` has at most {MAX_CHARS} characters."
            )));
        }
        let pieces = pieces(text);
        if pieces.len() > MAX_WORDS {
            return Err(Error::BadRequest(format!(
                "`query` has at most {MAX_WORDS} words."
            )));
        }
        let mut query = Self::default();
        let last = pieces.len().saturating_sub(1);
        for (i, piece) in pieces.into_iter().enumerate() {
            match piece {
                Piece::Word(word) if i == last => query.prefixes.push(word),
                Piece::Word(word) => query.words.push(word),
                Piece::Run(run) if run.len() == 1 => {
                    query.prefixes.extend(run.first().map(char::to_string));
                }
                Piece::Run(run) => query.words.extend(pairs(&run)),
            }
        }
        query.tidy();
        Ok(query)
    }

    /// Each term once, in one order, and no more than are looked up.
    fn tidy(&mut self) {
        for terms in [&mut self.prefixes, &mut self.words] {
            let mut seen = std::collections::HashSet::new();
            terms.retain(|term| seen.insert(term.clone()));
        }
        self.words
            .truncate(MAX_TERMS - self.prefixes.len().min(MAX_TERMS));
    }

    /// The terms of the query, as ranges of words.
    pub(super) fn terms(&self) -> Vec<Term> {
        let whole = self.words.iter().map(|word| Term {
            from: word.clone(),
            to: format!("{word}{FIRST}"),
            whole: true,
        });
        let begun = self.prefixes.iter().map(|prefix| Term {
            from: prefix.clone(),
            to: format!("{prefix}{LAST}"),
            whole: false,
        });
        whole.chain(begun).collect()
    }

    /// A sub-select of `content_id` and `rank` (1: all of it in the title, to 3), one row a content, of
    /// these brands: good as `FROM (…) s JOIN contents c ON c.id = s.content_id`.
    pub(crate) fn matches(&self, brands: &Reach<BrandId>) -> Sql {
        let whole = self
            .words
            .iter()
            .map(|word| term(brands).push("word = ").bind(word.as_str()));
        let begun = self.prefixes.iter().map(|prefix| {
            let beyond = format!("{prefix}{LAST}");

            term(brands)
                .push("word >= ")
                .bind(prefix.as_str())
                .push(" AND word < ")
                .bind(beyond)
        });
        let terms: Vec<Sql> = whole
            .chain(begun)
            .map(|sql| sql.push(" GROUP BY content_id"))
            .collect();
        let count = i64::try_from(terms.len()).unwrap_or(i64::MAX);
        let found = Sql::between(" UNION ALL ", terms);
        if count == 0 {
            return Sql::new(
                "SELECT content_id, field_class AS rank FROM search_words WHERE 1 = 0",
            );
        }
        Sql::new("SELECT t.content_id, max(t.field_class) AS rank FROM (")
            .append(found)
            .push(") t GROUP BY t.content_id HAVING count(*) = ")
            .bind(count)
    }
}

/// The beginning of one term's select. The brands are always named, because they lead the index.
fn term(brands: &Reach<BrandId>) -> Sql {
    let sql = Sql::new(
        "SELECT content_id, min(field_class) AS field_class FROM search_words WHERE brand_id IN ",
    );
    match brands {
        Reach::All => sql.push("(SELECT id FROM brands)"),
        Reach::Only(ids) => sql.list(ids.iter().copied()),
    }
    .push(" AND ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::words::indexed;
    use super::*;

    fn finds(query: &str, text: &str) -> bool {
        let query = Query::parse(query).expect("a query within its limits");
        let words: HashSet<String> = indexed(text).into_iter().collect();
        let all = query.words.iter().all(|w| words.contains(w))
            && query
                .prefixes
                .iter()
                .all(|p| words.iter().any(|w| w.starts_with(p)));
        all && !(query.words.is_empty() && query.prefixes.is_empty())
    }

    #[test]
    fn chinese_is_found_by_any_part_of_it() {
        let title = "春节联合推荐视频";
        for query in [
            "推荐",
            "视频",
            "联合推荐",
            "春节 视频",
            "频",
            "春节联合推荐视频",
        ] {
            assert!(finds(query, title), "{query}");
        }
        for query in ["推视", "荐联", "新年", "灯"] {
            assert!(!finds(query, title), "{query}");
        }
    }

    #[test]
    fn japanese_is_found_by_any_part_of_it() {
        for query in ["ダウンロード", "する", "ﾀﾞｳﾝﾛｰﾄﾞ", "ダウンロードする"]
        {
            assert!(finds(query, "カタログをダウンロードする。"), "{query}");
        }
    }

    #[test]
    fn words_are_whole_but_for_the_last() {
        let text = "Best Camping Lantern, café edition";
        for query in [
            "lantern",
            "CAMPING lan",
            "Café",
            "camping best",
            "cafe\u{301} Ed",
        ] {
            assert!(finds(query, text), "{query}");
        }
        for query in ["lan camping", "cafe", "amping", "lantern torch"] {
            assert!(!finds(query, text), "{query}");
        }
    }

    #[test]
    fn nothing_is_found_by_nothing() {
        for query in ["", "  ", "🎉", "—!"] {
            assert_eq!(Query::parse(query).ok(), Some(Query::default()), "{query}");
            assert!(!finds(query, "🎉 anything"), "{query}");
        }
    }

    #[test]
    fn queries_have_their_limits() {
        assert!(Query::parse(&"a ".repeat(100)).is_err());
        assert!(Query::parse(&"a".repeat(201)).is_err());
        let long = Query::parse(&"春节联合推荐视频".repeat(25)).expect("one run of 200 characters");
        assert!(long.words.len() <= MAX_TERMS);
        assert!(Query::parse("one two three four five six seven eight nine ten").is_ok());
    }
}
