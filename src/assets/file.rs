//! Stored bytes in GraphQL.

use async_graphql::{Context, Object};

use super::grants::{self, GrantSubject};
use crate::contents::StoredFile;
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::scalars::{Int64, Json, Sha256, Url};
use crate::media::MetadataKey;

/// Stored bytes, addressed by their SHA-256. The same bytes are stored once.
pub(crate) struct File {
    file: StoredFile,
    subject: GrantSubject,
}

impl File {
    /// `subject` is what gives the viewer the right to them, and has been found visible.
    pub(crate) fn of(file: StoredFile, subject: GrantSubject) -> Self {
        Self { file, subject }
    }
}

#[Object]
impl File {
    /// The hash of the bytes. To know it is no right to them.
    async fn sha256(&self) -> Sha256 {
        Sha256(self.file.sha256.clone())
    }

    /// What its sender called it.
    async fn filename(&self) -> &str {
        &self.file.filename
    }

    /// What the bytes are, found in the bytes themselves: `image/png`.
    async fn media_type(&self) -> &str {
        &self.file.media_type
    }

    /// How many bytes there are.
    async fn bytes(&self) -> Int64 {
        Int64(self.file.bytes)
    }

    /// Pixels from left to right of the upright picture; null where there is none.
    async fn width(&self) -> Option<i32> {
        self.file.width
    }

    /// Pixels from top to bottom of the upright picture; null where there is none.
    async fn height(&self) -> Option<i32> {
        self.file.height
    }

    /// Playing time in milliseconds; null for what does not play.
    async fn duration_ms(&self) -> Option<i32> {
        self.file.duration_ms.and_then(|ms| i32::try_from(ms).ok())
    }

    /// Pages of a document; null where they are not known.
    async fn pages(&self) -> Option<i32> {
        self.file.pages
    }

    /// `sRGB`, `RGB` (with a profile of its own), `Gray`, `CMYK` or `Lab`; null where it is not known.
    async fn color_space(&self) -> Option<&str> {
        self.file.color_space.as_deref()
    }

    /// Whether the picture can be seen through, in parts; null where it is not known.
    async fn has_alpha(&self) -> Option<bool> {
        self.file.has_alpha
    }

    /// What the bytes say of themselves, as found: `exif`, `iptc`, `xmp` and the like, each a group of its own,
    /// and what was left out, as `notes`; they are there a moment after the bytes. Beside them `orientation`
    /// as EXIF counts it (1 to 8, 1 is upright) and `frames`, where they are known.
    async fn metadata(&self, ctx: &Context<'_>) -> GqlResult<Json> {
        let key = MetadataKey(self.file.sha256.clone());
        let mut all = ctx
            .loader()
            .load_one(key)
            .await
            .or_fail()?
            .unwrap_or_default();
        let known = [
            ("orientation", self.file.orientation),
            ("frames", self.file.frames),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                all.insert(name.to_owned(), value.into());
            }
        }
        Ok(Json(all.into()))
    }

    /// Where the bytes are, for you: good until the end of the hour, at least five minutes.
    async fn url(&self, ctx: &Context<'_>) -> Url {
        Url(grants::url(
            ctx.cx(),
            self.subject,
            &self.file.filename,
            false,
        ))
    }

    /// The same as `url`; a browser saves what is there instead of showing it.
    async fn download_url(&self, ctx: &Context<'_>) -> Url {
        Url(grants::url(
            ctx.cx(),
            self.subject,
            &self.file.filename,
            true,
        ))
    }
}
