//! Grants: signed, expiring rights to immutable bytes, as they stand in the addresses of files.
//!
//! A grant names what the bytes belong to and who may have them, never the bytes alone: two contents with
//! different leases may share bytes. It is no answer of its own: whoever serves under it asks again
//! whether the token still lives, or the gate still lets it out.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::de::Visitor;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::accounts::{OpContext, Reach, Viewer};
use crate::contents::StoredFile;
use crate::error::Result;
use crate::platform::clock::Timestamp;
use crate::platform::db::{Sql, fetch_one};
use crate::platform::ids::{
    BrandId, CaptureId, ChannelId, ContentId, EvidenceId, LeaseId, ReviewId, TokenId, VersionId,
};
use crate::platform::op::Actor;
use crate::platform::seal::Sealer;

/// Keeps grants apart from everything else that is sealed.
const PURPOSE: &str = "grant";
const HOUR_MS: i64 = 3_600_000;
/// What a grant is good for at least.
const LEAST_MS: i64 = 300_000;

/// A right to the bytes of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub subject: GrantSubject,
    pub viewer: GrantViewer,
    /// Not good from here on.
    pub expires_at: Timestamp,
}

/// What the bytes belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrantSubject {
    /// An asset's version: its file.
    Version(VersionId),
    /// The captured page, or the file, of a piece of evidence.
    Evidence(EvidenceId),
    /// A page as it stood once.
    Capture(CaptureId),
    /// The text of such a page.
    CaptureText(CaptureId),
    /// The document of a lease.
    Lease(LeaseId),
    /// The document that came with a review.
    Review(ReviewId),
}

/// Who may have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GrantViewer {
    /// The bearer of a token with READ: good while the token lives and reaches the brand.
    Internal(TokenId),
    /// Anybody, while the gate lets it out on one of these channels, or on one under them.
    Public(Vec<ChannelId>),
}

/// A grant as it is sealed: kind and id of the subject, seconds of the end, and a token or channels.
#[derive(Serialize, Deserialize)]
struct Packed(char, Short, i64, PackedViewer);

/// Who may have the bytes, as it is sealed.
#[derive(Serialize, Deserialize)]
pub(crate) enum PackedViewer {
    #[serde(rename = "t")]
    Token(Short),
    #[serde(rename = "c")]
    Channels(Vec<Short>),
}

/// An id in 22 characters.
pub(crate) struct Short(pub(crate) Uuid);

impl Serialize for Short {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ShortText)
    }
}

/// Reads an id where it lies: every file that is asked for has two or three.
struct ShortText;

impl Visitor<'_> for ShortText {
    type Value = Short;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id in 22 characters")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Short, E> {
        // As much as so many characters may stand for.
        let mut bytes = [0; 18];
        let read = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes);
        let id = bytes.get(..read.map_err(E::custom)?).unwrap_or_default();
        Uuid::from_slice(id).map(Short).map_err(E::custom)
    }
}

impl Grant {
    /// A right for this viewer from now to [`end`].
    #[must_use]
    pub(crate) fn new(viewer: &Viewer, subject: GrantSubject, at: Timestamp) -> Self {
        Self {
            subject,
            viewer: GrantViewer::of(viewer),
            expires_at: end(at),
        }
    }

    /// Whether its time has not run out.
    #[must_use]
    pub(crate) fn lives(&self, at: Timestamp) -> bool {
        at < self.expires_at
    }

    fn seal(&self, sealer: &Sealer) -> String {
        let (kind, id) = match self.subject {
            GrantSubject::Version(id) => ('v', id.0),
            GrantSubject::Evidence(id) => ('e', id.0),
            GrantSubject::Capture(id) => ('p', id.0),
            GrantSubject::CaptureText(id) => ('t', id.0),
            GrantSubject::Lease(id) => ('l', id.0),
            GrantSubject::Review(id) => ('r', id.0),
        };
        let viewer = self.viewer.packed();
        sealer.seal(
            PURPOSE,
            &Packed(kind, Short(id), self.expires_at.0 / 1000, viewer),
        )
    }
}

impl GrantViewer {
    /// The server itself has no token to be asked for again: its grants open nothing. Nor do those of a
    /// public viewer without channels.
    pub(crate) fn of(viewer: &Viewer) -> Self {
        if viewer.is_public() {
            return Self::Public(match &viewer.channels {
                Reach::All => Vec::new(),
                Reach::Only(channels) => channels.iter().copied().collect(),
            });
        }
        match viewer.actor {
            Actor::Token(id) => Self::Internal(id),
            Actor::System => Self::Internal(TokenId(Uuid::nil())),
        }
    }
}

