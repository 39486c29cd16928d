//! The `Upload` scalar: a nonce that only the multipart handler puts into the variables.
//!
//! The bytes are in the store before the operation runs; the nonce leads to them. A text that no part of
//! this request stands behind is no upload, whoever wrote it.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use crate::assets::StoredUpload;

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

/// What came with this request, by nonce.
#[derive(Clone, Default)]
pub(crate) struct Uploads(Arc<HashMap<String, Arc<StoredUpload>>>);

impl Uploads {
    pub(crate) fn new(uploads: HashMap<String, Arc<StoredUpload>>) -> Self {
        Self(Arc::new(uploads))
    }

    pub(crate) fn get(&self, upload: &Upload) -> Option<Arc<StoredUpload>> {
        self.0.get(&upload.0).cloned()
    }

    /// All that came.
    pub(crate) fn all(&self) -> Vec<Arc<StoredUpload>> {
        self.0.values().cloned().collect()
    }

    /// The hash of the upload with this nonce.
    pub(crate) fn sha256(&self, nonce: &str) -> Option<&str> {
        self.0.get(nonce).map(|u| u.sha256.as_str())
    }
}
