//! Queries on access tokens.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use uuid::Uuid;

use super::model::{Reach, Scope, Token};
use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch, fetch_count, run};
use crate::platform::ids::{BrandId, ChannelId, TokenId};
use crate::platform::op::Actor;

#[derive(FromQueryResult)]
struct Row {
    id: TokenId,
    name: String,
    scopes: String,
    all_brands: bool,
    all_channels: bool,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    brand_id: Option<BrandId>,
    channel_id: Option<ChannelId>,
    channels_revision: i64,
}

/// A token and the revision of the channel tree at the same instant, in one statement: a request needs
/// both before anything else.
pub(super) struct Found {
    pub(super) token: Token,
    pub(super) channels_revision: i64,
}

/// The token with this secret, whether or not it is still good.
pub(super) async fn find_by_secret(
    db: &impl ConnectionTrait,
    hash: Vec<u8>,
) -> Result<Option<Found>> {
    Ok(find(db, Sql::new("t.secret_hash = ").bind(hash))
        .await?
        .into_values()
        .next())
}

/// Tokens by id.
pub(super) async fn load(
    db: &impl ConnectionTrait,
    ids: &[TokenId],
) -> Result<BTreeMap<TokenId, Token>> {
    let found = find(db, Sql::new("t.id IN ").list(ids.iter().copied())).await?;
    Ok(found
        .into_iter()
        .map(|(id, found)| (id, found.token))
        .collect())
}

async fn find(db: &impl ConnectionTrait, which: Sql) -> Result<BTreeMap<TokenId, Found>> {
    const COLUMNS: &str =
        "SELECT t.id, t.name, t.scopes, t.all_brands, t.all_channels, t.expires_at,
         t.revoked_at, t.last_used_at, b.brand_id, c.channel_id,
         (SELECT value FROM revisions WHERE name = 'channels') AS channels_revision
         FROM access_tokens t
         LEFT JOIN access_token_brands b ON b.token_id = t.id
         LEFT JOIN access_token_channels c ON c.token_id = t.id
         WHERE ";
    let rows: Vec<Row> = fetch(db, Sql::new(COLUMNS).append(which)).await?;
    let mut found: BTreeMap<TokenId, Found> = BTreeMap::new();
    for row in rows {
        let entry = match found.entry(row.id) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let scopes: BTreeSet<Scope> =
                    serde_json::from_str(&row.scopes).map_err(Error::internal)?;
                entry.insert(Found {
                    token: Token {
                        id: row.id,
                        name: row.name,
                        scopes,
                        brands: reach(row.all_brands),
                        channels: reach(row.all_channels),
                        expires_at: row.expires_at,
                        revoked_at: row.revoked_at,
                        last_used_at: row.last_used_at,
                    },
                    channels_revision: row.channels_revision,
                })
            }
        };
        if let (Reach::Only(brands), Some(brand)) = (&mut entry.token.brands, row.brand_id) {
            brands.insert(brand);
        }
        if let (Reach::Only(channels), Some(channel)) = (&mut entry.token.channels, row.channel_id)
        {
            channels.insert(channel);
        }
    }
    Ok(found)
}

fn reach<I>(all: bool) -> Reach<I> {
    if all {
        Reach::All
    } else {
        Reach::Only(BTreeSet::new())
    }
}

pub(super) async fn insert(
    db: &impl ConnectionTrait,
    token: &Token,
    secret_hash: Vec<u8>,
    maker: Actor,
    at: Timestamp,
) -> Result<()> {
    let (maker_kind, maker_id) = maker.to_columns();
    let scopes = serde_json::to_string(&token.scopes).map_err(Error::internal)?;
    let row = [
        ("id", token.id.into()),
        ("name", token.name.clone().into()),
        ("secret_hash", secret_hash.into()),
        ("scopes", scopes.into()),
        ("all_brands", (token.brands == Reach::All).into()),
        ("all_channels", (token.channels == Reach::All).into()),
        ("created_at", at.into()),
        ("created_by_kind", maker_kind.into()),
        ("created_by_id", maker_id.into()),
        ("expires_at", token.expires_at.into()),
    ];
    run(db, Sql::insert("access_tokens", row)).await?;
    if let Reach::Only(brands) = &token.brands {
        insert_reach(
            db,
            "access_token_brands",
            "brand_id",
            token.id,
            brands.iter().map(|b| b.0),
        )
        .await?;
    }
    if let Reach::Only(channels) = &token.channels {
        let ids = channels.iter().map(|c| c.0);
        insert_reach(db, "access_token_channels", "channel_id", token.id, ids).await?;
    }
    Ok(())
}

async fn insert_reach(
    db: &impl ConnectionTrait,
    table: &'static str,
    column: &'static str,
    token: TokenId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<()> {
    let rows: Vec<Vec<Value>> = ids.map(|id| vec![token.into(), id.into()]).collect();
    if !rows.is_empty() {
        run(db, Sql::insert_all(table, &["token_id", column], rows)).await?;
    }
    Ok(())
}

/// Ends a token; false when it had ended already.
pub(super) async fn revoke(db: &impl ConnectionTrait, id: TokenId, at: Timestamp) -> Result<bool> {
    let sql = Sql::update("access_tokens", [("revoked_at", at.into())])
        .push(" WHERE id = ")
        .bind(id);
    Ok(run(db, sql.push(" AND revoked_at IS NULL")).await? == 1)
}

pub(super) async fn touch(db: &impl ConnectionTrait, id: TokenId, at: Timestamp) -> Result<()> {
    let sql = Sql::update("access_tokens", [("last_used_at", at.into())])
        .push(" WHERE id = ")
        .bind(id);
    run(db, sql).await?;
    Ok(())
}

/// Whether anybody could ever get in.
pub(crate) async fn any_token_exists(db: &impl ConnectionTrait) -> Result<bool> {
    Ok(fetch_count(db, Sql::new("SELECT count(*) AS n FROM access_tokens")).await? > 0)
}
