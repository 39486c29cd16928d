//! Entries, their seals, and what may be wrong with a chain.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::canonical::canonical;
use super::heads::Head;
use crate::platform::clock::Timestamp;
use crate::platform::ids::{AuditEntryId, BrandId};
use crate::platform::op::Actor;
use crate::platform::seal::sha256_hex;

/// What stands before the first entry of every chain.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One change, as the log keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: AuditEntryId,
    pub at: Timestamp,
    /// The brand whose chain it is in; none: the instance's.
    pub brand: Option<BrandId>,
    pub actor: Actor,
    /// The mutation's name.
    pub action: String,
    /// The id of what changed, with its type prefix.
    pub subject: String,
    pub changes: Json,
    /// None for the moment until the log is sealed up to it.
    pub seal: Option<Seal>,
}

/// An entry's place in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// 1, 2, 3 … within the chain.
    pub sequence: i64,
    pub previous_hash: String,
    pub hash: String,
}

impl Entry {
    /// The entry as it is hashed.
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical(&json!({
            "id": self.id.to_string(),
            "at": self.at.to_rfc3339(),
            "actor": self.actor.key(),
            "action": self.action,
            "subject": self.subject,
            "brand": self.brand.map(|b| b.to_string()),
            "changes": self.changes,
        }))
    }

    /// The seal that follows one with `previous_hash`.
    #[must_use]
    pub fn hash(&self, previous_hash: &str) -> String {
        sha256_hex(format!("{previous_hash}{}", self.canonical()).as_bytes())
    }
}

/// What a walk through all chains has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    pub chains: u64,
    /// Sealed entries that were checked.
    pub sealed: u64,
    /// Entries that wait for their seal; more than a moment's worth means that nothing seals them.
    pub unsealed: i64,
    /// The first that is not as it was sealed; the walk ends there.
    pub broken: Option<Broken>,
}

/// The first place at which a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub chain: String,
    pub sequence: i64,
    /// None where there is none any more.
    pub entry: Option<AuditEntryId>,
    pub kind: BreakKind,
}

/// How a chain can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakKind {
    /// The entry is not what was sealed.
    Edited,
    /// A seal is missing before this one.
    Gap,
    /// The seal does not follow the one before it.
    WrongPrevious,
    /// The sealed entry is gone.
    NoEntry,
    /// The entry belongs to another chain.
    WrongChain,
    /// The chain has another hash where its head was published.
    OtherHead,
    /// The chain ends before the head that was published of it.
    CutOff,
    /// The published head is not one that this server has signed.
    ForgedHead,
    /// The entry has no seal and does not wait for one.
    LostSeal,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.kind {
            BreakKind::Edited => "is not what was sealed",
            BreakKind::Gap => "follows a gap in the sequence",
            BreakKind::WrongPrevious => "does not follow the seal before it",
            BreakKind::NoEntry => "is sealed but gone",
            BreakKind::WrongChain => "belongs to another chain",
            BreakKind::OtherHead => "is not the one whose hash was published",
            BreakKind::CutOff => "was published as sealed, and the chain ends before it",
            BreakKind::ForgedHead => {
                "is what the published head should name, but nobody here signed it"
            }
            BreakKind::LostSeal => "has lost its seal",
        };
        let entry = self.entry.map_or_else(String::new, |id| format!(" {id}"));
        write!(
            f,
            "chain {}, sequence {}: the entry{entry} {what}",
            self.chain, self.sequence
        )
    }
}

/// How far a walk through one chain has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) chain: String,
    pub(super) sequence: i64,
    pub(super) hash: String,
}

impl Walk {
    /// Before a chain's first entry.
    pub(super) fn begin(chain: &str) -> Self {
        Self {
            chain: chain.to_owned(),
            sequence: 0,
            hash: GENESIS.to_owned(),
        }
    }

    /// Takes the next seal of the chain with its entry, if that is still there.
    pub(super) fn step(&mut self, seal: &Seal, entry: Option<&Entry>) -> Result<(), BreakKind> {
        if seal.sequence != self.sequence + 1 {
            return Err(BreakKind::Gap);
        }
        if seal.previous_hash != self.hash {
            return Err(BreakKind::WrongPrevious);
        }
        let entry = entry.ok_or(BreakKind::NoEntry)?;
        if crate::platform::ledger::chain_of(entry.brand.map(|b| b.0)) != self.chain {
            return Err(BreakKind::WrongChain);
        }
        if entry.hash(&seal.previous_hash) != seal.hash {
            return Err(BreakKind::Edited);
        }
        self.sequence = seal.sequence;
        self.hash.clone_from(&seal.hash);
        Ok(())
    }

