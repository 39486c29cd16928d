//! Imports in GraphQL.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};

use super::loaders::ImportKey;
use super::model::{self, ImportKind, ImportState};
use super::service::{NewTable, import_file, stored_bytes};
use super::store::Progress;
use crate::catalog::graphql::Brand;
use crate::error::Result;
use crate::graphql::context::{Request, client_mutation_id, once};
use crate::graphql::error::{GqlResult, OrFail, payload, respond};
use crate::graphql::scalars::{DateTime, Sha256};
use crate::platform::ids::ImportId;

/// A table that is imported as a whole or not at all. Only the token that handed it in sees it.
pub(crate) struct Import {
    import: Arc<model::Import>,
    /// How far it is, where this instance is at it.
    progress: Option<Progress>,
}

impl Import {
    /// The import with this id, if it is the viewer's own.
    pub(crate) async fn find(ctx: &Context<'_>, id: ImportId) -> Result<Option<Self>> {
        // Before the row is read: what has ended meanwhile is told by the row.
        let progress = ctx.app().imports.of(id);
        let import = ctx.loader().load_one(ImportKey(id)).await?;
        Ok(import.map(|import| Self {
            progress: progress.filter(|_| import.ended_at.is_none()),
            import,
        }))
    }
}

fn count(n: i64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

#[Object]
impl Import {
    /// The import's id.
    pub(crate) async fn id(&self) -> ID {
        self.import.id.to_string().into()
    }

    /// Whose things they are.
    async fn brand(&self, ctx: &Context<'_>) -> GqlResult<Brand> {
        Brand::get(ctx, self.import.brand).await
    }

    /// What its rows are.
    async fn kind(&self) -> ImportKind {
        self.import.kind
    }

    /// What its sender calls the table.
    async fn filename(&self) -> &str {
        &self.import.filename
    }

    /// Whether it is only tried: then nothing is changed.
    async fn dry_run(&self) -> bool {
        self.import.dry_run
    }

    /// How far it has come.
    async fn state(&self) -> ImportState {
        self.progress
            .map_or(self.import.state, |progress| progress.state)
    }

    /// How many rows there are, once they have been counted; 0 before.
    async fn rows(&self) -> i32 {
        let rows = self
            .progress
            .map(|p| i64::try_from(p.rows).unwrap_or(i64::MAX));
        count(rows.unwrap_or(self.import.rows))
    }

    /// How many rows have been checked or, where they are written, written.
    async fn done(&self) -> i32 {
        let done = self
            .progress
            .map(|p| i64::try_from(p.done).unwrap_or(i64::MAX));
        count(done.unwrap_or(self.import.rows))
    }

    /// Rows that have made something.
    async fn created(&self) -> i32 {
        count(self.import.created)
    }

    /// Rows that have changed what their keys stand for.
    async fn updated(&self) -> i32 {
        count(self.import.updated)
    }

    /// Rows that say what is there.
    async fn unchanged(&self) -> i32 {
        count(self.import.unchanged)
    }

    /// How many mistakes there are. One is enough for nothing to be changed.
    async fn error_count(&self) -> i32 {
        count(self.import.error_count)
    }

    /// The first 100 of them, by line.
    async fn errors(&self) -> Vec<ImportError> {
        self.import
            .errors
            .iter()
            .cloned()
            .map(ImportError)
            .collect()
    }

    /// When it was handed in.
    async fn created_at(&self) -> DateTime {
        DateTime(self.import.created_at)
    }

    /// When it ended; null: not yet.
    async fn ended_at(&self) -> Option<DateTime> {
        self.import.ended_at.map(DateTime)
    }
}

/// A mistake in a table.
pub(crate) struct ImportError(model::RowError);

#[Object]
impl ImportError {
    /// The line of the file at which the row begins; 1 is the header's.
    async fn line(&self) -> i32 {
        count(self.0.line)
    }

    /// The name of the column; null where it is about the whole row.
    async fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// What to do.
    async fn message(&self) -> &str {
        &self.0.message
    }
}

/// Which table is imported, and what its rows are.
#[derive(InputObject)]
pub(crate) struct ImportFileInput {
    /// Whose things they are: id or slug.
    brand: ID,
    /// What its rows are.
    kind: ImportKind,
    /// A finished upload of yours, made with `filetype text/csv` in `Upload-Metadata`: the last part of its
    /// address under `/uploads`. It may be imported several times until it expires.
    upload: ID,
    /// Whether it is only tried.
    dry_run: Option<bool>,
    /// A key of your own: a repeated call with it changes nothing and answers the same.
    client_mutation_id: Option<String>,
}

payload! {
    /// What was handed in.
    ImportFilePayload {
        /// The import, which waits for its turn.
        import: Option<Import>
    }
}

/// Questions of those who import.
#[derive(Default)]
pub(crate) struct ImportsQuery;

#[Object]
impl ImportsQuery {
    /// Which of these bytes need not be uploaded for a table of assets of a brand: those that you have stored
    /// before, your finished uploads, and what the brand's assets hold. For at most 250.
    async fn stored_bytes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose assets they are to be: id or slug.")] brand: ID,
        #[graphql(desc = "The hashes of the bytes.")] sha256: Vec<Sha256>,
    ) -> GqlResult<Vec<Sha256>> {
        let hashes = sha256.into_iter().map(|sha256| sha256.0).collect();
        let found = stored_bytes(ctx.cx(), &brand, &hashes).await.or_fail()?;
        Ok(found.into_iter().map(Sha256).collect())
    }
}

/// Mutations of imports.
#[derive(Default)]
pub(crate) struct ImportsMutation;

#[Object]
impl ImportsMutation {
    /// Hands in a table, to be imported as a whole or not at all. Ask for the import by its id until it has
    /// ended.
    async fn import_file(
        &self,
        ctx: &Context<'_>,
        input: ImportFileInput,
    ) -> GqlResult<ImportFilePayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                let table = NewTable {
                    brand: input.brand,
                    kind: input.kind,
                    upload: input.upload,
                    dry_run: input.dry_run.unwrap_or(false),
                };
                import_file(&cx, table).await
            })
            .await?;
            Import::find(ctx, id).await
        };
        respond(key, made.await, |made, payload: &mut ImportFilePayload| {
            payload.import = made;
        })
    }
}
