//! What every service takes first: the application, who asks, and the operation.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::model::Viewer;
use crate::app::App;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::Tx;
use crate::platform::op::{Idempotency, Op};

/// One operation: the application, the viewer, and the instant at which it takes place.
#[derive(Clone)]
pub struct OpContext {
    pub app: Arc<App>,
    pub viewer: Arc<Viewer>,
    pub op: Op,
    /// The revision of the channel tree when the request began, where it is known already.
    pub channels_revision: Option<i64>,
}

impl OpContext {
    #[must_use]
    pub fn new(app: &Arc<App>, viewer: Arc<Viewer>, request_id: String) -> Self {
        let op = Op {
            actor: viewer.actor,
            at: app.clock.now(),
            ids: app.ids.clone(),
            request_id,
            idempotency: None,
        };
        Self {
            app: Arc::clone(app),
            viewer,
            op,
            channels_revision: None,
        }
    }

    /// The same operation, knowing the revision of the channel tree.
    #[must_use]
    pub fn with_channels_revision(mut self, revision: Option<i64>) -> Self {
        self.channels_revision = revision;
        self
    }

    /// The server acting for itself.
    #[must_use]
    pub fn system(app: &Arc<App>) -> Self {
        Self::new(app, Arc::new(Viewer::system()), "system".to_owned())
    }

    /// The same operation under an idempotency key.
    #[must_use]
    pub fn with_idempotency(mut self, idempotency: Option<Idempotency>) -> Self {
        self.op.idempotency = idempotency;
        self
    }

    /// The instant at which this operation takes place.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.op.at
    }

    /// Runs one mutation in one transaction; see [`crate::platform::db::Db::write`].
    pub async fn write<I, T, F>(&self, input: I, body: F) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: for<'t> Fn(&'t Tx, &'t I) -> BoxFuture<'t, Result<T>> + Send + Sync + 'static,
    {
        self.app.db.write(&self.op, input, body).await
    }
}
