//! What coverage hangs on beside the gate: who decided that a win is not to be used somewhere, and stamps
//! that change with it.
//!
//! An endorsement's stamp now also changes with its waivers, with what is attached to it and with where its
//! products are sold; a placement's `revision` grows with every change. So the sum over an endorsement's
//! placements, and over the stamps of its assets, never comes back to what it was while its own stamp stands.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::m20261122_000011_stamp_contents::{Of, Part, ROWS};

const PARTS: [Part; 3] = [
    Part {
        table: "waivers",
        events: ROWS,
        contents: Of::Column("endorsement_id"),
    },
    Part {
        table: "product_channels",
        events: ROWS,
        contents: Of::Query(
            "SELECT p.content_id FROM content_products p WHERE p.product_id = r.product_id",
        ),
    },
    Part {
        table: "endorsement_assets",
        events: ROWS,
        contents: Of::Column("endorsement_id"),
    },
];

const UP: &[&str] = &[
    "CREATE TABLE waivers (
        endorsement_id uuid NOT NULL REFERENCES endorsements (content_id),
        channel_id uuid NOT NULL REFERENCES channels (id),
        reason text NOT NULL,
        until bigint,
        created_at bigint NOT NULL,
        created_by_kind text NOT NULL CHECK (created_by_kind IN ('SYSTEM', 'TOKEN')),
        created_by_id uuid,
        PRIMARY KEY (endorsement_id, channel_id)
    )",
    "CREATE INDEX waivers_channel ON waivers (channel_id)",
    "ALTER TABLE placements ADD COLUMN revision bigint NOT NULL DEFAULT 1 CHECK (revision > 0)",
    // Whoever changes a placement need not know of it.
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
];

const DOWN: &[&str] = &[
    "-- sqlite
     DROP TRIGGER placements_revision",
    "-- postgres
     DROP FUNCTION placements_revision CASCADE",
    "ALTER TABLE placements DROP COLUMN revision",
    "DROP TABLE waivers",
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::apply(manager, UP).await?;
        let db = manager.get_connection();
        for part in PARTS {
            for statement in part.create(&part.more(), db.get_database_backend()) {
                db.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for part in PARTS {
            for statement in part.drop(&part.more(), db.get_database_backend()) {
                db.execute_unprepared(&statement).await?;
            }
        }
        crate::apply(manager, DOWN).await
    }
}
