//! What every mutation of a content shares. All of it runs inside a write's transaction.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{FromQueryResult, Value};

use super::model::{ContentKind, VersionState, public_id};
use crate::accounts::{Reach, Viewer};
use crate::error::{Error, Problems, Result, UserErrorCode};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, Tx, exists, fetch_one, insert_many, run};
use crate::platform::ids::{AudienceId, BrandId, ChannelId, ContentId, ProductId, VersionId};
use crate::platform::ledger::Event;
use crate::platform::names::named;
use crate::platform::text;
use serde::{Deserialize, Serialize};

/// Most entries in each list of a content.
pub(crate) const MAX_LABELS: usize = 250;
/// Longest tag, in characters.
const MAX_TAG: usize = 60;

/// The header of a new content.
#[derive(Clone, Debug)]
pub(crate) struct NewContent {
    pub brand: BrandId,
    pub kind: ContentKind,
    pub title: String,
    pub release_at: Option<Timestamp>,
    pub expire_at: Option<Timestamp>,
    pub labels: LabelSet,
}

/// What a content is to be tagged with; a list that is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LabelSet {
    pub tags: Option<Vec<String>>,
    pub markets: Option<Vec<String>>,
    pub channels: Option<Vec<ChannelId>>,
    pub audiences: Option<Vec<AudienceId>>,
    pub products: Option<Vec<ProductId>>,
}

/// Tags as they are kept: cleaned, folded, each once.
pub(crate) fn clean_tags(problems: &mut Problems, field: &str, tags: &[String]) -> Vec<String> {
    let mut clean: Vec<String> = tags
        .iter()
        .enumerate()
        .filter_map(|(i, tag)| {
            text::optional(problems, &format!("{field}.{i}"), Some(tag), MAX_TAG)
        })
        .map(|tag| text::fold(&tag))
        .collect();
    clean.sort();
    clean.dedup();
    check_len(problems, field, clean.len());
    clean
}

/// A list has at most 250 entries, so that an unpaged list is never long.
pub(crate) fn check_len(problems: &mut Problems, field: &str, len: usize) {
    if len > MAX_LABELS {
        problems.add(
            UserErrorCode::QuotaExceeded,
            field,
            format!("At most {MAX_LABELS} entries."),
        );
    }
}

/// The expiry lies after the release.
pub(crate) fn check_times(
    problems: &mut Problems,
    release: Option<Timestamp>,
    expire: Option<Timestamp>,
) {
    if let (Some(release), Some(expire)) = (release, expire)
        && expire <= release
    {
        problems.add(
            UserErrorCode::Invalid,
            "expireAt",
            "The expiry must lie after the release.",
        );
    }
}

/// Inserts the headers of contents, their labels and their first versions, DRAFTs of the caller's: their ids. The
/// rows of their kind must follow in the same transaction. The number of statements grows with every 512 of them.
pub(crate) async fn insert_all(
    tx: &Tx,
    new: &[(&NewContent, Option<&String>)],
) -> Result<Vec<(ContentId, VersionId)>> {
    let (actor_kind, actor_id) = tx.op.actor.to_columns();
    let ids = new.iter().map(|_| (tx.id(), tx.id()));
    let ids: Vec<(ContentId, VersionId)> = ids.collect();
    let columns = [
        "id",
        "brand_id",
        "kind",
        "title",
        "title_key",
        "release_at",
        "expire_at",
        "version_count",
        "revision",
        "created_at",
        "created_by_kind",
        "created_by_id",
        "updated_at",
    ];
    let rows = new.iter().zip(&ids).map(|((new, _), (id, _))| {
        vec![
            (*id).into(),
            new.brand.into(),
            new.kind.name().into(),
            new.title.clone().into(),
            text::sort_key(&new.title).into(),
            new.release_at.into(),
            new.expire_at.into(),
            // Nobody else adds one before it is there.
            1.into(),
            1.into(),
            tx.op.at.into(),
            actor_kind.clone().into(),
            actor_id.into(),
            tx.op.at.into(),
        ]
    });
    insert_many(&**tx, "contents", &columns, rows.collect(), "").await?;
    label_all(tx, new, &ids).await?;
    let columns = [
        "id",
        "content_id",
        "number",
        "state",
        "note",
        "author_kind",
        "author_id",
        "created_at",
    ];
    let rows = new.iter().zip(&ids).map(|((_, note), (id, version))| {
        vec![
            (*version).into(),
            (*id).into(),
            1.into(),
            VersionState::Draft.name().into(),
            note.cloned().into(),
            actor_kind.clone().into(),
            actor_id.into(),
            tx.op.at.into(),
        ]
    });
    insert_many(&**tx, "versions", &columns, rows.collect(), "").await?;
    for ((new, _), (id, _)) in new.iter().zip(&ids) {
        announce(tx, "CONTENT_CREATED", new.brand, new.kind, *id);
    }
    Ok(ids)
}

