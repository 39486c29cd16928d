//! Addresses at which a bucket itself hands out an object, to whoever has them, for a while.

use std::time::Duration;

use object_store::signer::{Method, SignedUrlOptions, Signer};
use url::Url;

use super::{Blobs, Place};
use crate::error::Result;

impl Blobs {
    /// An address that answers GET for so many whole seconds from now on, by the machine's clock; none where
    /// objects have none, in a folder. `answer` is what the bucket shall say of the bytes: names and values of
    /// its parameters `response-…`, which are signed like the rest. Nothing takes such an address back.
    pub async fn signed_url(
        &self,
        key: &str,
        life: Duration,
        answer: [(&str, &str); 3],
    ) -> Result<Option<Url>> {
        let Place::Bucket(store) = &self.place else {
            return Ok(None);
        };
        let options = SignedUrlOptions::default().with_query(answer);
        let path = self.path(key);
        let url = store.signed_url_opts(Method::GET, &path, life, &options);
        Ok(Some(url.await?))
    }
}
