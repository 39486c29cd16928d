//! Writing the index.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;

use super::words::indexed;
use crate::error::{Error, Result};
use crate::platform::db::{Sql, Tx, fetch, fetch_one, run};
use crate::platform::ids::{BrandId, ContentId};

/// Most words of one content; those of the least weighty fields are left out.
const MAX_WORDS: usize = 2_000;

#[derive(FromQueryResult)]
struct Owner {
    brand_id: BrandId,
}

#[derive(FromQueryResult)]
struct Text {
    field_class: i32,
    body: String,
}

/// Versions whose words count: the newest, which is being worked on, and the current one.
const VERSIONS: &str = "(SELECT v.id FROM versions v JOIN contents c ON c.id = v.content_id
     WHERE (v.number = c.version_count OR v.number =
       (SELECT max(a.number) FROM versions a WHERE a.content_id = c.id AND a.state = 'APPROVED'))
     AND c.id = ";

/// The texts of a content's versions: class, column, table.
const OF_VERSIONS: [&str; 5] = [
    "SELECT 2 AS field_class, headline AS body FROM statements WHERE version_id IN ",
    "SELECT 2, quote FROM statements WHERE quote IS NOT NULL AND version_id IN ",
    "SELECT 2, award FROM statements WHERE award IS NOT NULL AND version_id IN ",
    "SELECT 2, body FROM asset_versions WHERE body IS NOT NULL AND version_id IN ",
    "SELECT 3, byline FROM endorsement_versions WHERE byline IS NOT NULL AND version_id IN ",
];

/// The other texts of a content.
const OF_CONTENTS: [&str; 10] = [
    "SELECT 1, title FROM contents WHERE id = ",
    "SELECT 3, description FROM assets WHERE description IS NOT NULL AND content_id = ",
    "SELECT 3, alt FROM asset_alts WHERE content_id = ",
    "SELECT 3, tag FROM content_tags WHERE content_id = ",
    "SELECT 3, o.name FROM endorsements e JOIN outlets o ON o.id = e.outlet_id WHERE e.content_id = ",
    "SELECT 3, p.name FROM content_products l JOIN products p ON p.id = l.product_id WHERE l.content_id = ",
    "SELECT 3, p.sku FROM content_products l JOIN products p ON p.id = l.product_id WHERE l.content_id = ",
    "SELECT 3, claim FROM claims WHERE endorsement_id = ",
    "SELECT 3, p.name FROM claims k JOIN products p ON p.id = k.product_id WHERE k.endorsement_id = ",
    "SELECT 3, p.sku FROM claims k JOIN products p ON p.id = k.product_id WHERE k.endorsement_id = ",
];

/// Brings the index up to date with what the transaction makes of a content. Call it last, after all
/// rows are written. Four statements, whatever the content holds.
pub(crate) async fn index(tx: &Tx, content: ContentId) -> Result<()> {
    let owner = Sql::new("SELECT brand_id FROM contents WHERE id = ").bind(content);
    let owner: Owner = fetch_one(&**tx, owner)
        .await?
        .ok_or_else(|| Error::internal("a content to be indexed is missing"))?;
    let words = best(fetch(&**tx, texts(content)).await?);
    run(
        &**tx,
        Sql::new("DELETE FROM search_words WHERE content_id = ").bind(content),
    )
    .await?;
    if words.is_empty() {
        return Ok(());
    }
    let rows = words.into_iter().map(|(word, class)| {
        vec![
            owner.brand_id.into(),
            word.into(),
            class.into(),
            content.into(),
        ]
    });
    let columns = ["brand_id", "word", "field_class", "content_id"];
    run(&**tx, Sql::insert_all("search_words", &columns, rows)).await?;
    Ok(())
}

fn texts(content: ContentId) -> Sql {
    let of_versions = OF_VERSIONS
        .into_iter()
        .map(|select| Sql::new(select).push(VERSIONS).bind(content).push(")"));
    let of_contents = OF_CONTENTS
        .into_iter()
        .map(|select| Sql::new(select).bind(content));
    Sql::between(" UNION ALL ", of_versions.chain(of_contents))
}

/// The words under which a content with these texts is found, each with the class it has in the index; a
/// text comes with the class of its field, 1 to 3. For whoever writes the index without a mutation.
#[must_use]
pub fn words_of(texts: impl IntoIterator<Item = (i32, String)>) -> BTreeMap<String, i32> {
    let texts = texts.into_iter();
    best(
        texts
            .map(|(field_class, body)| Text { field_class, body })
            .collect(),
    )
}

/// Each word with the weightiest class it stands in. The same on every database: the order is ours.
fn best(mut texts: Vec<Text>) -> BTreeMap<String, i32> {
    texts.sort_by(|a, b| (a.field_class, &a.body).cmp(&(b.field_class, &b.body)));
    let mut words = BTreeMap::new();
    for text in texts {
        for word in indexed(&text.body) {
            if words.len() >= MAX_WORDS {
                return words;
            }
            words.entry(word).or_insert(text.field_class);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(field_class: i32, body: &str) -> Text {
        Text {
            field_class,
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_word_has_its_weightiest_class() {
        let words = best(vec![
            text(3, "Lamp steel"),
            text(1, "Lamp"),
            text(2, "lamp award"),
        ]);
        let expected = [("award", 2), ("lamp", 1), ("steel", 3)];
        assert!(words.iter().map(|(w, c)| (w.as_str(), *c)).eq(expected));
    }

    #[test]
    fn the_least_weighty_words_are_left_out_first() {
        let long = (0..3_000)
            .map(|n| format!("w{n}"))
            .collect::<Vec<_>>()
            .join(" ");
        let words = best(vec![text(3, &long), text(1, "Lamp")]);
        assert_eq!((words.len(), words.get("lamp")), (MAX_WORDS, Some(&1)));
    }
}