/// Inserts the labels of new contents.
async fn label_all(
    tx: &Tx,
    new: &[(&NewContent, Option<&String>)],
    ids: &[(ContentId, VersionId)],
) -> Result<()> {
    let mut products: BTreeMap<BrandId, BTreeSet<ProductId>> = BTreeMap::new();
    let mut tables: [Vec<Vec<Value>>; 5] = <_>::default();
    let [tags, markets, channels, audiences, sold] = &mut tables;
    for ((new, _), (id, _)) in new.iter().zip(ids) {
        let labels = &new.labels;
        let row = |value: Value| vec![(*id).into(), value];
        tags.extend(labels.tags.iter().flatten().map(|t| row(t.clone().into())));
        markets.extend(
            labels
                .markets
                .iter()
                .flatten()
                .map(|m| row(m.clone().into())),
        );
        let tagged = labels.channels.iter().flatten();
        let kind = new.kind.name();
        channels
            .extend(tagged.map(|c| vec![(*id).into(), (*c).into(), tx.op.at.into(), kind.into()]));
        audiences.extend(labels.audiences.iter().flatten().map(|a| row((*a).into())));
        sold.extend(labels.products.iter().flatten().map(|p| row((*p).into())));
        let named = labels.products.iter().flatten().copied();
        products.entry(new.brand).or_default().extend(named);
    }
    for (brand, products) in products.into_iter().filter(|(_, p)| !p.is_empty()) {
        let products: Vec<ProductId> = products.into_iter().collect();
        check_products(tx, brand, &products, "products").await?;
    }
    let columns: [(&'static str, &[&'static str]); 5] = [
        ("content_tags", &["content_id", "tag"]),
        ("content_markets", &["content_id", "market"]),
        (
            "content_channels",
            &["content_id", "channel_id", "tagged_at", "kind"],
        ),
        ("content_audiences", &["content_id", "audience_id"]),
        ("content_products", &["content_id", "product_id"]),
    ];
    for ((table, columns), rows) in columns.into_iter().zip(tables) {
        let end = " ON CONFLICT DO NOTHING";
        let field = columns[1].trim_end_matches("_id");
        exists(insert_many(&**tx, table, columns, rows, end).await, field)?;
    }
    Ok(())
}

/// Announces an event about a content.
pub(crate) fn announce(
    tx: &Tx,
    topic: &'static str,
    brand: BrandId,
    kind: ContentKind,
    id: ContentId,
) {
    let subject = public_id(kind, id);
    tx.emit(Event {
        brand: Some(brand),
        topic,
        subject,
        payload: serde_json::json!({}),
    });
}

