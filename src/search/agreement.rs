//! Walking the index finds what the plain statement finds, in the same order, page by page.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sea_orm::FromQueryResult;

use super::query::{ORDER, Query};
use super::words::indexed;
use crate::accounts::Reach;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Db, KeyPart, PageRequest, Sql, fetch, keyset_page, run};
use crate::platform::ids::{BrandId, ContentId, Ids};
use crate::platform::op::{Actor, Op};
use crate::testing::TestDatabase;

const WORDS: [&str; 9] = [
    "lamp",
    "lamps",
    "lampshade",
    "lantern",
    "steel",
    "推荐视频",
    "推荐",
    "ランタン",
    "é",
];
const QUERIES: [&str; 12] = [
    "lamp",
    "la",
    "lamps steel",
    "lamp lamps",
    "steel lamp",
    "lantern steel la",
    "推荐",
    "推荐视频 lamp",
    "推",
    "ランタン",
    "é",
    "nothing",
];

#[derive(FromQueryResult, Debug, PartialEq, Clone, Copy)]
struct Found {
    id: ContentId,
    rank: i32,
}

/// Contents of some brands with random words in random fields.
async fn fill(db: &Db, rng: &mut SmallRng, brands: &[BrandId], ids: &Ids) {
    let mut rows = Vec::new();
    for brand in brands {
        let slug = brand.to_string();
        rows.push(Sql::insert(
            "brands",
            [
                ("id", (*brand).into()),
                ("name", slug.clone().into()),
                ("slug", slug.into()),
                ("created_at", Timestamp(1).into()),
            ],
        ));
    }
    for n in 0..30 {
        let content: ContentId = ids.make(Timestamp(1 + n / 3));
        let brand = *brands.choose(rng).unwrap();
        let trashed = rng.random_bool(0.1).then_some(Timestamp(5));
        rows.push(Sql::insert(
            "contents",
            [
                ("id", content.into()),
                ("brand_id", brand.into()),
                ("kind", "ASSET".into()),
                ("title", "x".into()),
                ("title_key", "x".into()),
                ("trashed_at", trashed.into()),
                ("version_count", 1.into()),
                ("revision", 1.into()),
                ("created_at", Timestamp(1).into()),
                ("created_by_kind", "SYSTEM".into()),
                ("updated_at", Timestamp(1).into()),
            ],
        ));
        let chosen: BTreeSet<&str> = (0..rng.random_range(0..5))
            .map(|_| *WORDS.choose(rng).unwrap())
            .collect();
        let words: BTreeSet<String> = chosen.into_iter().flat_map(indexed).collect();
        for word in words {
            rows.push(Sql::insert(
                "search_words",
                [
                    ("brand_id", brand.into()),
                    ("word", word.into()),
                    ("field_class", rng.random_range(1..=3).into()),
                    ("content_id", content.into()),
                ],
            ));
        }
    }
    let op = Op {
        actor: Actor::System,
        at: Timestamp(1),
        ids: ids.clone(),
        request_id: String::new(),
        idempotency: None,
    };
    db.write(&op, rows, |tx, rows| {
        Box::pin(async move {
            for row in rows {
                run(&**tx, row.clone()).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
}

/// The plain way: everything that matches, in its order.
async fn plainly(db: &Db, query: &Query, brands: &Reach<BrandId>) -> Vec<Found> {
    let sql = Sql::new("SELECT s.content_id AS id, s.rank FROM (")
        .append(query.matches(brands))
        .push(") s JOIN contents c ON c.id = s.content_id WHERE c.trashed_at IS NULL")
        .append(keyset_page(&ORDER, &PageRequest::first(100)));
    fetch(db.read(), sql).await.unwrap()
}

/// By walks, a few at a time.
async fn by_walks(db: &Db, query: &Query, brands: &Reach<BrandId>, limit: u32) -> Vec<Found> {
    let surveyed = fetch(db.read(), query.survey(brands).unwrap())
        .await
        .unwrap();
    let route = query.route(surveyed).expect("few enough walks");
    let condition = Sql::new("c.trashed_at IS NULL");
    let mut all: Vec<Found> = Vec::new();
    loop {
        let page = PageRequest {
            after: all
                .last()
                .map(|last| vec![KeyPart::Int(last.rank.into()), KeyPart::Id(last.id.0)]),
            ..PageRequest::first(limit)
        };
        let Some(sql) = route.select(&condition, &page) else {
            return all;
        };
        let rows: Vec<Found> = fetch(db.read(), sql).await.unwrap();
        let more = rows.len() > limit as usize;
        all.extend(rows.into_iter().take(limit as usize));
        if !more {
            return all;
        }
    }
}

async fn check(seed: u64) -> usize {
    let mut rng = SmallRng::seed_from_u64(seed);
    let database = TestDatabase::create().await;
    let db = database.open().await;
    let ids = Ids::new();
    let brands: Vec<BrandId> = (0..2).map(|_| ids.make(Timestamp(1))).collect();
    fill(&db, &mut rng, &brands, &ids).await;
    let mut found = 0;
    for reach in [
        Reach::All,
        Reach::Only(BTreeSet::from([brands[0]])),
        Reach::Only(brands.iter().copied().collect()),
    ] {
        for text in QUERIES {
            let query = Query::parse(text).unwrap();
            let plain = plainly(&db, &query, &reach).await;
            for limit in [1, 4, 100] {
                let walked = by_walks(&db, &query, &reach, limit).await;
                assert_eq!(walked, plain, "seed {seed}, {text}, {limit} at a time");
            }
            found += plain.len();
        }
    }
    database.remove().await;
    found
}

#[test]
fn walking_finds_what_the_plain_way_finds() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 6,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let seeds = any::<u64>();
    runner
        .run(&seeds, |seed| {
            let found = runtime.block_on(check(seed));
            prop_assert!(found > 50, "hardly anything was found");
            Ok(())
        })
        .unwrap();
}
