//! How a page of what is found is read: along the index, in the order of the answer, so that it costs what it
//! shows and not how often a word stands in the catalogue.
//!
//! A first statement surveys the terms: which words they are in each brand, and roughly how frequent. The
//! second walks the rarest term's words, a walk for each brand, word and weight of field, and looks at each
//! row whether the other terms are there too. Where that would be too many walks, the query is answered the
//! plain way ([`Query::matches`]), whose cost is that of the words' frequency.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::query::{ORDER, Query};
use crate::accounts::Reach;
use crate::platform::db::{Direction, KeyPart, PageRequest, SortColumn, Sql, keyset_page};
use crate::platform::ids::BrandId;

/// Most words that a survey looks at, over all terms and brands.
const MOST_WORDS: usize = 256;
/// How far a word's rows are counted: beyond that it is frequent, however frequent.
const COUNT_TO: i64 = 1_000;
/// Most walks of one statement.
const MOST_WALKS: usize = 48;
/// The weights of fields, from the title on.
const CLASSES: i32 = 3;

/// The words from `from` on and before `to`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Term {
    pub(super) from: String,
    pub(super) to: String,
    /// Whether it is one whole word.
    pub(super) whole: bool,
}

impl Term {
    /// `alias` has a word of this term.
    fn met(&self, alias: &'static str) -> Sql {
        let word = Sql::of("{c}.word ", alias);
        if self.whole {
            return word.push("= ").bind(self.from.as_str());
        }
        word.push(">= ")
            .bind(self.from.as_str())
            .about(" AND {c}.word < ", alias)
            .bind(self.to.as_str())
    }
}

/// A word of a term in a brand.
#[derive(FromQueryResult)]
pub(crate) struct Surveyed {
    term: i32,
    brand_id: BrandId,
    word: String,
    n: i64,
}

/// The words that a query's terms are, in each brand that has them all.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    terms: Vec<Term>,
    brands: Vec<InBrand>,
}

#[derive(Clone, Debug)]
struct InBrand {
    brand: BrandId,
    /// The rarest of the terms, by its place among them.
    rarest: usize,
    words: Vec<String>,
}

impl Query {
    /// The statement that finds out which words the terms are; none for a query without terms.
    pub(crate) fn survey(&self, brands: &Reach<BrandId>) -> Option<Sql> {
        let terms = self.terms();
        if terms.is_empty() {
            return None;
        }
        let of = || match brands {
            Reach::All => Sql::new("1 = 1"),
            Reach::Only(ids) => Sql::new("b.id IN ").list(ids.iter().copied()),
        };
        let first = terms.iter().zip(0_i32..).map(|(term, number)| {
            Sql::new("SELECT CAST(")
                .bind(number)
                .push(" AS integer) AS term, b.id AS brand_id, CAST(")
                .bind(term.to.as_str())
                .push(" AS text) AS beyond, (SELECT min(s.word) FROM search_words s WHERE s.brand_id = b.id AND ")
                .append(term.met("s"))
                .push(") AS word FROM brands b WHERE ")
                .append(of())
        });
        // From each word to the next one that begins the same, a step in the index each.
        Some(
            Sql::new("WITH RECURSIVE start AS (")
                .append(Sql::between(" UNION ALL ", first))
                .push(
                    "), found AS (SELECT term, brand_id, beyond, word FROM start UNION ALL
                     SELECT f.term, f.brand_id, f.beyond, (SELECT min(s.word) FROM search_words s
                       WHERE s.brand_id = f.brand_id AND s.word > f.word AND s.word < f.beyond)
                     FROM found f WHERE f.word IS NOT NULL)
                     SELECT f.term, f.brand_id, f.word, (SELECT count(*) FROM (SELECT 1 FROM search_words s
                       WHERE s.brand_id = f.brand_id AND s.word = f.word LIMIT ",
                )
                .name(&COUNT_TO.to_string())
                .push(") k) AS n FROM found f WHERE f.word IS NOT NULL LIMIT ")
                .name(&(MOST_WORDS + 1).to_string()),
        )
    }

    /// What the survey has found; none where walking would take too many walks.
    pub(crate) fn route(&self, surveyed: Vec<Surveyed>) -> Option<Route> {
        if surveyed.len() > MOST_WORDS {
            return None;
        }
        let terms = self.terms();
        let mut brands: BTreeMap<BrandId, Vec<(i64, Vec<String>)>> = BTreeMap::new();
        for row in surveyed {
            let of_brand = brands
                .entry(row.brand_id)
                .or_insert_with(|| vec![<_>::default(); terms.len()]);
            let term = usize::try_from(row.term).ok()?;
            if let Some((n, words)) = of_brand.get_mut(term) {
                *n += row.n;
                words.push(row.word);
            }
        }
        let brands: Vec<InBrand> = brands
            .into_iter()
            .filter(|(_, terms)| terms.iter().all(|(_, words)| !words.is_empty()))
            .filter_map(|(brand, terms)| {
                let by_rarity = |(_, (n, words)): &(usize, (i64, Vec<String>))| (*n, words.len());
                let (rarest, (_, words)) = terms.into_iter().enumerate().min_by_key(by_rarity)?;
                Some(InBrand {
                    brand,
                    rarest,
                    words,
                })
            })
            .collect();
        let each = if terms.len() == 1 { 3 } else { 6 };
        let walks: usize = brands.iter().map(|b| b.words.len() * each).sum();
        (walks <= MOST_WALKS).then_some(Route { terms, brands })
    }
}

impl Route {
    /// The page of contents, as `id`, `stamp` and `rank`, that meet a condition on `contents c`; none where there is
    /// nowhere to walk.
    pub(crate) fn select(&self, condition: &Sql, page: &PageRequest) -> Option<Sql> {
        let (rank, id) = match page.after.as_deref() {
            Some([KeyPart::Int(rank), KeyPart::Id(id)]) => (i32::try_from(*rank).ok()?, Some(*id)),
            _ => (1, None),
        };
        let mut walks = Vec::new();
        for brand in &self.brands {
            for word in &brand.words {
                for wanted in rank..=CLASSES {
                    let beyond = id.filter(|_| wanted == rank);
                    for class in 1..=wanted {
                        let Some(walk) = self.walk(brand, word, wanted, class) else {
                            continue;
                        };
                        let walk = walk
                            .push(" AND ")
                            .append(condition.clone())
                            .append(keyset_page(&ORDER_OF_A_WALK, &narrow(page, beyond)));
                        walks.push(Sql::new("SELECT * FROM (").append(walk).push(") w"));
                    }
                }
            }
        }
        if walks.is_empty() {
            return None;
        }
        let all = PageRequest::first(page.limit);
        Some(
            Sql::new("SELECT s.content_id AS id, s.stamp, s.rank FROM (")
                .append(Sql::between(" UNION ", walks))
                .push(") s WHERE 1 = 1")
                .append(keyset_page(&ORDER, &all)),
        )
    }