/// When a right that is given now ends: with the hour, so that an address stays the same within it; after
/// five minutes at least.
#[must_use]
pub(crate) fn end(at: Timestamp) -> Timestamp {
    Timestamp((at.0 + LEAST_MS).div_euclid(HOUR_MS) * HOUR_MS + HOUR_MS)
}

impl GrantViewer {
    pub(crate) fn packed(&self) -> PackedViewer {
        match self {
            Self::Internal(token) => PackedViewer::Token(Short(token.0)),
            Self::Public(channels) => {
                PackedViewer::Channels(channels.iter().map(|c| Short(c.0)).collect())
            }
        }
    }
}

impl From<PackedViewer> for GrantViewer {
    fn from(viewer: PackedViewer) -> Self {
        match viewer {
            PackedViewer::Token(Short(id)) => Self::Internal(TokenId(id)),
            PackedViewer::Channels(ids) => {
                Self::Public(ids.into_iter().map(|Short(id)| ChannelId(id)).collect())
            }
        }
    }
}

/// The grant that was sealed here, whether or not its time has run out (see [`Grant::lives`]).
#[must_use]
pub(crate) fn open(sealer: &Sealer, text: &str) -> Option<Grant> {
    let Packed(kind, Short(id), seconds, viewer) = sealer.open(PURPOSE, text).ok()?;
    let subject = match kind {
        'v' => GrantSubject::Version(VersionId(id)),
        'e' => GrantSubject::Evidence(EvidenceId(id)),
        'p' => GrantSubject::Capture(CaptureId(id)),
        't' => GrantSubject::CaptureText(CaptureId(id)),
        'l' => GrantSubject::Lease(LeaseId(id)),
        'r' => GrantSubject::Review(ReviewId(id)),
        _ => return None,
    };
    Some(Grant {
        subject,
        viewer: viewer.into(),
        expires_at: Timestamp(seconds * 1000),
    })
}

/// The address under which this viewer gets the bytes of `subject` for the rest of the hour.
#[must_use]
pub(crate) fn url(cx: &OpContext, subject: GrantSubject, filename: &str, download: bool) -> String {
    let grant = Grant::new(&cx.viewer, subject, cx.at()).seal(&cx.app.sealer);
    let base = cx.app.config.content_url();
    let query = if download { "?download=1" } else { "" };
    format!("{base}/files/{grant}/{}{query}", path_segment(filename))
}

/// A text as one segment of a path. `.` and `..` would be taken for steps, however they are spelt.
fn path_segment(text: &str) -> String {
    if matches!(text, "." | "..") {
        return "file".to_owned();
    }
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            segment.push(char::from(byte));
        } else {
            segment.push('%');
            segment.push_str(&hex::encode_upper([byte]));
        }
    }
    segment
}

/// The bytes that a grant is for.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub(crate) struct GrantedFile {
    pub sha256: String,
    pub store_key: String,
    pub media_type: String,
    pub bytes: i64,
    /// Since when its object is known not to have these bytes.
    pub wrong_since: Option<Timestamp>,
    pub filename: String,
    /// The content whose bytes, or whose proof, they are; none for a lease's document.
    #[sea_orm(from_alias = "content_id")]
    pub content: Option<ContentId>,
    #[sea_orm(from_alias = "brand_id")]
    pub brand: BrandId,
}

