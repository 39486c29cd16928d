//! The `Upload` scalar: a nonce that only the multipart handler puts into the variables.
//!
//! The bytes are in the store before the operation runs; the nonce leads to them. A text that no part of
//! this request stands behind is no upload, whoever wrote it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use crate::app::App;
use crate::assets::{self, StoredUpload};
use crate::platform::ids::UploadId;
use crate::uploads;

/// A file of this multipart request (graphql-multipart-request-spec), up to 32 MiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upload(pub(crate) String);

#[Scalar]
impl ScalarType for Upload {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(nonce) => Ok(Self(nonce)),
            _ => Err(InputValueError::custom(
                "Send the file as a part of a multipart request (graphql-multipart-request-spec).",
            )),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// What came with this request, by nonce, and what was sent before and is used by it.
#[derive(Clone, Default)]
pub(crate) struct Uploads {
    sent: Arc<HashMap<String, Arc<StoredUpload>>>,
    used: Arc<Mutex<Vec<UploadId>>>,
}

impl Uploads {
    pub(crate) fn new(uploads: HashMap<String, Arc<StoredUpload>>) -> Self {
        Self {
            sent: Arc::new(uploads),
            used: Arc::default(),
        }
    }

    pub(crate) fn get(&self, upload: &Upload) -> Option<Arc<StoredUpload>> {
        self.sent.get(&upload.0).cloned()
    }

    /// Notes that a finished upload is about to be used.
    pub(crate) fn note_use_of(&self, id: UploadId) {
        self.used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(id);
    }

    /// The hash of the upload with this nonce.
    pub(crate) fn sha256(&self, nonce: &str) -> Option<&str> {
        self.sent.get(nonce).map(|u| u.sha256.as_str())
    }

    /// Removes from the store what this request, which is over, has brought and nothing refers to.
    pub(crate) async fn tidy(&self, app: &Arc<App>) {
        let sent: Vec<_> = self.sent.values().cloned().collect();
        assets::discard_unclaimed(app, &sent).await;
        let used = self
            .used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        uploads::discard_duplicates(app, &used).await;
    }
}
