//! Several instances on one database, and the audit log that they share.

use std::collections::BTreeSet;

use accolade::audit::{self, BreakKind};
use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Clock;
use accolade::platform::db::{Sql, fetch_count};
use accolade::testing::TestDatabase;
use accolade_migrations::Migrator;
use chrono::TimeDelta;
use futures::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use sea_orm_migration::MigratorTrait;
use serde_json::json;

use crate::support::{START, TestApp};

async fn instance(database: &TestDatabase) -> TestApp {
    let store = StoreConfig::Folder(database.folder().join("files"));
    TestApp::serve(database, store, Clock::fixed(START)).await
}

/// A database that instances may share; none on SQLite, which has one instance.
async fn shared() -> Option<TestDatabase> {
    let database = TestDatabase::create().await;
    if database.is_shared() {
        return Some(database);
    }
    eprintln!("skipped: TEST_DATABASE_URL names no PostgreSQL");
    None
}

/// A connection behind the server's back.
async fn connect(database: &TestDatabase) -> DatabaseConnection {
    sea_orm::Database::connect(&database.config().url)
        .await
        .unwrap()
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    fetch_count(app.app.db.read(), Sql::new(sql)).await.unwrap()
}

/// Everything that was migrated was migrated once.
async fn check_migrations(app: &TestApp) {
    let wanted = i64::try_from(Migrator::migrations().len()).unwrap();
    assert_eq!(
        count(app, "SELECT count(*) AS n FROM seaql_migrations").await,
        wanted
    );
    let sql = "SELECT count(DISTINCT version) AS n FROM seaql_migrations";
    assert_eq!(count(app, sql).await, wanted);
    let secrets = "SELECT count(*) AS n FROM instance_secrets WHERE name = 'signing_key'";
    assert_eq!(count(app, secrets).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_that_start_together_migrate_an_empty_database_once() {
    let database = TestDatabase::create().await;
    let apps = if database.is_shared() {
        join_all((0..4).map(|_| instance(&database))).await
    } else {
        vec![instance(&database).await, instance(&database).await]
    };
    check_migrations(&apps[0]).await;
    // Each knows the tokens of all, and what one seals the others open.
    let secrets: BTreeSet<&str> = apps.iter().map(|app| app.admin.as_str()).collect();
    assert_eq!(secrets.len(), apps.len());
    for app in &apps {
        for secret in &secrets {
            assert_eq!(
                app.ask(secret, "{ me { __typename } }", json!({}))
                    .await
                    .status,
                200
            );
        }
    }
    for app in apps {
        app.stop().await;
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_revoked_on_one_instance_is_refused_by_the_other() {
    let Some(database) = shared().await else {
        return;
    };
    let (a, b) = (instance(&database).await, instance(&database).await);
    let input = json!({ "name": "Site", "scopes": ["READ"] });
    let made = a
        .mutate("createAccessToken", input, "secret token { id }")
        .await;
    let secret = made["secret"].as_str().unwrap();
    let query = "{ me { ... on AccessToken { id } } }";
    let me = b.ask(secret, query, json!({})).await;
    assert_eq!(me.data()["me"]["id"], made["token"]["id"]);
    a.mutate(
        "revokeAccessToken",
        json!({ "token": made["token"]["id"] }),
        "",
    )
    .await;
    let refused = |answer: crate::support::Answer| {
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"));
    };
    refused(a.ask(secret, query, json!({})).await);
    // The other has read it before, and believes that for half a second.
    b.advance(TimeDelta::milliseconds(500));
    refused(b.ask(secret, query, json!({})).await);
    a.stop().await;
    b.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rule_changed_on_one_instance_is_judged_by_the_other_within_half_a_second() {
    let Some(database) = shared().await else {
        return;
    };
    let (a, b) = (instance(&database).await, instance(&database).await);
    a.brand("north").await;
    let channel = a.channel("site", json!({})).await;
    let asset = a
        .asset("north", "Picture", json!({ "channels": ["site"] }))
        .await;
    for (width, held) in [(1300, true), (1100, false), (1201, true), (1200, false)] {
        assert_eq!(
            b.holds(&asset, "site").await.is_empty(),
            a.holds(&asset, "site").await.is_empty()
        );
        let rules = json!([{ "check": "MIN_WIDTH", "value": width }]);
        a.mutate(
            "updateChannel",
            json!({ "channel": channel, "rules": rules }),
            "",
        )
        .await;
        b.advance(TimeDelta::milliseconds(500));
        let expected = if held { vec!["CHANNEL_RULE"] } else { vec![] };
        for app in [&a, &b] {
            assert_eq!(app.holds(&asset, "site").await, expected, "{width}");
        }
    }
    a.stop().await;
    b.stop().await;
    database.remove().await;
}

/// Outlets and contents, made through all instances at once.
async fn traffic(apps: &[&TestApp]) {
    let writes = (0..40).map(|i| {
        let app = apps[i % apps.len()];
        async move {
            let outlet = app.outlet(&format!("Outlet {i}"), json!({})).await;
            let update = json!({ "outlet": outlet, "tier": 2 });
            app.mutate("updateOutlet", update, "").await;
            app.copy(
                if i % 3 == 0 { "north" } else { "south" },
                &format!("Slogan {i}"),
            )
            .await;
        }
    });
    join_all(writes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_that_seal_together_make_one_chain_per_brand() {
    let database = TestDatabase::create().await;
    let a = instance(&database).await;
    let b = if database.is_shared() {
        Some(instance(&database).await)
    } else {
        None
    };
    let apps: Vec<&TestApp> = [Some(&a), b.as_ref()].into_iter().flatten().collect();
    a.brand("north").await;
    a.brand("south").await;
    for _ in 0..3 {
        traffic(&apps).await;
        for app in &apps {
            app.advance(TimeDelta::seconds(1));
        }
        // Twice each: on SQLite the one instance seals against itself.
        let seals = apps.iter().chain(&apps).map(|app| audit::seal(&app.app));
        for sealed in join_all(seals).await {
            sealed.unwrap();
        }
    }
    let report = audit::verify(&a.app).await.unwrap();
    assert_eq!(report.broken, None);
    assert_eq!(report.unsealed, 0);
    assert_eq!(report.chains, 3);
    let entries = count(&a, "SELECT count(*) AS n FROM audit_entries").await;
    assert_eq!(i64::try_from(report.sealed).unwrap(), entries);
    assert!(entries > 3 * 120, "{entries}");
    a.stop().await;
    if let Some(b) = b {
        b.stop().await;
    }
    database.remove().await;
}

#[tokio::test]
async fn the_database_refuses_to_change_the_log() {
    let app = TestApp::start().await;
    app.outlet("Trailbench", json!({})).await;
    app.advance(TimeDelta::seconds(1));
    audit::seal(&app.app).await.unwrap();
    let behind = connect(app.database()).await;
    for sql in [
        "UPDATE audit_entries SET action = 'nothing'",
        "DELETE FROM audit_entries",
        "UPDATE audit_seals SET sequence = sequence + 1",
        "DELETE FROM audit_seals",
    ] {
        let error = behind.execute_unprepared(sql).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
    behind.close().await.unwrap();
    app.stop().await;
}

#[tokio::test]
async fn an_entry_changed_behind_the_triggers_back_is_found() {
    let app = TestApp::start().await;
    app.brand("north").await;
    for i in 0..5 {
        app.outlet(&format!("Outlet {i}"), json!({})).await;
        app.advance(TimeDelta::seconds(1));
    }
    audit::seal(&app.app).await.unwrap();
    assert_eq!(audit::verify(&app.app).await.unwrap().broken, None);

    let behind = connect(app.database()).await;
    let forge = "UPDATE audit_entries SET changes = '{\"name\":\"Forged\"}' WHERE id =
        (SELECT entry_id FROM audit_seals WHERE chain = 'instance' AND sequence = 4)";
    let steps = match behind.get_database_backend() {
        DbBackend::Postgres => [
            "ALTER TABLE audit_entries DISABLE TRIGGER USER",
            forge,
            "ALTER TABLE audit_entries ENABLE TRIGGER USER",
        ],
        _ => [
            "DROP TRIGGER audit_entries_keep",
            forge,
            "CREATE TRIGGER audit_entries_keep BEFORE UPDATE ON audit_entries
             BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        ],
    };
    for sql in steps {
        behind.execute_unprepared(sql).await.unwrap();
    }
    behind.close().await.unwrap();
    let broken = audit::verify(&app.app).await.unwrap().broken.unwrap();
    assert_eq!((broken.chain.as_str(), broken.sequence), ("instance", 4));
    assert_eq!(broken.kind, BreakKind::Edited);
    app.stop().await;
}