    /// Takes the published head of the chain off the list, once it is reached.
    pub(super) fn pass(&self, heads: &mut BTreeMap<String, Head>) -> Result<(), BreakKind> {
        match heads.get(&self.chain) {
            Some(head) if head.sequence == self.sequence => {
                let same = head.hash == self.hash;
                heads.remove(&self.chain);
                if same {
                    Ok(())
                } else {
                    Err(BreakKind::OtherHead)
                }
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ledger::INSTANCE_CHAIN;
    use uuid::Uuid;

    fn entry(n: u128) -> Entry {
        Entry {
            id: AuditEntryId(Uuid::from_u128(n)),
            at: Timestamp(1_763_800_000_000),
            brand: None,
            actor: Actor::System,
            action: "createOutlet".to_owned(),
            subject: "outlet_x".to_owned(),
            changes: json!({ "tier": 1, "name": "Gazette" }),
            seal: None,
        }
    }

    fn chain(entries: &[Entry]) -> Vec<Seal> {
        let mut previous_hash = GENESIS.to_owned();
        (1..)
            .zip(entries)
            .map(|(sequence, entry)| {
                let hash = entry.hash(&previous_hash);
                Seal {
                    sequence,
                    previous_hash: std::mem::replace(&mut previous_hash, hash.clone()),
                    hash,
                }
            })
            .collect()
    }

    fn walk(seals: &[Seal], entries: &[Option<Entry>]) -> Result<(), (i64, BreakKind)> {
        let mut walk = Walk::begin(INSTANCE_CHAIN);
        seals.iter().zip(entries).try_for_each(|(seal, entry)| {
            walk.step(seal, entry.as_ref())
                .map_err(|kind| (seal.sequence, kind))
        })
    }

    #[test]
    fn an_entry_is_hashed_as_canonical_json() {
        let text = entry(0).canonical();
        let wanted = concat!(
            r#"{"action":"createOutlet","actor":"system","at":"2025-11-22T08:26:40.000Z","brand":null,"#,
            r#""changes":{"name":"Gazette","tier":1},"id":"audit_00000000000000000000000000","subject":"outlet_x"}"#
        );
        assert_eq!(text, wanted);
        assert_eq!(
            entry(0).hash(GENESIS),
            sha256_hex(format!("{GENESIS}{wanted}").as_bytes())
        );
        assert_eq!(GENESIS.len(), 64);
    }

    #[test]
    fn a_chain_breaks_where_it_was_touched() {
        let entries: Vec<Entry> = (1..=4).map(entry).collect();
        let seals = chain(&entries);
        let kept: Vec<_> = entries.iter().cloned().map(Some).collect();
        assert_eq!(walk(&seals, &kept), Ok(()));

        let mut edited = kept.clone();
        edited[1].as_mut().unwrap().changes = json!({ "tier": 2 });
        assert_eq!(walk(&seals, &edited), Err((2, BreakKind::Edited)));

        let mut gone = kept.clone();
        gone[2] = None;
        assert_eq!(walk(&seals, &gone), Err((3, BreakKind::NoEntry)));

        let mut moved = kept.clone();
        moved[0].as_mut().unwrap().brand = Some(BrandId(Uuid::nil()));
        assert_eq!(walk(&seals, &moved), Err((1, BreakKind::WrongChain)));

        let gap: Vec<_> = seals.iter().filter(|s| s.sequence != 2).cloned().collect();
        let rest: Vec<_> = [0, 2, 3].map(|i| kept[i].clone()).to_vec();
        assert_eq!(walk(&gap, &rest), Err((3, BreakKind::Gap)));

        // An entry forged together with its seal no longer fits the next one.
        let mut forged = edited.clone();
        let mut reseal = seals.clone();
        reseal[1].hash = forged[1].as_mut().unwrap().hash(&seals[1].previous_hash);
        assert_eq!(walk(&reseal, &forged), Err((3, BreakKind::WrongPrevious)));
    }
}
