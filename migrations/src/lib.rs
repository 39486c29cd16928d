//! The database's shape, step by step, for SQLite and PostgreSQL alike.
//!
//! Append-only: a released migration is never edited. Each is SQL as PostgreSQL writes it; [`apply`]
//! spells the types the way SQLite has them. Times are whole milliseconds since 1970, days are whole
//! days since 1970-01-01, both integers, so that comparing them means the same on both databases.
//! Texts that lists are sorted by compare as bytes (`COLLATE "C"`, SQLite's default).

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

mod m20261122_000001_create_ledger;
mod m20261122_000002_create_catalog;
mod m20261122_000003_create_accounts;
mod m20261122_000004_create_contents;
mod m20261122_000005_create_endorsements;
mod m20261122_000006_create_rights;
mod m20261122_000007_create_placements;
mod m20261122_000008_create_search;
mod m20261122_000009_lists_by_index;
mod m20261122_000010_compare_as_bytes;
mod m20261122_000011_stamp_contents;
mod m20261122_000012_create_uploads;
mod m20261122_000013_care_of_the_store;
mod m20261122_000014_create_renditions;
mod m20261122_000015_look_at_media;
mod m20261122_000016_create_waivers;
mod m20261122_000018_fetch_pages;
mod m20261122_000019_watch_placements;
mod m20261122_000020_create_imports;
mod m20261123_000021_create_requests;
mod m20261123_000022_count_up_coverage;
mod m20261123_000023_find_uploads;
mod m20261123_000024_find_recalled;
mod m20261123_000025_rank_endorsements;
mod m20261123_000026_leave_new_contents_unstamped;
mod m20261123_000027_check_words_once;

/// All migrations, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_create_ledger::Migration),
            Box::new(m20261122_000002_create_catalog::Migration),
            Box::new(m20261122_000003_create_accounts::Migration),
            Box::new(m20261122_000004_create_contents::Migration),
            Box::new(m20261122_000005_create_endorsements::Migration),
            Box::new(m20261122_000006_create_rights::Migration),
            Box::new(m20261122_000007_create_placements::Migration),
            Box::new(m20261122_000008_create_search::Migration),
            Box::new(m20261122_000009_lists_by_index::Migration),
            Box::new(m20261122_000010_compare_as_bytes::Migration),
            Box::new(m20261122_000011_stamp_contents::Migration),
            Box::new(m20261122_000012_create_uploads::Migration),
            Box::new(m20261122_000013_care_of_the_store::Migration),
            Box::new(m20261122_000014_create_renditions::Migration),
            Box::new(m20261122_000015_look_at_media::Migration),
            Box::new(m20261122_000016_create_waivers::Migration),
            Box::new(m20261122_000018_fetch_pages::Migration),
            Box::new(m20261122_000019_watch_placements::Migration),
            Box::new(m20261122_000020_create_imports::Migration),
            Box::new(m20261123_000021_create_requests::Migration),
            Box::new(m20261123_000022_count_up_coverage::Migration),
            Box::new(m20261123_000023_find_uploads::Migration),
            Box::new(m20261123_000024_find_recalled::Migration),
            Box::new(m20261123_000025_rank_endorsements::Migration),
            Box::new(m20261123_000026_leave_new_contents_unstamped::Migration),
            Box::new(m20261123_000027_check_words_once::Migration),
        ]
    }
}

/// A migration made of plain SQL statements.
macro_rules! sql_migration {
    (up: $up:expr, down: $down:expr) => {
        #[derive(sea_orm_migration::prelude::DeriveMigrationName)]
        pub(crate) struct Migration;

        #[async_trait::async_trait]
        impl sea_orm_migration::MigrationTrait for Migration {
            async fn up(
                &self,
                manager: &sea_orm_migration::SchemaManager,
            ) -> Result<(), sea_orm_migration::prelude::DbErr> {
                $crate::apply(manager, $up).await
            }

            async fn down(
                &self,
                manager: &sea_orm_migration::SchemaManager,
            ) -> Result<(), sea_orm_migration::prelude::DbErr> {
                $crate::apply(manager, $down).await
            }
        }
    };
}
pub(crate) use sql_migration;

/// What SQLite calls PostgreSQL's types. STRICT tables hold no other type than the column's.
const SQLITE_TYPES: [(&str, &str); 8] = [
    (" uuid", " BLOB"),
    (" bytea", " BLOB"),
    (" bigint", " INTEGER"),
    (" integer", " INTEGER"),
    (" boolean", " INTEGER"),
    (" double precision", " REAL"),
    (" text", " TEXT"),
    (" COLLATE \"C\"", ""),
];

/// Runs statements, one after the other, in the dialect of the database. A statement that begins with
/// `-- sqlite` or `-- postgres` runs on that one only.
pub(crate) async fn apply(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let sqlite = connection.get_database_backend() == DbBackend::Sqlite;
    for statement in statements {
        let statement = statement.trim();
        let only_sqlite = statement.starts_with("-- sqlite");
        let only_postgres = statement.starts_with("-- postgres");
        if (only_sqlite && !sqlite) || (only_postgres && sqlite) {
            continue;
        }
        if sqlite && !only_sqlite {
            let mut text = (*statement).to_owned();
            for (from, to) in SQLITE_TYPES {
                text = text.replace(from, to);
            }
            if text.starts_with("CREATE TABLE") {
                text.push_str(" STRICT");
            }
            connection.execute_unprepared(&text).await?;
        } else {
            connection.execute_unprepared(statement).await?;
        }
    }
    Ok(())
}
