//! What coverage and the best proof are found by.
//!
//! A tag knows the kind of what it is on, as the content itself has it, so that the few endorsements of a
//! channel are found among its many assets.
//!
//! What an endorsement's cells hang on beside its own stamp is counted up by triggers: its placements, and its
//! assets with theirs. The numbers stand in a table of their own: a placement does not lock its content.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::m20261122_000011_stamp_contents::{Of, Part, ROWS};

const TAGS: &[&str] = &[
    // SQLite adds no foreign key of two columns to a table that is there.
    "-- sqlite
     CREATE TABLE tags_with_kind (
        content_id BLOB NOT NULL,
        channel_id BLOB NOT NULL REFERENCES channels (id),
        tagged_at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        PRIMARY KEY (content_id, channel_id),
        FOREIGN KEY (content_id, kind) REFERENCES contents (id, kind)
     ) STRICT",
    "-- sqlite
     INSERT INTO tags_with_kind SELECT t.content_id, t.channel_id, t.tagged_at, c.kind
     FROM content_channels t JOIN contents c ON c.id = t.content_id",
    "-- sqlite
     DROP TABLE content_channels",
    "-- sqlite
     ALTER TABLE tags_with_kind RENAME TO content_channels",
    "-- sqlite
     CREATE INDEX content_channels_channel ON content_channels (channel_id, content_id)",
    "-- postgres
     ALTER TABLE content_channels ADD COLUMN kind text COLLATE \"C\"",
    // Nobody's facts change.
    "-- postgres
     ALTER TABLE content_channels DISABLE TRIGGER USER",
    "-- postgres
     UPDATE content_channels t SET kind = c.kind FROM contents c WHERE c.id = t.content_id",
    "-- postgres
     ALTER TABLE content_channels ENABLE TRIGGER USER",
    "-- postgres
     ALTER TABLE content_channels ALTER COLUMN kind SET NOT NULL,
        DROP CONSTRAINT content_channels_content_id_fkey,
        ADD FOREIGN KEY (content_id, kind) REFERENCES contents (id, kind)",
    "CREATE INDEX content_channels_kind ON content_channels (channel_id, kind, content_id)",
];

const STAMPS: &[&str] = &[
    "CREATE TABLE coverage_stamps (
        endorsement_id uuid PRIMARY KEY REFERENCES endorsements (content_id),
        stamp bigint NOT NULL CHECK (stamp > 0)
    )",
    // Nothing else ever asked for it.
    "-- sqlite
     DROP TRIGGER placements_revision",
    "-- postgres
     DROP FUNCTION placements_revision CASCADE",
    "ALTER TABLE placements DROP COLUMN revision",
];

const DOWN: &[&str] = &[
    "DROP TABLE coverage_stamps",
    "ALTER TABLE placements ADD COLUMN revision bigint NOT NULL DEFAULT 1 CHECK (revision > 0)",
    "-- sqlite
     CREATE TRIGGER placements_revision AFTER UPDATE ON placements FOR EACH ROW
     WHEN NEW.revision = OLD.revision
     BEGIN UPDATE placements SET revision = OLD.revision + 1 WHERE id = NEW.id; END",
    "-- postgres
     CREATE FUNCTION placements_revision() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN NEW.revision := OLD.revision + 1; RETURN NEW; END $$",
    "-- postgres
     CREATE TRIGGER placements_revision BEFORE UPDATE ON placements FOR EACH ROW
     EXECUTE FUNCTION placements_revision()",
    "DROP INDEX content_channels_kind",
    "-- sqlite
     CREATE TABLE tags_without_kind (
        content_id BLOB NOT NULL REFERENCES contents (id),
        channel_id BLOB NOT NULL REFERENCES channels (id),
        tagged_at INTEGER NOT NULL,
        PRIMARY KEY (content_id, channel_id)
     ) STRICT",
    "-- sqlite
     INSERT INTO tags_without_kind SELECT content_id, channel_id, tagged_at FROM content_channels",
    "-- sqlite
     DROP TABLE content_channels",
    "-- sqlite
     ALTER TABLE tags_without_kind RENAME TO content_channels",
    "-- sqlite
     CREATE INDEX content_channels_channel ON content_channels (channel_id, content_id)",
    "-- postgres
     ALTER TABLE content_channels DROP COLUMN kind,
        ADD FOREIGN KEY (content_id) REFERENCES contents (id)",
];

