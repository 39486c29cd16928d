//! Whatever is changed in whichever table: where the facts of a content are others then, its stamp is too.
//! So what is kept under a stamp never outlives what it was read from.

use std::collections::{BTreeSet, HashMap};

use rand::SeedableRng;
use rand::rngs::SmallRng;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};

use super::{Found, load_facts, written};
use crate::error::Result;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::ContentId;
use crate::testing::TestDatabase;

/// What is kept of every content as text without stamps, and what it is kept under.
pub(crate) type Seen = HashMap<ContentId, (String, Vec<i64>)>;

/// A text without the stamps in it.
pub(crate) fn without_stamps(text: &str) -> String {
    let parts = text.split("stamp: ");
    parts
        .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()))
        .collect()
}

async fn see(db: &DatabaseConnection) -> Result<Seen> {
    let all: Vec<Found> = fetch(db, Sql::new("SELECT id FROM contents")).await?;
    let all: Vec<ContentId> = all.into_iter().map(|row| row.id).collect();
    let facts = load_facts(db, &all).await?;
    Ok(facts
        .into_iter()
        .map(|(id, facts)| {
            let text = without_stamps(&format!("{facts:?}"));
            (id, (text, vec![facts.content.stamp]))
        })
        .collect())
}

/// Whether what is kept is another; panics where what it is kept under is not.
fn differ(before: &Seen, after: &Seen, what: &str) -> bool {
    let mut differ = false;
    for (id, (text, stamp)) in after {
        let Some((old, old_stamp)) = before.get(id) else {
            continue;
        };
        if text != old {
            differ = true;
            assert_ne!(
                stamp, old_stamp,
                "{what}: what is kept changed under its stamp"
            );
        }
    }
    differ
}

struct Column {
    table: String,
    name: String,
    kind: String,
}

async fn columns(db: &DatabaseConnection) -> Vec<Column> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT CAST(table_name AS text) AS t, CAST(column_name AS text) AS c, CAST(data_type AS text) AS k
             FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
        }
        _ => {
            "SELECT m.name AS t, p.name AS c, p.type AS k FROM sqlite_master m, pragma_table_info(m.name) p
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.cid"
        }
    };
    let rows = db
        .query_all_raw(Statement::from_string(backend, sql))
        .await
        .unwrap();
    rows.iter()
        .map(|row| Column {
            table: row.try_get("", "t").unwrap(),
            name: row.try_get("", "c").unwrap(),
            kind: row.try_get::<String>("", "k").unwrap().to_lowercase(),
        })
        .collect()
}

/// Words that columns of few words take.
const WORDS: [&str; 16] = [
    "APPROVED",
    "DRAFT",
    "WITHDRAWN",
    "CONFIRMED",
    "REFUSED",
    "CURRENT",
    "GONE",
    "DENY",
    "ALLOW",
    "PRESS",
    "CUSTOMER",
    "BADGE",
    "AWARD",
    "PAID",
    "REQUEST_CHANGES",
    "APPROVE",
];

/// Other values for a column, of which the first that its constraints take is written.
fn others(column: &Column) -> Vec<String> {
    let name = &column.name;
    let table = &column.table;
    let of_another = format!("(SELECT o.{name} FROM {table} o WHERE o.{name} <> t.{name} LIMIT 1)");
    match column.kind.as_str() {
        "text" => [format!("coalesce({name}, '') || 'x'"), of_another]
            .into_iter()
            .chain(WORDS.iter().map(|word| format!("'{word}'")))
            .collect(),
        "boolean" => vec![format!("NOT {name}")],
        "integer" | "bigint" => vec![
            format!("1 - {name}"),
            format!("coalesce({name}, 1) + 1"),
            format!("{name} - 1"),
            "99999999999999".to_owned(),
        ],
        "double precision" | "real" => vec![format!("1 - {name}")],
        _ => vec![of_another],
    }
}

/// Writes in a transaction that is undone, and says whether facts are others for it. Nothing is said of what
/// the constraints refuse, nor of contents that could not be: those cannot be read.
async fn try_out(
    db: &DatabaseConnection,
    before: &Seen,
    see: impl AsyncFn(&DatabaseConnection) -> Result<Seen>,
    write: &str,
) -> bool {
    db.execute_unprepared("BEGIN").await.unwrap();
    let done = match db.execute_unprepared(write).await {
        Ok(done) => done.rows_affected() > 0,
        Err(_) => false,
    };
    let after = if done { see(db).await.ok() } else { None };
    db.execute_unprepared("ROLLBACK").await.unwrap();
    after.is_some_and(|after| differ(before, &after, write))
}

/// Writes another value into every column of every table of a random world, and deletes rows of each: where
/// what is seen of a content is another then, it stands under another stamp. Says which writes mattered.
pub(crate) async fn tamper(
    see: impl AsyncFn(&DatabaseConnection) -> Result<Seen>,
) -> BTreeSet<String> {
    let database = TestDatabase::create().await;
    let db = database.open().await;
    written(&db, &mut SmallRng::seed_from_u64(1)).await;
    drop(db);

    // One connection, so that what is written is seen before it is undone.
    let mut options = ConnectOptions::new(database.config().url.clone());
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    let row = match db.get_database_backend() {
        DbBackend::Postgres => "ctid",
        _ => "rowid",
    };
    let columns = columns(&db).await;
    let before = see(&db).await.unwrap();
    let mut mattered = BTreeSet::new();
    for column in &columns {
        let Column { table, name, .. } = column;
        for end in ["min", "max"] {
            for other in others(column) {
                let write = format!(
                    "UPDATE {table} AS t SET {name} = {other} WHERE {row} = (SELECT {end}({row}) FROM {table})"
                );
                if try_out(&db, &before, &see, &write).await {
                    mattered.insert(format!("{table}.{name}"));
                    break;
                }
            }
        }
    }
    let tables: BTreeSet<&str> = columns.iter().map(|c| c.table.as_str()).collect();
    for table in tables {
        for end in ["min", "max"] {
            let one = format!("{row} = (SELECT {end}({row}) FROM {table})");
            let delete = format!("DELETE FROM {table} WHERE {one}");
            if try_out(&db, &before, &see, &delete).await {
                mattered.insert(delete);
            }
        }
    }
    db.close().await.unwrap();
    database.remove().await;
    mattered
}

#[tokio::test]
async fn facts_never_change_under_their_stamp() {
    let mattered = tamper(see).await;
    // A change that changes nothing tries nothing.
    assert!(mattered.len() > 70, "{}: {mattered:#?}", mattered.len());
}
