//! The heads of the chains, kept outside the database: a chain whose end was cut off is whole in itself, and
//! only what was known of its length tells.
//!
//! Each chain has one object in the store, `audit-heads/CHAIN`: how far it was sealed, the hash there, and a
//! MAC. A head replaces the one before it only if the database still holds that one, so a chain that was cut
//! off and then went on does not cover its own tracks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::model::{BreakKind, Broken};
use super::store;
use crate::app::App;
use crate::error::{Error, Result};

/// Where the heads lie in the store.
const FOLDER: &str = "audit-heads";
/// What the MAC of a head is for.
const PURPOSE: &str = "audit head";

/// How far a chain was sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub chain: String,
    pub sequence: i64,
    pub hash: String,
    /// When this was written down.
    pub at: String,
}

#[derive(Serialize, Deserialize)]
struct Signed {
    #[serde(flatten)]
    head: Head,
    mac: String,
}

impl Head {
    fn message(&self) -> Vec<u8> {
        let Self {
            chain,
            sequence,
            hash,
            at,
        } = self;
        format!("{chain}\n{sequence}\n{hash}\n{at}").into_bytes()
    }

    fn key(chain: &str) -> String {
        format!("{FOLDER}/{chain}")
    }
}

/// The heads that were sealed here and wait to be published: the last of each chain.
#[derive(Default)]
pub struct Heads(Mutex<BTreeMap<String, (i64, String)>>);

impl Heads {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (i64, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait(&self, heads: impl IntoIterator<Item = (String, (i64, String))>) {
        self.lock().extend(heads);
    }

    /// Puts a head back that could not be published, unless a later one waits by now.
    fn put_back(&self, chain: String, head: (i64, String)) {
        self.lock().entry(chain).or_insert(head);
    }
}

/// Has the heads of all chains published again: one that a crash has kept from it waits for no other entry.
pub async fn wait_for_all(app: &Arc<App>) -> Result<()> {
    for chain in store::chains(app.db.read()).await? {
        let head = store::head(app.db.read(), &chain).await?;
        if head.0 > 0 {
            app.audit_heads.wait([(chain, head)]);
        }
    }
    Ok(())
}

/// Publishes the heads that wait. One that fails is tried again by the next call.
pub async fn publish(app: &Arc<App>) -> Result<()> {
    let mut waiting = std::mem::take(&mut *app.audit_heads.lock());
    let mut outcome = Ok(());
    while let Some((chain, head)) = waiting.pop_first() {
        if outcome.is_ok() {
            outcome = publish_one(app, &chain, &head).await;
        }
        if outcome.is_err() {
            app.audit_heads.put_back(chain, head);
        }
    }
    outcome
}

async fn publish_one(app: &Arc<App>, chain: &str, (sequence, hash): &(i64, String)) -> Result<()> {
    if let Some(found) = read(app, chain).await? {
        let before = match found {
            Ok(before) if store::has_seal(app.db.read(), &before).await? => before,
            broken => {
                // To be looked at by people: the proof stays as it is.
                tracing::error!(
                    chain,
                    head = ?broken.map(|head| head.sequence),
                    "the audit log does not hold its published head: run `accolade verify`"
                );
                metrics::counter!("accolade_audit_heads_broken_total").increment(1);
                return Ok(());
            }
        };
        if before.sequence >= *sequence {
            return Ok(());
        }
    }
    let head = Head {
        chain: chain.to_owned(),
        sequence: *sequence,
        hash: hash.clone(),
        at: app.clock.now().to_rfc3339(),
    };
    let mac = hex::encode(app.sealer.mac(PURPOSE, &head.message()));
    let text = serde_json::to_vec(&Signed { head, mac }).map_err(Error::internal)?;
    app.blobs.replace(&Head::key(chain), text.into()).await
}

/// The published head of a chain, if there is one; whole, or a forgery.
async fn read(app: &App, chain: &str) -> Result<Option<std::result::Result<Head, Broken>>> {
    let Some(bytes) = app.blobs.read_small(&Head::key(chain)).await? else {
        return Ok(None);
    };
    let signed = serde_json::from_slice::<Signed>(&bytes).ok();
    let held = signed.filter(|signed| {
        let mac = hex::decode(&signed.mac).unwrap_or_default();
        signed.head.chain == chain && app.sealer.holds(PURPOSE, &signed.head.message(), &mac)
    });
    Ok(Some(held.map(|signed| signed.head).ok_or_else(|| Broken {
        chain: chain.to_owned(),
        sequence: 0,
        entry: None,
        kind: BreakKind::ForgedHead,
    })))
}

/// All published heads by their chains, or the first that is a forgery.
pub(super) async fn published(
    app: &App,
) -> Result<std::result::Result<BTreeMap<String, Head>, Broken>> {
    let mut heads = BTreeMap::new();
    for name in app.blobs.names(FOLDER).await? {
        match read(app, &name).await? {
            Some(Ok(head)) => {
                heads.insert(name, head);
            }
            Some(Err(broken)) => return Ok(Err(broken)),
            None => {}
        }
    }
    Ok(Ok(heads))
}