/// What a subject's bytes are and whose; none if it has none. Whether they may be served is the caller's
/// to ask.
pub(crate) async fn resolve(
    db: &impl ConnectionTrait,
    subject: &GrantSubject,
) -> Result<Option<GrantedFile>> {
    const FILE: &str = "f.sha256, f.store_key, f.media_type, f.bytes, f.wrong_since";
    let sql = Sql::new("SELECT ").push(FILE);
    let sql = match subject {
        GrantSubject::Version(id) => sql
            .push(
                ", o.filename, c.id AS content_id, c.brand_id FROM asset_versions o
                 JOIN versions v ON v.id = o.version_id JOIN contents c ON c.id = v.content_id
                 JOIN files f ON f.sha256 = o.sha256 WHERE o.version_id = ",
            )
            .bind(*id),
        GrantSubject::Evidence(id) => sql
            .push(
                ", coalesce(o.filename, 'evidence') AS filename, c.id AS content_id, c.brand_id
                 FROM evidence o JOIN contents c ON c.id = o.endorsement_id
                 JOIN files f ON f.sha256 = o.sha256 WHERE o.id = ",
            )
            .bind(*id),
        GrantSubject::Capture(id) => sql
            .push(
                ", coalesce(i.filename, 'page') AS filename, c.id AS content_id, c.brand_id
                 FROM page_captures o JOIN evidence i ON i.id = o.evidence_id
                 JOIN contents c ON c.id = i.endorsement_id JOIN files f ON f.sha256 = o.sha256 WHERE o.id = ",
            )
            .bind(*id),
        GrantSubject::CaptureText(id) => sql
            .push(
                ", coalesce(i.filename, 'page') AS filename, c.id AS content_id, c.brand_id
                 FROM page_captures o JOIN evidence i ON i.id = o.evidence_id
                 JOIN contents c ON c.id = i.endorsement_id JOIN files f ON f.sha256 = o.extract_sha256
                 WHERE o.id = ",
            )
            .bind(*id),
        GrantSubject::Lease(id) => sql
            .push(
                ", o.document_filename AS filename, CAST(NULL AS uuid) AS content_id, o.brand_id
                 FROM leases o JOIN files f ON f.sha256 = o.document_sha256 WHERE o.id = ",
            )
            .bind(*id),
        GrantSubject::Review(id) => sql
            .push(
                ", o.document_filename AS filename, c.id AS content_id, c.brand_id FROM reviews o
                 JOIN versions v ON v.id = o.version_id JOIN contents c ON c.id = v.content_id
                 JOIN files f ON f.sha256 = o.document_sha256 WHERE o.id = ",
            )
            .bind(*id),
    };
    let mut found: Option<GrantedFile> = fetch_one(db, sql).await?;
    if let (Some(text), GrantSubject::CaptureText(_)) = (&mut found, subject) {
        text.filename = StoredFile::text_name(&text.filename);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(at: i64) -> Grant {
        let viewer = Viewer {
            actor: Actor::Token(TokenId(Uuid::from_u128(7))),
            ..Viewer::system()
        };
        Grant::new(
            &viewer,
            GrantSubject::Version(VersionId(Uuid::from_u128(9))),
            Timestamp(at),
        )
    }

    #[test]
    fn a_grant_survives_the_round_trip_and_nothing_else_opens() {
        let sealer = Sealer::new(vec![vec![1; 32]]);
        let channels =
            GrantViewer::Public(vec![ChannelId(Uuid::from_u128(3)), ChannelId(Uuid::max())]);
        let id = Uuid::from_u128(1 << 100);
        for grant in [
            grant(1_000),
            Grant {
                viewer: channels,
                subject: GrantSubject::Evidence(EvidenceId(id)),
                ..grant(0)
            },
            Grant {
                viewer: GrantViewer::Public(Vec::new()),
                ..grant(0)
            },
            Grant {
                subject: GrantSubject::Capture(CaptureId(id)),
                ..grant(0)
            },
            Grant {
                subject: GrantSubject::CaptureText(CaptureId(id)),
                ..grant(0)
            },
            Grant {
                subject: GrantSubject::Lease(LeaseId(id)),
                ..grant(0)
            },
            Grant {
                subject: GrantSubject::Review(ReviewId(id)),
                ..grant(0)
            },
        ] {
            let text = grant.seal(&sealer);
            assert_eq!(open(&sealer, &text), Some(grant));
            assert_eq!(open(&Sealer::new(vec![vec![2; 32]]), &text), None);
        }
        assert_eq!(open(&sealer, &sealer.seal("cursor", &("v", 1))), None);
        assert_eq!(open(&sealer, "junk"), None);
    }

    #[test]
    fn a_grant_ends_with_the_hour_and_lasts_five_minutes() {
        let minute = 60_000;
        for (at, end) in [
            (0, 60),
            (54 * minute, 60),
            (55 * minute, 120),
            (59 * minute, 120),
            (60 * minute, 120),
        ] {
            let grant = grant(at);
            assert_eq!(grant.expires_at, Timestamp(end * minute), "{at}");
            assert!(grant.lives(Timestamp(at)) && !grant.lives(grant.expires_at));
        }
    }

    #[test]
    fn a_file_name_is_one_segment() {
        for (name, segment) in [
            ("a b.png", "a%20b.png"),
            ("../x?y#z", "..%2Fx%3Fy%23z"),
            ("最.pdf", "%E6%9C%80.pdf"),
            ("..", "file"),
            ("100%", "100%25"),
        ] {
            assert_eq!(path_segment(name), segment);
        }
    }
}