    /// The contents that rank as `wanted` and have `word` in a field of weight `class`, the best of the
    /// rarest term: `SELECT … WHERE …`. None where there can be none.
    fn walk(&self, brand: &InBrand, word: &str, wanted: i32, class: i32) -> Option<Sql> {
        let others = || {
            let others = self.terms.iter().enumerate();
            others.filter(|(i, _)| *i != brand.rarest).map(|(_, t)| t)
        };
        if class < wanted && others().next().is_none() {
            return None;
        }
        let rarest = self.terms.get(brand.rarest)?;
        let mut sql = Sql::new("SELECT d.content_id, c.stamp, ")
            .name(&wanted.to_string())
            .push(" AS rank FROM search_words d JOIN contents c ON c.id = d.content_id WHERE d.brand_id = ")
            .bind(brand.brand)
            .push(" AND d.word = ")
            .bind(word)
            .push(" AND d.field_class = ")
            .name(&class.to_string());
        if brand.words.len() > 1 && class > 1 {
            // A content that has another of the words in a weightier field stands in that word's walk.
            sql = sql
                .push(" AND NOT EXISTS (SELECT 1 FROM search_words o WHERE o.content_id = d.content_id AND ")
                .append(rarest.met("o"))
                .push(" AND o.field_class < ")
                .name(&class.to_string())
                .push(")");
        }
        let all_within = |most: i32| {
            Sql::all(others().map(|term| {
                Sql::new(
                    "EXISTS (SELECT 1 FROM search_words o WHERE o.content_id = d.content_id AND ",
                )
                .append(term.met("o"))
                .push(" AND o.field_class <= ")
                .name(&most.to_string())
                .push(")")
            }))
        };
        sql = sql.push(" AND ").append(all_within(wanted));
        if class < wanted {
            sql = sql.push(" AND ").append(all_within(wanted - 1).negate());
        }
        Some(sql)
    }
}

/// Within a walk: the newest first.
const ORDER_OF_A_WALK: [SortColumn; 1] = [SortColumn {
    expr: "d.content_id",
    direction: Direction::Descending,
}];

fn narrow(page: &PageRequest, beyond: Option<Uuid>) -> PageRequest {
    PageRequest {
        after: beyond.map(|id| vec![KeyPart::Id(id)]),
        ..PageRequest::first(page.limit)
    }
}
