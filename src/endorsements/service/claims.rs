//! Claims: proposed with an endorsement, decided by the product's owner.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::ID;
use sea_orm::{FromQueryResult, Value};
use serde_json::json;

use crate::accounts::{OpContext, Scope, Viewer};
use crate::catalog::resolve::{Asked, Known};
use crate::contents::service::{announce, check_len, check_products, lock};
use crate::endorsements::model::ClaimState;
use crate::endorsements::store;
use crate::error::{Error, Problems, Result, UserError, UserErrorCode};
use crate::platform::db::{Sql, Tx, fetch_one, insert_many, run};
use crate::platform::ids::{BrandId, ClaimId, ContentId, ProductId};
use crate::platform::ledger::Audit;
use crate::platform::names::name_of;
use crate::platform::text;

/// Longest claim or note on one, in characters.
/// Its bytes stand in a unique index, whose rows PostgreSQL limits to about 2,700.
const MAX_CLAIM: usize = 500;

/// A claim to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewClaim {
    pub text: String,
    pub product: ID,
}

/// A claim whose product is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CleanClaim {
    pub(super) text: String,
    pub(super) product: ProductId,
}

/// Checks claims; one statement for the products of all.
pub(super) async fn clean(
    cx: &OpContext,
    new: &[NewClaim],
    problems: &mut Problems,
) -> Result<Vec<CleanClaim>> {
    let asked = Asked {
        products: new.iter().map(|claim| &claim.product).collect(),
        ..Asked::default()
    };
    Ok(clean_known(&Known::load(cx, asked).await?, new, problems))
}

/// The same with their products found.
pub(super) fn clean_known(
    known: &Known,
    new: &[NewClaim],
    problems: &mut Problems,
) -> Vec<CleanClaim> {
    check_len(problems, "claims", new.len());
    let mut clean: Vec<CleanClaim> = Vec::with_capacity(new.len());
    for (i, claim) in new.iter().enumerate() {
        let product = known.product(&claim.product);
        let text = text::required(
            problems,
            &format!("claims.{i}.text"),
            &claim.text,
            MAX_CLAIM,
        );
        let Some(product) = product else {
            problems.push(UserError::not_found(&format!("claims.{i}.product")));
            continue;
        };
        let claim = CleanClaim { text, product };
        if clean.contains(&claim) {
            let text = "This claim is given twice. Give each text once for a product.";
            problems.add(UserErrorCode::Invalid, &format!("claims.{i}"), text);
        }
        clean.push(claim);
    }
    clean
}

/// Makes the claims of an endorsement exactly these. One with the same text and product keeps its
/// decision; a new one is PROPOSED.
pub(super) async fn replace(
    tx: &Tx,
    id: ContentId,
    brand: BrandId,
    claims: &[CleanClaim],
) -> Result<()> {
    let before = store::load_claims_of(&**tx, &[id], Sql::new("1 = 1")).await?;
    let gone = before.iter().filter(|old| {
        !claims
            .iter()
            .any(|c| c.text == old.text && c.product == old.product)
    });
    let gone: Vec<ClaimId> = gone.map(|old| old.id).collect();
    if !gone.is_empty() {
        run(
            &**tx,
            Sql::new("DELETE FROM claims WHERE id IN ").list(gone),
        )
        .await?;
    }
    insert_all(tx, &[(id, brand, claims)]).await
}

/// Claims of endorsements. One that is there already keeps its decision.
pub(super) async fn insert_all(tx: &Tx, new: &[(ContentId, BrandId, &[CleanClaim])]) -> Result<()> {
    let mut products: BTreeMap<BrandId, BTreeSet<ProductId>> = BTreeMap::new();
    for (_, brand, claims) in new.iter().filter(|(_, _, claims)| !claims.is_empty()) {
        let named = claims.iter().map(|claim| claim.product);
        products.entry(*brand).or_default().extend(named);
    }
    for (brand, products) in products {
        let products: Vec<ProductId> = products.into_iter().collect();
        check_products(tx, brand, &products, "claims").await?;
    }
    let columns = [
        "id",
        "endorsement_id",
        "product_id",
        "claim",
        "state",
        "position",
        "created_at",
    ];
    let proposed = name_of(ClaimState::Proposed)?;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for (id, _, claims) in new {
        rows.extend(claims.iter().zip(1_i32..).map(|(claim, position)| {
            vec![
                tx.id::<ClaimId>().into(),
                (*id).into(),
                claim.product.into(),
                claim.text.clone().into(),
                proposed.clone().into(),
                position.into(),
                tx.op.at.into(),
            ]
        }));
    }
    let keep = " ON CONFLICT (endorsement_id, product_id, claim) DO UPDATE SET position = excluded.position";
    insert_many(&**tx, "claims", &columns, rows, keep).await
}

/// Says that a claim is true of its product, or is not.
pub(crate) async fn decide_claim(
    cx: &OpContext,
    claim: ClaimId,
    state: ClaimState,
    note: Option<String>,
) -> Result<ClaimId> {
    cx.viewer.require(Scope::Review)?;
    let mut problems = Problems::new();
    if state == ClaimState::Proposed {
        problems.add(
            UserErrorCode::Invalid,
            "state",
            "Decide for CONFIRMED or REFUSED.",
        );
    }
    let note = text::optional(&mut problems, "note", note.as_deref(), MAX_CLAIM);
    problems.check()?;
    let viewer = cx.viewer.clone();
    cx.write(
        (viewer, claim, state, note),
        |tx, (viewer, claim, state, note)| {
            Box::pin(decide(tx, viewer, *claim, *state, note.clone()))
        },
    )
    .await
}

#[derive(FromQueryResult)]
struct Standing {
    endorsement_id: ContentId,
    claim: String,
    state: String,
}

async fn decide(
    tx: &Tx,
    viewer: &Viewer,
    id: ClaimId,
    state: ClaimState,
    note: Option<String>,
) -> Result<ClaimId> {
    let find = || Sql::new("SELECT endorsement_id, claim, state FROM claims WHERE id = ").bind(id);
    let missing = || Error::not_found("claim");
    let known: Standing = fetch_one(&**tx, find()).await?.ok_or_else(missing)?;
    let target = lock(tx, viewer, known.endorsement_id, "claim").await?;
    target.check_not_trashed("claim")?;
    // Read again under the lock: an update may have taken it out.
    let before: Standing = fetch_one(&**tx, find()).await?.ok_or_else(missing)?;
    let (kind, actor) = tx.op.actor.to_columns();
    let name = name_of(state)?;
    let set = [
        ("state", name.clone().into()),
        ("decided_by_kind", kind.into()),
        ("decided_by_id", actor.into()),
        ("decided_at", tx.op.at.into()),
        ("note", note.clone().into()),
    ];
    run(
        &**tx,
        Sql::update("claims", set).push(" WHERE id = ").bind(id),
    )
    .await?;
    tx.audit(Audit {
        brand: Some(target.brand),
        action: "decideClaim",
        subject: id.to_string(),
        contents: vec![target.id],
        changes: json!({ "claim": before.claim, "state": { "from": before.state, "to": name }, "note": note }),
    });
    announce(tx, "CONTENT_UPDATED", target.brand, target.kind, target.id);
    Ok(id)
}
