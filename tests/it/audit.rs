//! The audit log's chains: whatever is done to them behind the server's back is found.

use std::process::Command;

use accolade::audit::{self, BreakKind};
use chrono::TimeDelta;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend};
use serde_json::{Value as Json, json};

use crate::support::TestApp;

/// How often each kind of tampering is tried, each time elsewhere.
const TRIES: usize = 6;
/// Entries of each chain.
const LENGTH: u64 = 9;

/// Random numbers that a failure can be repeated with.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        // Another one each time.
        let seed = rand::random::<u64>() | 1;
        eprintln!("seed {seed}");
        Self(seed)
    }

    /// From `low` to `high`, both of them too.
    fn roll(&mut self, low: i64, high: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + i64::try_from(self.0 % u64::try_from(high - low + 1).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.roll(0, i64::try_from(of.len()).unwrap() - 1)).unwrap()]
    }
}

/// The database without its rules, as its owner may have it.
struct Behind(DatabaseConnection);

impl Behind {
    async fn open(app: &TestApp) -> Self {
        let mut options = ConnectOptions::new(&app.database().config().url);
        options.max_connections(1);
        let this = Self(Database::connect(options).await.unwrap());
        if this.postgres() {
            for table in ["entries", "seals", "entry_contents", "unsealed"] {
                this.run(&format!("ALTER TABLE audit_{table} DISABLE TRIGGER ALL"))
                    .await;
            }
        } else {
            this.run("PRAGMA foreign_keys = OFF").await;
            for table in ["entries", "seals"] {
                this.run(&format!("DROP TRIGGER audit_{table}_keep")).await;
                this.run(&format!("DROP TRIGGER audit_{table}_keep_all"))
                    .await;
            }
        }
        for table in ["entries", "seals", "unsealed"] {
            this.run(&format!(
                "CREATE TABLE kept_{table} AS SELECT * FROM audit_{table}"
            ))
            .await;
        }
        this
    }

    fn postgres(&self) -> bool {
        self.0.get_database_backend() == DbBackend::Postgres
    }