/// A write that cells hang on, and the endorsements that they are cells of.
struct Count {
    name: &'static str,
    after: &'static str,
    rows: &'static [&'static str],
    endorsements: &'static str,
}

const OF_ASSET: &str =
    "SELECT x.endorsement_id, 1 FROM endorsement_assets x WHERE x.asset_id = r.id";
const OF_PLACED: &str =
    "SELECT e.content_id, 1 FROM endorsements e WHERE e.content_id = r.content_id
     UNION SELECT x.endorsement_id, 1 FROM endorsement_assets x WHERE x.asset_id = r.content_id";

const COUNTS: [Count; 4] = [
    Count {
        name: "count_assets",
        after: "UPDATE OF stamp ON contents",
        rows: &["NEW"],
        endorsements: OF_ASSET,
    },
    Count {
        name: "count_placements_insert",
        after: "INSERT ON placements",
        rows: &["NEW"],
        endorsements: OF_PLACED,
    },
    Count {
        name: "count_placements_update",
        after: "UPDATE ON placements",
        rows: &["OLD", "NEW"],
        endorsements: OF_PLACED,
    },
    Count {
        name: "count_placements_delete",
        after: "DELETE ON placements",
        rows: &["OLD"],
        endorsements: OF_PLACED,
    },
];

impl Count {
    fn create(&self, backend: DbBackend) -> Vec<String> {
        let of = |row: &&str| self.endorsements.replace(" r.", &format!(" {row}."));
        let which: Vec<String> = self.rows.iter().map(of).collect();
        // In one order, so that two writers never wait for each other.
        let count = format!(
            "INSERT INTO coverage_stamps (endorsement_id, stamp) {} ORDER BY 1
             ON CONFLICT (endorsement_id) DO UPDATE SET stamp = coverage_stamps.stamp + 1",
            which.join(" UNION ")
        );
        let (name, after) = (self.name, self.after);
        let head = format!("CREATE TRIGGER {name} AFTER {after} FOR EACH ROW");
        if backend == DbBackend::Postgres {
            vec![
                format!(
                    "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN {count}; RETURN NULL; END $$"
                ),
                format!("{head} EXECUTE FUNCTION {name}()"),
            ]
        } else {
            vec![format!("{head} BEGIN {count}; END")]
        }
    }

    fn drop(&self, backend: DbBackend) -> String {
        match backend {
            DbBackend::Postgres => format!("DROP FUNCTION {} CASCADE", self.name),
            _ => format!("DROP TRIGGER {}", self.name),
        }
    }
}

const TAG: Part = Part {
    table: "content_channels",
    events: ROWS,
    contents: Of::Column("content_id"),
};

/// The triggers of the tags' table went with it on SQLite.
async fn stamp_tags(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let backend = db.get_database_backend();
    if backend == DbBackend::Sqlite {
        for statement in TAG.create("stamp_content_channels", backend) {
            db.execute_unprepared(&statement).await?;
        }
    }
    Ok(())
}

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::apply(manager, TAGS).await?;
        stamp_tags(manager).await?;
        crate::apply(manager, STAMPS).await?;
        let db = manager.get_connection();
        for count in COUNTS {
            for statement in count.create(db.get_database_backend()) {
                db.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for count in COUNTS {
            db.execute_unprepared(&count.drop(db.get_database_backend()))
                .await?;
        }
        crate::apply(manager, DOWN).await?;
        stamp_tags(manager).await
    }
}
