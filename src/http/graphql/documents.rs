//! The documents that were asked of late, read and found valid: a hot one is not parsed and validated again,
//! and a client may name one by its hash (automatic persisted queries).
//!
//! Callers share them. They hold no rights, values or results: what a document may ask is asked each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{BaseType, ExecutableDocument, OperationDefinition, Type};
use async_graphql::{Name, Value, Variables};
use sha2::{Digest, Sha256};

const MAX_ENTRIES: usize = 1_000;
/// Bytes of their texts; read, they take about ten times that.
const MAX_BYTES: usize = 1024 * 1024;

/// The SHA-256 of a document's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hash([u8; 32]);

impl Hash {
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// From 64 digits of hex.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

/// A document that has been executed.
pub(super) struct Known {
    pub(super) document: ExecutableDocument,
    /// The variables that were given when it was validated. Values that are written together with a variable
    /// are looked at only if it is given, so it is proven for these, and for fewer.
    given: Vec<Name>,
    bytes: usize,
}

impl Known {
    /// Whether validation would find nothing in this request.
    pub(super) fn is_valid_with(&self, variables: &Variables) -> bool {
        only(&self.document).is_some_and(|operation| self.fits(operation, variables))
    }

    /// Whether it was validated with all of these variables.
    pub(super) fn knows(&self, given: &[Name]) -> bool {
        given.iter().all(|name| self.given.contains(name))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn fits(&self, operation: &OperationDefinition, variables: &Variables) -> bool {
        operation.variable_definitions.iter().all(|definition| {
            let definition = &definition.node;
            let has_default = definition.default_value.is_some();
            match variables.get(&definition.name.node) {
                None => definition.var_type.node.nullable || has_default,
                Some(Value::Null) if has_default => false,
                Some(value) => {
                    self.given.contains(&definition.name.node)
                        && is_of(&definition.var_type.node, value)
                }
            }
        })
    }
}

/// The variables of a document's operation that have been given a value.
pub(super) fn given(document: &ExecutableDocument, variables: &Variables) -> Vec<Name> {
    let definitions = only(document).map(|operation| &operation.variable_definitions);
    let names = definitions.into_iter().flatten().map(|d| &d.node.name.node);
    names
        .filter(|name| variables.contains_key(*name))
        .cloned()
        .collect()
}

/// The operation of a document that has one.
fn only(document: &ExecutableDocument) -> Option<&OperationDefinition> {
    let mut all = document.operations.iter();
    let (_, operation) = all.next()?;
    all.next().is_none().then_some(&operation.node)
}

/// Whether a value is certainly one of this type: only what GraphQL itself defines is known here.
fn is_of(ty: &Type, value: &Value) -> bool {
    if *value == Value::Null {
        return ty.nullable;
    }
    match (&ty.base, value) {
        (BaseType::List(of), Value::List(items)) => items.iter().all(|item| is_of(of, item)),
        (BaseType::Named(name), value) => match (name.as_str(), value) {
            ("Int", Value::Number(n)) => n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
            ("Boolean", Value::Boolean(_)) | ("String" | "ID", Value::String(_)) => true,
            _ => false,
        },
        _ => false,
    }
}

/// The documents of late.
#[derive(Default)]
pub(in crate::http) struct Documents(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    entries: HashMap<Hash, (Arc<Known>, u64)>,
    bytes: usize,
    /// Counts up with each use.
    uses: u64,
}

impl Documents {
    pub(super) fn find(&self, hash: Hash) -> Option<Arc<Known>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let now = kept.uses;
        let (known, used) = kept.entries.get_mut(&hash)?;
        *used = now;
        Some(Arc::clone(known))
    }

    /// Keeps a document of so many bytes that was found valid with these variables.
    pub(super) fn keep(
        &self,
        hash: Hash,
        bytes: usize,
        document: ExecutableDocument,
        given: Vec<Name>,
    ) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let now = kept.uses;
        let known = Arc::new(Known {
            document,
            given,
            bytes,
        });
        kept.bytes += bytes;
        if let Some((before, _)) = kept.entries.insert(hash, (known, now)) {
            kept.bytes -= before.bytes;
        }
        while kept.entries.len() > MAX_ENTRIES || kept.bytes > MAX_BYTES {
            let oldest = kept.entries.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(hash, _)| *hash) else {
                return;
            };
            if let Some((gone, _)) = kept.entries.remove(&oldest) {
                kept.bytes -= gone.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn only_what_was_proven_is_not_proven_again() {
        let known = |given: &[&str]| {
            Known {
            document: parse_query(
                "query A($n: Int!, $id: ID, $ids: [ID!], $d: String = \"x\", $f: ContentFilter) { a }",
            )
            .unwrap(),
            given: given.iter().map(Name::new).collect(),
            bytes: 0,
        }
        };
        let all = known(&["n", "id", "ids", "d", "f"]);
        let valid =
            |known: &Known, variables: Json| known.is_valid_with(&Variables::from_json(variables));
        for good in [
            json!({ "n": 1 }),
            json!({ "n": 1, "id": "a", "ids": ["a", "b"], "d": "y", "more": 1 }),
            json!({ "n": -1, "id": null, "ids": null, "f": null }),
        ] {
            assert!(valid(&all, good.clone()), "{good}");
        }
        for bad in [
            json!({}),
            json!({ "n": null }),
            json!({ "n": "1" }),
            json!({ "n": 1.5 }),
            json!({ "n": 3_000_000_000_u64 }),
            json!({ "n": 1, "id": 1 }),
            json!({ "n": 1, "ids": "a" }),
            json!({ "n": 1, "ids": [null] }),
            json!({ "n": 1, "d": null }),
            json!({ "n": 1, "f": {} }),
        ] {
            assert!(!valid(&all, bad.clone()), "{bad}");
        }
        assert!(!valid(&known(&["n"]), json!({ "n": 1, "id": "a" })));
        assert!(valid(&known(&["n"]), json!({ "n": 1 })));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes() {
        let documents = Documents::default();
        let hash = |n: usize| Hash::of(&n.to_string());
        let keep = |n: usize, bytes: usize| {
            documents.keep(hash(n), bytes, parse_query("{ a }").unwrap(), Vec::new());
        };
        for n in 0..MAX_ENTRIES {
            keep(n, 10);
        }
        assert!(documents.find(hash(0)).is_some());
        keep(MAX_ENTRIES, 10);
        keep(MAX_ENTRIES, 20);
        assert!(documents.find(hash(0)).is_some());
        assert!(documents.find(hash(1)).is_none());
        keep(7, MAX_BYTES);
        assert!(documents.find(hash(0)).is_none());
        assert!(documents.find(hash(7)).is_some());
        let kept = documents.0.lock().unwrap();
        assert_eq!((kept.entries.len(), kept.bytes), (1, MAX_BYTES));
    }
}
