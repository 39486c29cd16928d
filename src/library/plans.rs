//! The lists that are asked for most walk an index in their own order, on both databases: nothing is read
//! that does not stand on the page, and nothing is sorted.

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend};

use super::list::{ContentOrder, Gated, Listing};
use crate::accounts::{OpContext, Reach, Viewer};
use crate::app::App;
use crate::channels::{Channel, ChannelKind, Tree};
use crate::contents::ContentKind;
use crate::platform::clock::{Clock, Timestamp};
use crate::platform::db::{KeyPart, PageRequest, Sql};
use crate::platform::ids::{BrandId, Ids};
use crate::rights::gate::Ask;
use crate::testing::TestDatabase;

/// One connection, on which PostgreSQL walks an index wherever there is one that fits.
pub(crate) async fn planner(database: &TestDatabase) -> DatabaseConnection {
    let mut options = ConnectOptions::new(database.config().url.clone());
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    if db.get_database_backend() == DbBackend::Postgres {
        for off in ["seqscan", "sort", "bitmapscan", "hashjoin", "mergejoin"] {
            let sql = format!("SET enable_{off} = off");
            db.execute_unprepared(&sql).await.unwrap();
        }
    }
    db
}

/// What the list itself reads, in the words of its database: not what the gate looks up for each row.
pub(crate) async fn plan(db: &DatabaseConnection, sql: Sql) -> Vec<String> {
    let backend = db.get_database_backend();
    let mut statement = sql.into_statement(backend);
    let (explain, column) = match backend {
        DbBackend::Postgres => ("EXPLAIN (COSTS OFF) ", "QUERY PLAN"),
        _ => ("EXPLAIN QUERY PLAN ", "detail"),
    };
    statement.sql.insert_str(0, explain);
    let rows = db.query_all_raw(statement).await.unwrap();
    let lines = rows
        .iter()
        .map(|row| row.try_get::<String>("", column).unwrap());
    let inner = |line: &String| line.contains("SubPlan") || line.contains("SUBQUERY");
    let plan: Vec<String> = lines.take_while(|line| !inner(line)).collect();
    assert!(!plan.is_empty());
    plan
}

/// By one of these indexes: in empty tables PostgreSQL may take a list of all brands for that of one.
pub(crate) fn walks(plan: &[String], indexes: &[&str]) {
    let text = plan.join("\n");
    assert!(
        indexes.iter().any(|index| text.contains(index)),
        "not by {indexes:?}:\n{text}"
    );
    for bad in ["->  Sort", "Seq Scan", "SCAN c", "TEMP B-TREE FOR ORDER BY"] {
        assert!(!text.contains(bad), "{bad} in\n{text}");
    }
}

#[tokio::test]
async fn the_lists_walk_their_indexes() {
    let database = TestDatabase::create().await;
    let clock = Clock::fixed(Timestamp(1_000_000));
    let app = App::open(database.server_config(), clock).await.unwrap();
    let db = planner(&database).await;
    let ids = Ids::new();
    let brand: BrandId = ids.make(Timestamp(1));
    let channel = Arc::new(Channel {
        id: ids.make(Timestamp(1)),
        slug: "site".to_owned(),
        name: "Site".to_owned(),
        kind: ChannelKind::Site,
        market: Some("DE".to_owned()),
        locale: Some("de".to_owned()),
        parent: None,
        public: true,
        weight: 1.0,
        rules: Vec::new(),
        presets: Vec::new(),
        rules_changed_at: Timestamp(1),
    });
    let under = Arc::new(Channel {
        id: ids.make(Timestamp(1)),
        slug: "site.home".to_owned(),
        parent: Some(channel.id),
        ..Channel::clone(&channel)
    });
    let tree = Tree::new(1, vec![Channel::clone(&channel), Channel::clone(&under)]);
    let viewer = |brands| {
        let viewer = Viewer {
            brands,
            ..Viewer::system()
        };
        OpContext::new(&app, Arc::new(viewer), String::new())
    };
    let all = viewer(Reach::All);
    let one = viewer(Reach::Only(BTreeSet::from([brand])));
    let place = |parts: Vec<KeyPart>| PageRequest {
        after: Some(parts),
        ..PageRequest::first(20)
    };
    let key = KeyPart::Id(brand.0);
    for page in [PageRequest::first(20), place(vec![key.clone()])] {
        for channel in [&channel, &under] {
            let ask = Ask::new(&tree, channel, Timestamp(1_000_000));
            let listing = Listing {
                kind: None,
                condition: Sql::new("1 = 1"),
                order: ContentOrder::Newest,
                gate: Some(ask),
            };
            let by = [Gated::BySql, Gated::ByReader];
            for (cx, gated) in [&all, &one]
                .into_iter()
                .flat_map(|cx| by.map(|by| (cx, by)))
            {
                let plan = plan(&db, listing.select(cx, &tree, &page, gated)).await;
                walks(&plan, &["content_channels_channel"]);
            }
        }
    }
    for (order, part, of_all, of_one) in [
        (
            ContentOrder::Newest,
            None,
            "contents_kind",
            "contents_brand_kind",
        ),
        (
            ContentOrder::Updated,
            Some(KeyPart::Int(1)),
            "contents_all_updated",
            "contents_updated",
        ),
        (
            ContentOrder::Title,
            Some(KeyPart::Text("a".to_owned())),
            "contents_all_title",
            "contents_title",
        ),
    ] {
        let listing = Listing {
            kind: Some(ContentKind::Asset),
            condition: Sql::new("c.trashed_at IS NULL"),
            order,
            gate: None,
        };
        let key: Vec<KeyPart> = part.into_iter().chain([key.clone()]).collect();
        for page in [PageRequest::first(20), place(key)] {
            let plan_of_all = plan(&db, listing.select(&all, &tree, &page, Gated::BySql)).await;
            walks(&plan_of_all, &[of_all]);
            let plan_of_one = plan(&db, listing.select(&one, &tree, &page, Gated::BySql)).await;
            match db.get_database_backend() {
                DbBackend::Postgres => walks(&plan_of_one, &[of_one, of_all]),
                _ => walks(&plan_of_one, &[of_one]),
            }
        }
    }
    db.close().await.unwrap();
    drop(app);
    database.remove().await;
}