/// Replaces the lists that are given. A tag that stays keeps the time since when it stands; a product of
/// another brand is NOT_FOUND.
pub(crate) async fn set_labels(tx: &Tx, target: &Target, labels: &LabelSet) -> Result<()> {
    let id = target.id;
    if let Some(tags) = &labels.tags {
        replace(
            tx,
            id,
            "content_tags",
            "tag",
            tags.iter().map(|t| t.clone().into()).collect(),
            &[],
        )
        .await?;
    }
    if let Some(markets) = &labels.markets {
        let markets = markets.iter().map(|m| m.clone().into()).collect();
        replace(tx, id, "content_markets", "market", markets, &[]).await?;
    }
    if let Some(channels) = &labels.channels {
        let channels = channels.iter().map(|c| (*c).into()).collect();
        replace(
            tx,
            id,
            "content_channels",
            "channel_id",
            channels,
            &[
                ("tagged_at", tx.op.at.into()),
                ("kind", target.kind.name().into()),
            ],
        )
        .await?;
    }
    if let Some(audiences) = &labels.audiences {
        let audiences = audiences.iter().map(|a| (*a).into()).collect();
        replace(tx, id, "content_audiences", "audience_id", audiences, &[]).await?;
    }
    if let Some(products) = &labels.products {
        check_products(tx, target.brand, products, "products").await?;
        let products = products.iter().map(|p| (*p).into()).collect();
        replace(tx, id, "content_products", "product_id", products, &[]).await?;
    }
    Ok(())
}

/// Products named for a content are of its brand; others do not exist for it.
pub(crate) async fn check_products(
    tx: &Tx,
    brand: BrandId,
    products: &[ProductId],
    field: &str,
) -> Result<()> {
    let sql = Sql::new("SELECT count(*) AS n FROM products WHERE id IN ")
        .list(products.iter().copied())
        .push(" AND brand_id = ")
        .bind(brand);
    let known = crate::platform::db::fetch_count(&**tx, sql).await?;
    if usize::try_from(known).ok() == Some(products.len()) {
        Ok(())
    } else {
        Err(Error::not_found(field))
    }
}

