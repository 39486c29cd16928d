//! The gate in Rust and the gate in SQL give the same answer, on random worlds: trees, unknown markets,
//! boundary instants, several leases, attached endorsements, rules of every kind.

pub(crate) mod stamps;
mod world;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use self::world::{INSTANTS, LOCALES, MARKETS, World, instant, maybe, pick, world};
use super::{Ask, Purpose, decide, held_by, holds, lets_out};
use crate::channels::{Channel, ChannelKind, Tree};
use crate::error::Result;
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::{Db, Sql, Tx, fetch, run};
use crate::platform::ids::{ChannelId, ContentId, Ids, TypedId};
use crate::platform::op::{Actor, Op};
use crate::rights::load_facts;
use crate::testing::TestDatabase;

fn question(rng: &mut SmallRng, world: &World) -> Ask {
    let channel = world.tree.all().choose(rng).unwrap().clone();
    let mut ask = Ask::new(&world.tree, &channel, instant(rng))
        .in_market(maybe(rng, 0.5, |rng| pick(rng, &MARKETS).to_owned()))
        .in_locale(maybe(rng, 0.5, |rng| pick(rng, &LOCALES).to_owned()))
        .for_product(maybe(rng, 0.4, |rng| *world.products.choose(rng).unwrap()));
    if rng.random_bool(0.2) {
        ask = ask.to(Purpose::HandOn);
    }
    ask.live_endorsements = Arc::new([(world.brand, rng.random_range(0..4))].into());
    ask
}

#[derive(FromQueryResult)]
struct Found {
    id: ContentId,
}

async fn selected(db: &Db, condition: Sql) -> BTreeSet<ContentId> {
    let rows: Vec<Found> = fetch(
        db.read(),
        Sql::new("SELECT c.id FROM contents c WHERE ").append(condition),
    )
    .await
    .unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

async fn insert_all(tx: &Tx, rows: &[Sql]) -> Result<()> {
    for row in rows {
        run(&**tx, row.clone()).await?;
    }
    Ok(())
}

/// A random world, whose rows are written.
async fn written(db: &Db, rng: &mut SmallRng) -> World {
    let ids = Ids::new();
    let world = world(rng, &ids);
    let op = Op {
        actor: Actor::System,
        at: Timestamp(1),
        ids,
        request_id: String::new(),
        idempotency: None,
    };
    let rows = world.rows.0.clone();
    db.write(&op, rows, |tx, rows| Box::pin(insert_all(tx, rows)))
        .await
        .unwrap();
    world
}

/// How often something was let out: a world in which nothing ever is tries nothing.
async fn check_world(db: &Db, seed: u64) -> usize {
    let mut rng = SmallRng::seed_from_u64(seed);
    let world = written(db, &mut rng).await;
    let mine: Vec<ContentId> = selected(db, Sql::new("1 = 1")).await.into_iter().collect();
    let facts: HashMap<_, _> = load_facts(db.read(), &mine).await.unwrap();
    assert_eq!(facts.len(), mine.len());
    let mut open = 0;
    for n in 0..60 {
        let ask = question(&mut rng, &world);
        let by_sql = selected(db, lets_out(&ask, "c")).await;
        let by_rust: BTreeSet<ContentId> = facts
            .values()
            .filter(|f| decide(f, &ask).is_available())
            .map(|f| f.content.id)
            .collect();
        if by_sql != by_rust {
            let apart = by_sql.symmetric_difference(&by_rust).next().unwrap();
            let answer = decide(&facts[apart], &ask);
            panic!(
                "seed {seed}, question {n}: SQL {} it\n{answer:#?}\n{ask:#?}\n{:#?}",
                if by_sql.contains(apart) {
                    "lets out"
                } else {
                    "holds"
                },
                facts[apart]
            );
        }
        open += by_rust.len();
        check_until(&facts, &ask, seed);
    }
    for _ in 0..8 {
        check_each_rule(db, &facts, &question(&mut rng, &world), seed).await;
    }
    check_worklist(db, &facts).await;
    open
}

/// Rule by rule: what one holds, its own SQL holds. In the whole another hold could hide a difference.
async fn check_each_rule(
    db: &Db,
    facts: &HashMap<ContentId, Arc<super::Facts>>,
    ask: &Ask,
    seed: u64,
) {
    for (n, rule) in holds::TABLE.iter().enumerate() {
        let held = |f: &super::Facts| {
            let mut verdict = super::Verdict::default();
            (rule.decide)(f, ask, &mut verdict);
            !verdict.holds.is_empty()
        };
        let by_rust: BTreeSet<ContentId> = facts
            .values()
            .filter(|f| held(f))
            .map(|f| f.content.id)
            .collect();
        let sql = Sql::new("coalesce(")
            .append((rule.sql)(ask, "c"))
            .push(", FALSE)");
        let by_sql = selected(db, sql).await;
        assert_eq!(
            by_sql, by_rust,
            "seed {seed}, rule {n} of the table\n{ask:#?}"
        );
    }
}

/// Until `until`, time alone changes nothing.
fn check_until(facts: &HashMap<ContentId, Arc<super::Facts>>, ask: &Ask, seed: u64) {
    for fact in facts.values() {
        let answer = decide(fact, ask);
        let later = INSTANTS
            .iter()
            .map(|day| Day(*day).start())
            .filter(|at| *at > ask.at);
        for at in later.filter(|at| answer.until.is_none_or(|until| *at < until)) {
            let then = decide(fact, &Ask { at, ..ask.clone() });
            assert_eq!(
                then.is_available(),
                answer.is_available(),
                "seed {seed}: {answer:#?} at {at:?} {then:#?}"
            );
        }
    }
}

/// The worklist's holds are the gate's.
async fn check_worklist(db: &Db, facts: &HashMap<ContentId, Arc<super::Facts>>) {
    let at = Day(160).start();
    let tree = Tree::new(1, vec![]);
    let nowhere = Arc::new(Channel {
        id: ChannelId::from_uuid(Uuid::nil()),
        slug: String::new(),
        name: String::new(),
        kind: ChannelKind::Site,
        market: None,
        locale: None,
        parent: None,
        public: true,
        weight: 1.0,
        rules: vec![],
        presets: vec![],
        rules_changed_at: Timestamp(0),
    });
    let ask = Ask::new(&tree, &nowhere, at);
    for (reason, _) in holds::without_channel(at, "c") {
        let by_sql = selected(db, held_by(&[reason], at)).await;
        let own = |f: &super::Facts| {
            decide(f, &ask)
                .holds
                .iter()
                .any(|h| h.reason == reason && h.content == f.content.id)
        };
        let by_rust: BTreeSet<ContentId> = facts
            .values()
            .filter(|f| own(f))
            .map(|f| f.content.id)
            .collect();
        assert_eq!(by_sql, by_rust, "{reason:?}");
    }
}

/// Checks the world of a seed on a database of its own.
fn try_world(seed: u64) -> usize {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let database = TestDatabase::create().await;
        let db = database.open().await;
        let open = check_world(&db, seed).await;
        drop(db);
        database.remove().await;
        open
    })
}

#[test]
fn the_worlds_are_not_all_shut() {
    let open: usize = (0..6).map(try_world).sum();
    assert!(open > 50, "the gate let something out {open} times only");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gate_and_its_sql_agree(seed in any::<u64>()) {
        try_world(seed);
    }
}
