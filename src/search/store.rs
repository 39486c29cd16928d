//! Writing the index.

use std::collections::{BTreeMap, HashMap};

use sea_orm::FromQueryResult;

use super::words::indexed;
use crate::error::{Error, Result};
use crate::platform::db::{Sql, Tx, fetch, insert_many, run};
use crate::platform::ids::{BrandId, ContentId};

/// Most words of one content; those of the least weighty fields are left out.
const MAX_WORDS: usize = 2_000;

#[derive(FromQueryResult)]
struct Owner {
    id: ContentId,
    brand_id: BrandId,
}

#[derive(FromQueryResult)]
struct OwnedText {
    content_id: ContentId,
    field_class: i32,
    body: String,
}

struct Text {
    field_class: i32,
    body: String,
}

/// Versions whose words count: the newest, which is being worked on, and the current one.
const VERSIONS: &str =
    " t JOIN versions v ON v.id = t.version_id JOIN contents c ON c.id = v.content_id
     WHERE (v.number = c.version_count OR v.number =
       (SELECT max(a.number) FROM versions a WHERE a.content_id = c.id AND a.state = 'APPROVED'))
     AND ";

/// The texts of a content's versions: class, column, table; and that there is one, if there may be none.
const OF_VERSIONS: [(&str, &str); 5] = [
    (
        "SELECT c.id AS content_id, 2 AS field_class, t.headline AS body FROM statements",
        "",
    ),
    (
        "SELECT c.id, 2, t.quote FROM statements",
        "t.quote IS NOT NULL AND ",
    ),
    (
        "SELECT c.id, 2, t.award FROM statements",
        "t.award IS NOT NULL AND ",
    ),
    (
        "SELECT c.id, 2, t.body FROM asset_versions",
        "t.body IS NOT NULL AND ",
    ),
    (
        "SELECT c.id, 3, t.byline FROM endorsement_versions",
        "t.byline IS NOT NULL AND ",
    ),
];

/// The other texts of a content.
const OF_CONTENTS: [&str; 10] = [
    "SELECT id, 1, title FROM contents WHERE id IN ",
    "SELECT content_id, 3, description FROM assets WHERE description IS NOT NULL AND content_id IN ",
    "SELECT content_id, 3, alt FROM asset_alts WHERE content_id IN ",
    "SELECT content_id, 3, tag FROM content_tags WHERE content_id IN ",
    "SELECT e.content_id, 3, o.name FROM endorsements e JOIN outlets o ON o.id = e.outlet_id WHERE e.content_id IN ",
    "SELECT l.content_id, 3, p.name FROM content_products l JOIN products p ON p.id = l.product_id WHERE l.content_id IN ",
    "SELECT l.content_id, 3, p.sku FROM content_products l JOIN products p ON p.id = l.product_id WHERE l.content_id IN ",
    "SELECT endorsement_id, 3, claim FROM claims WHERE endorsement_id IN ",
    "SELECT k.endorsement_id, 3, p.name FROM claims k JOIN products p ON p.id = k.product_id WHERE k.endorsement_id IN ",
    "SELECT k.endorsement_id, 3, p.sku FROM claims k JOIN products p ON p.id = k.product_id WHERE k.endorsement_id IN ",
];

/// Contents that are indexed with the same statements.
const TOGETHER: usize = 256;

/// Brings the index up to date with what the transaction makes of a content. Call it last, after all
/// rows are written. Four statements, whatever the content holds.
pub(crate) async fn index(tx: &Tx, content: ContentId) -> Result<()> {
    index_all(tx, &[content]).await
}

/// The same for many contents; the number of statements grows with every 256 of them, and with their words.
pub(crate) async fn index_all(tx: &Tx, contents: &[ContentId]) -> Result<()> {
    for some in contents.chunks(TOGETHER) {
        index_some(tx, some).await?;
    }
    Ok(())
}

async fn index_some(tx: &Tx, contents: &[ContentId]) -> Result<()> {
    let listed = |sql: &'static str| Sql::new(sql).list(contents.iter().copied());
    let owners = listed("SELECT id, brand_id FROM contents WHERE id IN ");
    let owners: Vec<Owner> = fetch(&**tx, owners).await?;
    if owners.len() != contents.len() {
        return Err(Error::internal("a content to be indexed is missing"));
    }
    let mut texts: HashMap<ContentId, Vec<Text>> = HashMap::new();
    for OwnedText {
        content_id,
        field_class,
        body,
    } in fetch(&**tx, texts_of(contents)).await?
    {
        let text = Text { field_class, body };
        texts.entry(content_id).or_default().push(text);
    }
    let gone = listed("DELETE FROM search_words WHERE content_id IN ");
    run(&**tx, gone).await?;
    let mut rows = Vec::new();
    for owner in owners {
        let words = best(texts.remove(&owner.id).unwrap_or_default());
        rows.extend(
            words
                .into_iter()
                .map(|(word, class)| (word, owner.brand_id, class, owner.id)),
        );
    }
    // In the order of the index, which is written faster so.
    rows.sort_unstable();
    let rows = rows.into_iter().map(|(word, brand, class, content)| {
        vec![brand.into(), word.into(), class.into(), content.into()]
    });
    let columns = ["brand_id", "word", "field_class", "content_id"];
    insert_many(&**tx, "search_words", &columns, rows.collect(), "").await
}

fn texts_of(contents: &[ContentId]) -> Sql {
    let of_versions = OF_VERSIONS.into_iter().map(|(select, there)| {
        Sql::new(select)
            .push(VERSIONS)
            .push(there)
            .push("c.id IN ")
            .list(contents.iter().copied())
    });
    let of_contents = OF_CONTENTS
        .into_iter()
        .map(|select| Sql::new(select).list(contents.iter().copied()));
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
