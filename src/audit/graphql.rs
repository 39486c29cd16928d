//! The audit log in GraphQL.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::loaders::{AuditEntryKey, HistoryCountKey, HistoryKey};
use super::model::{self, Seal};
use super::{count_log, list_log};
use crate::accounts::graphql::Actor;
use crate::error::Result;
use crate::graphql::connection::{Connection, PageArgs, Total, connection};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::node::{self, Node};
use crate::graphql::scalars::{DateTime, Int64, Json, Sha256};
use crate::platform::db::{KeyPart, Page};
use crate::platform::ids::{AuditEntryId, ContentId};

/// One change, in the hash chain of its brand (or of the instance). Its hash is the SHA-256 of
/// `previousHash` and the entry in canonical JSON (RFC 8785): `action`, `actor` (the token's id, or
/// `system`), `at`, `brand` (its id or null), `changes`, `id` and `subject` (its id).
pub(crate) struct AuditEntry(pub(crate) Arc<model::Entry>);

#[Object]
impl AuditEntry {
    /// The entry's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }

    /// Who did it.
    async fn actor(&self, ctx: &Context<'_>) -> GqlResult<Actor> {
        Actor::of(ctx, self.0.actor).await.or_fail()
    }

    /// The mutation's name, such as `createLease`.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// What was changed; null where you cannot see it.
    async fn subject(&self, ctx: &Context<'_>) -> GqlResult<Option<Node>> {
        node::find(ctx, &self.0.subject).await.or_fail()
    }

    /// What it was changed to, by field.
    async fn changes(&self) -> Json {
        Json(self.0.changes.clone())
    }

    /// Its place in its chain: 1, 2, 3 …; null for the moment until the log is sealed up to it.
    async fn sequence(&self) -> Option<Int64> {
        self.seal().map(|s| Int64(s.sequence))
    }

    /// The hash of the entry before it in its chain; 64 zeros before the first; null until it is sealed.
    async fn previous_hash(&self) -> Option<Sha256> {
        self.seal().map(|s| Sha256(s.previous_hash.clone()))
    }

    /// Its hash; null until it is sealed.
    async fn hash(&self) -> Option<Sha256> {
        self.seal().map(|s| Sha256(s.hash.clone()))
    }
}

impl AuditEntry {
    fn seal(&self) -> Option<&Seal> {
        self.0.seal.as_ref()
    }

    /// The entry with this id, if the viewer may read the log that it is in.
    pub(crate) async fn find(ctx: &Context<'_>, id: AuditEntryId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(AuditEntryKey(id)).await?.map(Self))
    }
}

#[derive(Default)]
pub(crate) struct AuditQuery;

#[Object]
impl AuditQuery {
    /// Every change in the brands that you reach, the newest first; those of the instance itself only if
    /// you reach all brands.
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100; 20 unless given.")] first: Option<i32>,
        #[graphql(desc = "Those after this cursor.")] after: Option<String>,
    ) -> GqlResult<Connection<AuditEntry>> {
        log(ctx, &PageArgs::forward(first, after)).await.or_fail()
    }
}

fn key(id: AuditEntryId) -> Vec<KeyPart> {
    vec![KeyPart::Id(id.0)]
}

async fn log(ctx: &Context<'_>, args: &PageArgs) -> Result<Connection<AuditEntry>> {
    const SCOPE: &str = "auditLog";
    let cx = ctx.cx();
    let request = args.open(&cx.app, SCOPE, 1)?;
    let page = list_log(cx, &request).await?;
    let counted = cx.clone();
    let total = Total::counted(move || {
        let cx = counted.clone();
        async move { count_log(&cx).await }
    });
    Ok(connection(
        &cx.app,
        SCOPE,
        page,
        total,
        |e| key(e.id),
        |e| AuditEntry(Arc::new(e)),
    ))
}

/// What was done to a content that the viewer sees, the newest first.
pub(crate) async fn history(
    ctx: &Context<'_>,
    content: ContentId,
    args: &PageArgs,
) -> Result<Connection<AuditEntry>> {
    let app = ctx.app();
    let scope = format!("history:{content}");
    let request = args.open(app, &scope, 1)?;
    let after = match request.after.as_deref() {
        Some([KeyPart::Id(id)]) => Some(AuditEntryId(*id)),
        _ => None,
    };
    let wanted = HistoryKey {
        content,
        limit: request.limit + 1,
        after,
    };
    let entries = ctx.loader().load_one(wanted).await?.unwrap_or_default();
    let page = Page::from_rows(entries.to_vec(), &request);
    // Counted by a loader, so that it is one statement for all contents of a page.
    let total = if ctx.look_ahead().field("totalCount").exists() {
        let count = ctx
            .loader()
            .load_one(HistoryCountKey(content))
            .await?
            .unwrap_or(0);
        Total::known(usize::try_from(count).unwrap_or(0))
    } else {
        Total::known(0)
    };
    Ok(connection(
        app,
        &scope,
        page,
        total,
        |e| key(e.id),
        AuditEntry,
    ))
}