/// Makes a list exactly what is given: takes out what is gone, adds what is new, leaves what stays.
async fn replace(
    tx: &Tx,
    id: ContentId,
    table: &'static str,
    column: &'static str,
    values: Vec<Value>,
    more: &[(&'static str, Value)],
) -> Result<()> {
    let gone = Sql::new("DELETE FROM ")
        .push(table)
        .push(" WHERE content_id = ")
        .bind(id);
    let gone = gone.push(" AND ").push(column).push(" NOT IN ");
    // `NOT IN (NULL)` would keep everything.
    let gone = if values.is_empty() {
        Sql::new("DELETE FROM ")
            .push(table)
            .push(" WHERE content_id = ")
            .bind(id)
    } else {
        gone.list(values.iter().cloned())
    };
    run(&**tx, gone).await?;
    if values.is_empty() {
        return Ok(());
    }
    let mut columns = vec!["content_id", column];
    columns.extend(more.iter().map(|(name, _)| *name));
    let rows = values.into_iter().map(|value| {
        let mut row = vec![id.into(), value];
        row.extend(more.iter().map(|(_, value)| value.clone()));
        row
    });
    let add = Sql::insert_all(table, &columns, rows).push(" ON CONFLICT DO NOTHING");
    exists(run(&**tx, add).await, column.trim_end_matches("_id")).map(|_| ())
}

/// A content as a mutation finds it, its row locked until the transaction ends.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub id: ContentId,
    pub kind: ContentKind,
    pub brand: BrandId,
    pub revision: i32,
    pub release_at: Option<Timestamp>,
    pub expire_at: Option<Timestamp>,
    pub withdrawn_at: Option<Timestamp>,
    pub archived_at: Option<Timestamp>,
    pub trashed_at: Option<Timestamp>,
}

#[derive(FromQueryResult)]
struct TargetRow {
    id: ContentId,
    kind: String,
    brand_id: BrandId,
    revision: i32,
    release_at: Option<Timestamp>,
    expire_at: Option<Timestamp>,
    withdrawn_at: Option<Timestamp>,
    archived_at: Option<Timestamp>,
    trashed_at: Option<Timestamp>,
}

/// Whether a row's brand is one that the viewer reaches, as a condition on `column`.
pub(crate) fn brand_condition(viewer: &Viewer, column: &'static str) -> Sql {
    match &viewer.brands {
        Reach::All => Sql::new("1 = 1"),
        Reach::Only(brands) => Sql::new(column).push(" IN ").list(brands.iter().copied()),
    }
}

/// The content to be changed, locked and counted up: its revision is one higher from here on, and a
/// second writer waits. NOT_FOUND at `field` for what the viewer does not reach.
pub(crate) async fn lock(tx: &Tx, viewer: &Viewer, id: ContentId, field: &str) -> Result<Target> {
    let sql = Sql::new("UPDATE contents SET revision = revision + 1, updated_at = ")
        .bind(tx.op.at)
        .push(" WHERE id = ")
        .bind(id)
        .push(" AND ")
        .append(brand_condition(viewer, "brand_id"))
        .push(
            " RETURNING id, kind, brand_id, revision, release_at, expire_at, withdrawn_at,
              archived_at, trashed_at",
        );
    let row: TargetRow = fetch_one(&**tx, sql)
        .await?
        .ok_or_else(|| Error::not_found(field))?;
    Ok(Target {
        id: row.id,
        kind: named(&row.kind)?,
        brand: row.brand_id,
        revision: row.revision,
        release_at: row.release_at,
        expire_at: row.expire_at,
        withdrawn_at: row.withdrawn_at,
        archived_at: row.archived_at,
        trashed_at: row.trashed_at,
    })
}

impl Target {
    /// CONFLICT unless the caller has read what is there: `revision` is the one it read.
    pub(crate) fn check_revision(&self, revision: i32) -> Result<()> {
        if self.revision == revision + 1 {
            return Ok(());
        }
        let text = format!(
            "Someone has changed it since you read it: it is at revision {}. Read it again.",
            self.revision - 1
        );
        Err(Error::user(UserErrorCode::Conflict, "revision", text))
    }

    /// FORBIDDEN_TRANSITION for what is in the trash: it must be restored first.
    pub(crate) fn check_not_trashed(&self, field: &str) -> Result<()> {
        if self.trashed_at.is_none() {
            return Ok(());
        }
        Err(Error::user(
            UserErrorCode::ForbiddenTransition,
            field,
            "It is in the trash. Restore it first.",
        ))
    }

    /// The id as the API shows it.
    pub(crate) fn public_id(&self) -> String {
        public_id(self.kind, self.id)
    }
}

/// Takes the next version number of a content and inserts the version, a DRAFT of the caller's. The row
/// of its kind must follow in the same transaction.
///
/// The number is counted up under the content's row lock and a unique constraint: writers that race get
/// 1, 2, 3 … without a hole. `expected` is the number the caller thinks it will be; CONFLICT otherwise.
pub(crate) async fn add_version(
    tx: &Tx,
    content: ContentId,
    expected: Option<i32>,
    note: Option<String>,
) -> Result<(VersionId, i32)> {
    #[derive(FromQueryResult)]
    struct Count {
        version_count: i32,
    }
    let sql = Sql::new("UPDATE contents SET version_count = version_count + 1, updated_at = ")
        .bind(tx.op.at)
        .push(" WHERE id = ")
        .bind(content)
        .push(" RETURNING version_count");
    let count: Count = fetch_one(&**tx, sql)
        .await?
        .ok_or_else(|| Error::not_found(""))?;
    let number = count.version_count;
    if expected.is_some_and(|expected| expected != number) {
        let text = format!(
            "Someone was faster: the next version is number {number}. Look at theirs first."
        );
        return Err(Error::user(UserErrorCode::Conflict, "expectedNumber", text));
    }
    let id: VersionId = tx.id();
    let (author_kind, author_id) = tx.op.actor.to_columns();
    let row = [
        ("id", id.into()),
        ("content_id", content.into()),
        ("number", number.into()),
        ("state", VersionState::Draft.name().into()),
        ("note", note.into()),
        ("author_kind", author_kind.into()),
        ("author_id", author_id.into()),
        ("created_at", tx.op.at.into()),
    ];
    run(&**tx, Sql::insert("versions", row)).await?;
    Ok((id, number))
}
