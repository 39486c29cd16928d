//! The binary brings a database up to date: killed at any moment, twice at once, and not backwards.

use std::process::{Child, Output};
use std::time::{Duration, Instant};

use accolade::testing::TestDatabase;
use accolade_migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};
use sea_orm_migration::MigratorTrait;

use crate::support::Home;

/// How often each step is killed; `TEST_MIGRATION_KILLS` names another number.
const KILLS: u32 = 3;

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own setting, which no server reads"
)]
fn kills() -> u32 {
    std::env::var("TEST_MIGRATION_KILLS").map_or(KILLS, |text| text.parse().unwrap())
}

async fn connect(database: &TestDatabase) -> DatabaseConnection {
    let url = &database.config().url;
    let url = if database.is_shared() {
        url.clone()
    } else {
        format!("{url}?mode=rwc")
    };
    // One connection, so that what it begins it also ends.
    let mut options = ConnectOptions::new(url);
    options.max_connections(1);
    // Migrations change under it what a kept plan would go by.
    options.map_sqlx_postgres_opts(|options| options.statement_cache_capacity(0));
    Database::connect(options).await.unwrap()
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index::<String>(0).unwrap())
        .collect()
}

/// Rows in the tables that there are after so many migrations.
async fn fill(db: &DatabaseConnection, step: u32) {
    let postgres = db.get_database_backend() == DbBackend::Postgres;
    let (uuid, bytes) = if postgres {
        ("gen_random_uuid()", "'\\x00ff'::bytea")
    } else {
        ("randomblob(16)", "x'00ff'")
    };
    // Since migration 22 a tag knows the kind of what it is on.
    let (kind, of_content) = if step < 21 {
        ("", "")
    } else {
        (", kind", ", c.kind")
    };
    let some = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)";
    let tables = [
        // The instance has its key: what the first start adds is no part of a migration.
        (
            1,
            format!(
                "INSERT INTO instance_secrets (name, value, created_at) VALUES ('signing_key', {bytes}, 1)"
            ),
        ),
        (1, format!("INSERT INTO idempotency_keys (caller, key, input_hash, outcome, created_at) {some}
                     SELECT 'token', 'key ' || i, {bytes}, '1', i FROM n")),
        (1, format!("INSERT INTO audit_entries (id, at, actor_kind, action, subject, changes) {some}
                     SELECT {uuid}, i, 'SYSTEM', 'createOutlet', 'outlet ' || i, '{{}}' FROM n")),
        (2, format!("INSERT INTO brands (id, name, slug, created_at) {some}
                     SELECT {uuid}, 'Brand ' || i, 'brand-' || i, i FROM n")),
        (4, format!("INSERT INTO contents (id, brand_id, kind, title, title_key, version_count, revision,
                     created_at, created_by_kind, updated_at)
                     SELECT {uuid}, b.id, 'ASSET', b.name, b.slug, 0, 1, 1, 'SYSTEM', 1 FROM brands b")),
        (4, format!("INSERT INTO channels (id, slug, name, kind, is_public, weight, rules_changed_at, created_at)
                     VALUES ({uuid}, 'site', 'Site', 'SITE', true, 1, 1, 1)")),
        (4, format!("INSERT INTO content_channels (content_id, channel_id, tagged_at{kind})
                     SELECT c.id, h.id, 7{of_content} FROM contents c, channels h")),
    ];
    for (_, sql) in tables.iter().filter(|(since, _)| *since <= step) {
        db.execute_unprepared(sql).await.unwrap();
    }
}

/// What a later migration takes away.
const GONE: [(&str, &str); 1] = [("placements", "revision")];

/// A table and its columns.
type Table = (String, Vec<String>);

/// The tables that there are, and what stays of them.
async fn tables(db: &DatabaseConnection) -> Vec<Table> {
    let (names, columns) = if db.get_database_backend() == DbBackend::Postgres {
        (
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = '@' ORDER BY 1",
        )
    } else {
        (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            "SELECT name FROM pragma_table_info('@') ORDER BY 1",
        )
    };
    let mut tables = Vec::new();
    for name in texts(db, names).await {
        if name != "seaql_migrations" {
            let mut columns = texts(db, &columns.replace('@', &name)).await;
            columns.retain(|column| !GONE.contains(&(&name, column)));
            tables.push((name, columns));
        }
    }
    tables.sort();
    tables
}

/// Everything that stands in these columns.
async fn contents(db: &DatabaseConnection, tables: &[Table]) -> Vec<(String, Vec<String>)> {
    let postgres = db.get_database_backend() == DbBackend::Postgres;
    let mut all = Vec::new();
    for (name, columns) in tables {
        let each = columns.iter().map(|column| {
            if postgres {
                format!("coalesce({column}::text, 'NULL')")
            } else {
                format!("quote({column})")
            }
        });
        let row = each.collect::<Vec<_>>().join(" || ',' || ");
        let rows = texts(db, &format!("SELECT {row} FROM {name} ORDER BY 1")).await;
        all.push((name.clone(), rows));
    }
    all
}

async fn applied(db: &DatabaseConnection) -> usize {
    texts(db, "SELECT version FROM seaql_migrations")
        .await
        .len()
}

fn ended(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn a_killed_migration_has_done_all_or_nothing_and_the_next_one_ends_it() {
    let steps = Migrator::migrations().len();
    // How long all of it takes here, so that the kills are spread over it.
    let home = Home::on(TestDatabase::create().await);
    let started = Instant::now();
    let said = home.run(&["migrate"]);
    let whole = started.elapsed();
    assert!(said.status.success(), "{said:?}");
    home.database.remove().await;
    let mut killed = 0;
    for step in 0..steps {
        let home = Home::on(TestDatabase::create().await);
        let db = connect(&home.database).await;
        Migrator::up(&db, Some(step.try_into().unwrap()))
            .await
            .unwrap();
        fill(&db, step.try_into().unwrap()).await;
        let tables = tables(&db).await;
        let before = contents(&db, &tables).await;
        for _ in 0..kills() {
            let mut child = home.start(&["migrate"]);
            let share = 0.1 + 0.9 * rand::random::<f64>();
            tokio::time::sleep(whole.mul_f64(share)).await;
            let running = child.try_wait().unwrap().is_none();
            child.kill().unwrap();
            child.wait().unwrap();
            killed += u32::from(running);
        }
        // Two that start together after it: one does what is left, the other waits for it.
        let both = [home.start(&["migrate"]), home.start(&["migrate"])];
        for child in both {
            let said = ended(child);
            assert!(said.status.success(), "from {step}: {said:?}");
        }
        assert_eq!(applied(&db).await, steps, "from {step}");
        assert!(contents(&db, &tables).await == before, "from {step}");
        db.close().await.unwrap();
        home.database.remove().await;
    }
    eprintln!("{killed} kills of migrations that were under way, each of {whole:?}");
    assert!(killed > 0, "none was killed in time");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let home = Home::on(TestDatabase::create().await);
    assert!(home.run(&["migrate"]).status.success());
    let db = connect(&home.database).await;
    db.execute_unprepared(
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_of_tomorrow', 0)",
    )
    .await
    .unwrap();
    let tables = tables(&db).await;
    let before = contents(&db, &tables).await;
    for command in ["migrate", "serve", "verify"] {
        let said = home.run(&[command]);
        assert!(!said.status.success(), "{command}: {said:?}");
        let text = String::from_utf8_lossy(&said.stderr);
        for part in [
            "newer version of Accolade",
            "m29990101_000001_of_tomorrow",
            "restore a backup",
        ] {
            assert!(text.contains(part), "{command}: {text}");
        }
    }
    assert!(contents(&db, &tables).await == before);
    db.execute_unprepared("DELETE FROM seaql_migrations WHERE version LIKE 'm2999%'")
        .await
        .unwrap();
    assert!(home.run(&["migrate"]).status.success());
    db.close().await.unwrap();
    home.database.remove().await;
}

/// Where one holds the lock, the other waits for it; it does not give up and does not go ahead.
#[tokio::test]
async fn a_migration_waits_for_the_one_before_it() {
    let home = Home::on(TestDatabase::create().await);
    let db = connect(&home.database).await;
    // A single connection holds what a migration holds: the advisory lock there, the write lock here.
    let holder = connect(&home.database).await;
    let (begin, end) = if home.database.is_shared() {
        (
            "SELECT pg_advisory_lock(4702676443765752901)",
            "SELECT pg_advisory_unlock_all()",
        )
    } else {
        ("BEGIN IMMEDIATE", "ROLLBACK")
    };
    if !home.database.is_shared() {
        // As the first instance has left it before it migrates.
        let wal = "PRAGMA journal_mode = WAL";
        holder.execute_unprepared(wal).await.unwrap();
    }
    holder.execute_unprepared(begin).await.unwrap();
    let mut child = home.start(&["migrate"]);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(child.try_wait().unwrap().is_none(), "it did not wait");
    holder.execute_unprepared(end).await.unwrap();
    let said = ended(child);
    assert!(said.status.success(), "{said:?}");
    assert_eq!(applied(&db).await, Migrator::migrations().len());
    for connection in [db, holder] {
        connection.close().await.unwrap();
    }
    home.database.remove().await;
}