    async fn run(&self, sql: &str) {
        let done = self.0.execute_unprepared(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Puts everything back as it was sealed.
    async fn restore(&self) {
        for table in ["unsealed", "seals", "entries"] {
            self.run(&format!("DELETE FROM audit_{table}")).await;
        }
        for table in ["entries", "seals", "unsealed"] {
            self.run(&format!(
                "INSERT INTO audit_{table} SELECT * FROM kept_{table}"
            ))
            .await;
        }
    }
}

/// What is done to one entry of a chain, or to all after it.
#[derive(Clone, Copy, Debug)]
enum Tampering {
    Edit(&'static str),
    Drop,
    DropAndCloseUp,
    DropEntryOnly,
    DropSealOnly,
    Swap,
    Move,
    CutOff,
    CutOffSeals,
    CutOffAll,
    /// An entry is edited, and all from it on are sealed anew by the server itself.
    Reseal,
    Head,
}

const EVERY: [Tampering; 18] = [
    Tampering::Edit("action = 'createNothing'"),
    Tampering::Edit("subject = 'outlet_00000000000000000000000000'"),
    Tampering::Edit("changes = '{\"name\":\"Forged\"}'"),
    Tampering::Edit("changes = 'no json'"),
    Tampering::Edit("at = at + 1"),
    Tampering::Edit("actor_kind = 'TOKEN', actor_id = id"),
    Tampering::Edit("brand_id = (SELECT id FROM brands WHERE slug = 'east')"),
    Tampering::Drop,
    Tampering::DropAndCloseUp,
    Tampering::DropEntryOnly,
    Tampering::DropSealOnly,
    Tampering::Swap,
    Tampering::Move,
    Tampering::CutOff,
    Tampering::CutOffSeals,
    Tampering::CutOffAll,
    Tampering::Reseal,
    Tampering::Head,
];

impl Tampering {
    async fn happen(self, app: &TestApp, behind: &Behind, chain: &str, dice: &mut Dice) {
        let n = dice.roll(1, LENGTH.try_into().unwrap());
        let here = format!("chain = '{chain}' AND sequence = {n}");
        let entry = format!("id IN (SELECT entry_id FROM kept_seals WHERE {here})");
        let after = format!("chain = '{chain}' AND sequence >= {n}");
        let rest = format!("id IN (SELECT entry_id FROM kept_seals WHERE {after})");
        match self {
            Self::Edit(what) => {
                behind
                    .run(&format!("UPDATE audit_entries SET {what} WHERE {entry}"))
                    .await;
            }
            Self::Drop | Self::DropAndCloseUp => {
                behind
                    .run(&format!("DELETE FROM audit_seals WHERE {here}"))
                    .await;
                behind
                    .run(&format!("DELETE FROM audit_entries WHERE {entry}"))
                    .await;
                if matches!(self, Self::DropAndCloseUp) {
                    let away = format!("chain = '{chain}' AND sequence > {n}");
                    behind
                        .run(&format!(
                            "UPDATE audit_seals SET sequence = sequence + 1000 WHERE {away}"
                        ))
                        .await;
                    behind
                        .run(&format!(
                            "UPDATE audit_seals SET sequence = sequence - 1001 WHERE {away}"
                        ))
                        .await;
                }
            }
            Self::DropEntryOnly => {
                behind
                    .run(&format!("DELETE FROM audit_entries WHERE {entry}"))
                    .await;
            }
            Self::DropSealOnly => {
                behind
                    .run(&format!("DELETE FROM audit_seals WHERE {here}"))
                    .await;
            }
            Self::Swap => {
                let other = 1 + n % i64::try_from(LENGTH).unwrap();
                for (from, to) in [(n, 9_999), (other, n), (9_999, other)] {
                    behind
                        .run(&format!(
                            "UPDATE audit_seals SET sequence = {to} WHERE chain = '{chain}' AND sequence = {from}"
                        ))
                        .await;
                }
            }
            Self::Move => {
                behind
                    .run(&format!(
                        "UPDATE audit_seals SET chain = 'elsewhere' WHERE {here}"
                    ))
                    .await;
            }
            Self::CutOff => {
                behind
                    .run(&format!("DELETE FROM audit_seals WHERE {after}"))
                    .await;
                behind
                    .run(&format!("DELETE FROM audit_entries WHERE {rest}"))
                    .await;
            }
            Self::CutOffSeals => {
                behind
                    .run(&format!("DELETE FROM audit_seals WHERE {after}"))
                    .await;
            }
            Self::CutOffAll => {
                let all = format!("chain = '{chain}'");
                behind
                    .run(&format!(
                        "DELETE FROM audit_entries WHERE id IN (SELECT entry_id FROM audit_seals WHERE {all})"
                    ))
                    .await;
                behind
                    .run(&format!("DELETE FROM audit_seals WHERE {all}"))
                    .await;
            }
            Self::Reseal => {
                behind
                    .run(&format!(
                        "UPDATE audit_entries SET action = 'forged' WHERE {entry}"
                    ))
                    .await;
                behind
                    .run(&format!("DELETE FROM audit_seals WHERE {after}"))
                    .await;
                behind
                    .run(&format!(
                        "INSERT INTO audit_unsealed SELECT entry_id FROM kept_seals WHERE {after}"
                    ))
                    .await;
                audit::seal(&app.app).await.unwrap();
                // The forged chain does not get its head published over the true one.
                audit::publish(&app.app).await.unwrap();
            }
            Self::Head => {
                let key = format!("audit-heads/{chain}");
                let kept = app.app.blobs.read_small(&key).await.unwrap().unwrap();
                let mut head: Json = serde_json::from_slice(&kept).unwrap();
                head["sequence"] = json!(n - 1);
                let forged = head.to_string().into_bytes();
                app.app.blobs.replace(&key, forged.into()).await.unwrap();
                let broken = audit::verify(&app.app).await.unwrap().broken.unwrap();
                assert_eq!(broken.kind, BreakKind::ForgedHead, "{broken}");
                app.app.blobs.replace(&key, kept).await.unwrap();
                // That there is no head is for the store to keep: here the chain is cut off instead.
                behind
                    .run(&format!("DELETE FROM audit_seals WHERE {after}"))
                    .await;
            }
        }
    }
}

/// Chains of so many entries, sealed, their heads published: the names of the chains.
async fn chains(app: &TestApp) -> Vec<String> {
    let mut chains = vec!["instance".to_owned()];
    for slug in ["north", "south", "east"] {
        chains.push(app.brand(slug).await);
    }
    chains.pop();
    audit_settles(app).await;
    let query = "{ auditLog(first: 100) { totalCount } }";
    for n in 0.. {
        let total = app.query(query).await["auditLog"]["totalCount"]
            .as_u64()
            .unwrap();
        if total >= 60 {
            break;
        }
        app.outlet(&format!("Outlet {n}"), json!({})).await;
        app.product("north", &format!("N-{n}")).await;
        app.product("south", &format!("S-{n}")).await;
        audit_settles(app).await;
    }
    audit::publish(&app.app).await.unwrap();
    chains
}

/// Seals what has been done so far.
async fn audit_settles(app: &TestApp) {
    app.advance(TimeDelta::seconds(1));
    audit::seal(&app.app).await.unwrap();
}

#[tokio::test]
async fn whatever_is_done_to_one_entry_of_a_chain_is_found() {
    let app = TestApp::start().await;
    let chains = chains(&app).await;
    let clean = audit::verify(&app.app).await.unwrap();
    assert_eq!((clean.broken, clean.unsealed), (None, 0));
    let behind = Behind::open(&app).await;
    let mut dice = Dice::new();
    for tampering in EVERY {
        for _ in 0..TRIES {
            let chain = dice.pick(&chains).clone();
            tampering.happen(&app, &behind, &chain, &mut dice).await;
            let report = audit::verify(&app.app).await.unwrap();
            assert!(
                report.broken.is_some(),
                "{tampering:?} in {chain}: {report:?}"
            );
            behind.restore().await;
            let report = audit::verify(&app.app).await.unwrap();
            assert_eq!(
                report.broken, None,
                "restored after {tampering:?} in {chain}"
            );
        }
    }
    behind.0.close().await.unwrap();
    app.stop().await;
}

#[tokio::test]
async fn a_chain_that_was_cut_off_and_went_on_is_found_by_its_head() {
    let app = TestApp::start().await;
    let chains = chains(&app).await;
    let read = async || {
        let bytes = app.app.blobs.read_small("audit-heads/instance").await;
        serde_json::from_slice::<Json>(&bytes.unwrap().unwrap()).unwrap()
    };
    // The head can be carried away: it is what the API says of the last entry.
    let head = read().await;
    let query = "{ auditLog(first: 100) { nodes { sequence hash action } } }";
    let log = app.query(query).await;
    let entries = log["auditLog"]["nodes"].as_array().unwrap();
    let last = entries
        .iter()
        .find(|e| e["action"] == "createOutlet")
        .unwrap();
    let sequence = last["sequence"].to_string();
    assert_eq!(head["sequence"].to_string(), sequence.trim_matches('"'));
    assert_eq!(head["hash"], last["hash"]);

    let behind = Behind::open(&app).await;
    let mut dice = Dice::new();
    Tampering::CutOff
        .happen(&app, &behind, &chains[0], &mut dice)
        .await;
    for n in 0..30 {
        app.outlet(&format!("Later {n}"), json!({})).await;
    }
    audit_settles(&app).await;
    audit::publish(&app.app).await.unwrap();
    assert_eq!(read().await, head);
    let broken = audit::verify(&app.app).await.unwrap().broken.unwrap();
    assert_eq!(
        (broken.chain.as_str(), broken.kind),
        ("instance", BreakKind::OtherHead)
    );

    // The command says so, and fails.
    let mut command = Command::new(env!("CARGO_BIN_EXE_accolade"));
    command.args(["verify", "--log", "off", "--data-dir"]);
    command.arg(app.database().folder());
    command.args(["--database-url", &app.database().config().url]);
    let said = command.env_clear().output().unwrap();
    assert!(!said.status.success(), "{said:?}");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(
        said.contains("the audit log is broken: chain instance"),
        "{said}"
    );

    // An instance that starts does not cover it either; one whose log is whole goes on.
    behind.restore().await;
    audit::wait_for_all(&app.app).await.unwrap();
    app.outlet("Last", json!({})).await;
    audit_settles(&app).await;
    audit::publish(&app.app).await.unwrap();
    assert_eq!(audit::verify(&app.app).await.unwrap().broken, None);
    assert!(read().await["sequence"].as_i64() > head["sequence"].as_i64());
    behind.0.close().await.unwrap();
    app.stop().await;
}
