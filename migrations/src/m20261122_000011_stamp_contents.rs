//! A stamp on each content that changes with everything the gate and readers look at of it, so that an
//! instance sees at a glance whether what it read before still stands (docs/decisions/0015).
//!
//! Triggers set it, so no writer can forget it. What changes an endorsement changes the assets attached to
//! it, too.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// A table that is looked at, and the contents that its row `r` is a part of.
pub(crate) struct Part {
    pub(crate) table: &'static str,
    /// What happens to its rows.
    pub(crate) events: &'static [&'static str],
    pub(crate) contents: Of,
}

pub(crate) enum Of {
    /// The content that a column names.
    Column(&'static str),
    /// Those that a query finds.
    Query(&'static str),
}
use Of::{Column, Query};

pub(crate) const ROWS: &[&str] = &["INSERT", "UPDATE", "DELETE"];

const OF_VERSION: Of = Query("SELECT v.content_id FROM versions v WHERE v.id = r.version_id");
const OF_FILE: Of = Query(
    "SELECT v.content_id FROM asset_versions av JOIN versions v ON v.id = av.version_id
     WHERE av.sha256 = r.sha256",
);

#[rustfmt::skip]
const PARTS: [Part; 23] = [
    // Every column but the stamp.
    Part { table: "contents", contents: Column("id"), events: &[
        "UPDATE OF brand_id, kind, title, title_key, release_at, expire_at, withdrawn_at, withdrawn_reason,
         archived_at, trashed_at, version_count, revision, created_at, created_by_kind, created_by_id, updated_at",
    ] },
    Part { table: "assets", events: ROWS, contents: Column("content_id") },
    Part { table: "endorsements", events: ROWS, contents: Column("content_id") },
    Part { table: "versions", events: ROWS, contents: Column("content_id") },
    Part { table: "asset_versions", events: ROWS, contents: OF_VERSION },
    Part { table: "endorsement_versions", events: ROWS, contents: OF_VERSION },
    Part { table: "statements", events: ROWS, contents: OF_VERSION },
    Part { table: "reviews", events: ROWS, contents: OF_VERSION },
    Part { table: "content_tags", events: ROWS, contents: Column("content_id") },
    Part { table: "content_channels", events: ROWS, contents: Column("content_id") },
    Part { table: "content_markets", events: ROWS, contents: Column("content_id") },
    Part { table: "content_audiences", events: ROWS, contents: Column("content_id") },
    Part { table: "content_products", events: ROWS, contents: Column("content_id") },
    Part { table: "endorsement_assets", events: ROWS, contents: Column("asset_id") },
    Part { table: "evidence", events: ROWS, contents: Column("endorsement_id") },
    Part { table: "claims", events: ROWS, contents: Column("endorsement_id") },
    Part { table: "lease_scopes", events: ROWS, contents: Column("content_id") },
    Part { table: "leases", events: ROWS, contents:
        Query("SELECT s.content_id FROM lease_scopes s WHERE s.lease_id = r.id") },
    Part { table: "files", events: ROWS, contents: OF_FILE },
    Part { table: "media_facts", events: ROWS, contents: OF_FILE },
    // The rest of an outlet and of a product is not looked at.
    Part { table: "outlets", events: &["UPDATE OF kind, tier"], contents:
        Query("SELECT e.content_id FROM endorsements e WHERE e.outlet_id = r.id") },
    Part { table: "products", events: &["UPDATE OF edition_changed_at"], contents:
        Query("SELECT p.content_id FROM content_products p WHERE p.product_id = r.id") },
    Part { table: "contents", events: &["UPDATE OF stamp"], contents:
        Query("SELECT a.asset_id FROM endorsement_assets a WHERE a.endorsement_id = r.id") },
];

/// What a trigger is named.
fn trigger(prefix: &str, event: &str) -> String {
    let what = event.split(' ').next().unwrap_or(event).to_lowercase();
    let what = if event.ends_with("stamp") {
        "stamp"
    } else {
        &what
    };
    format!("{prefix}_{what}")
}

impl Part {
    /// What the triggers of a later migration are named after, on a table that may have some.
    pub(crate) fn more(&self) -> String {
        format!("stamp_more_{}", self.table)
    }

    /// The statement that stamps the contents of a row, before and after it was written. Of many each is
    /// locked in its turn on PostgreSQL, so that two writers never wait for each other.
    fn stamps(&self, rows: &[&str], backend: DbBackend) -> String {
        const STAMP: &str = "UPDATE contents SET stamp = stamp + 1 WHERE id IN";
        let each = |text: &dyn Fn(&str) -> String, between: &str| -> String {
            let texts: Vec<String> = rows.iter().map(|row| text(row)).collect();
            texts.join(between)
        };
        match self.contents {
            Column(column) => {
                let ids = each(&|row| format!("{row}.{column}"), ", ");
                format!("{STAMP} ({ids})")
            }
            Query(query) => {
                let of = |row: &str| query.replace(" r.", &format!(" {row}."));
                let ids = each(&of, " UNION ");
                match backend {
                    DbBackend::Postgres => format!(
                        "{STAMP} (SELECT c.id FROM contents c WHERE c.id IN ({ids})
                         ORDER BY c.id FOR NO KEY UPDATE)"
                    ),
                    _ => format!("{STAMP} ({ids})"),
                }
            }
        }
    }

    fn name(&self) -> String {
        format!("stamp_{}", self.table)
    }

    pub(crate) fn create(&self, prefix: &str, backend: DbBackend) -> Vec<String> {
        let mut statements = Vec::new();
        for event in self.events {
            let (name, table) = (trigger(prefix, event), self.table);
            let rows: &[&str] = match *event {
                "INSERT" => &["NEW"],
                "DELETE" => &["OLD"],
                _ => &["OLD", "NEW"],
            };
            let stamps = self.stamps(rows, backend);
            // An asset is attached, never attached to.
            let when = if name == "stamp_contents_stamp" {
                "WHEN (NEW.kind = 'ENDORSEMENT')"
            } else {
                ""
            };
            let head =
                format!("CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW {when}");
            if backend == DbBackend::Postgres {
                statements.push(format!(
                    "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN {stamps}; RETURN NULL; END $$"
                ));
                statements.push(format!("{head} EXECUTE FUNCTION {name}()"));
            } else {
                statements.push(format!("{head} BEGIN {stamps}; END"));
            }
        }
        statements
    }

    pub(crate) fn drop(&self, prefix: &str, backend: DbBackend) -> Vec<String> {
        let triggers = self.events.iter().map(|event| trigger(prefix, event));
        if backend == DbBackend::Postgres {
            triggers
                .map(|name| format!("DROP FUNCTION {name} CASCADE"))
                .collect()
        } else {
            triggers
                .map(|name| format!("DROP TRIGGER {name}"))
                .collect()
        }
    }
}

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let add = &["ALTER TABLE contents ADD COLUMN stamp bigint NOT NULL DEFAULT 0"];
        crate::apply(manager, add).await?;
        for statement in PARTS
            .iter()
            .flat_map(|p| p.create(&p.name(), db.get_database_backend()))
        {
            db.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for statement in PARTS
            .iter()
            .flat_map(|p| p.drop(&p.name(), db.get_database_backend()))
        {
            db.execute_unprepared(&statement).await?;
        }
        crate::apply(manager, &["ALTER TABLE contents DROP COLUMN stamp"]).await
    }
}
