//! Typed ids: a type prefix and a `UUIDv7` in base32, such as `asset_01jd3v9k5qf2n8r0m4y7x6w1zb`.
//!
//! In the database an id is its UUID; the prefix exists at the edge only. Holding another slice's id
//! is no dependency on that slice, which is why all of them stand here.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::DeriveValueType;
use uuid::{ContextV7, Uuid};

use crate::platform::clock::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in base32.
const ENCODED_LEN: usize = 26;

/// A text that is not an id of the wanted type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this type")]
pub struct NotAnId;

/// Writes `uuid` as a TypeID with this prefix.
#[must_use]
pub fn encode(prefix: &str, uuid: Uuid) -> String {
    let bits = uuid.as_u128();
    let mut text = String::with_capacity(prefix.len() + 1 + ENCODED_LEN);
    text.push_str(prefix);
    text.push('_');
    for place in (0..ENCODED_LEN).rev() {
        let digit = usize::try_from((bits >> (5 * place)) & 31).unwrap_or(0);
        text.push(char::from(ALPHABET[digit]));
    }
    text
}

/// Splits a TypeID into its prefix and UUID.
pub fn decode(text: &str) -> Result<(&str, Uuid), NotAnId> {
    let (prefix, digits) = text.rsplit_once('_').ok_or(NotAnId)?;
    if prefix.is_empty() || digits.len() != ENCODED_LEN || digits.as_bytes()[0] > b'7' {
        return Err(NotAnId);
    }
    let mut bits: u128 = 0;
    for byte in digits.bytes() {
        let digit = ALPHABET.iter().position(|&b| b == byte).ok_or(NotAnId)?;
        bits = (bits << 5) | digit as u128;
    }
    Ok((prefix, Uuid::from_u128(bits)))
}

/// Whether a text has the form of a TypeID. Slugs and SKUs may not, so that `channel: ID` can take both.
#[must_use]
pub fn looks_like_id(text: &str) -> bool {
    decode(text).is_ok()
}

/// What every typed id can do.
pub trait TypedId: Copy + fmt::Display + FromStr<Err = NotAnId> + Send + Sync + 'static {
    /// The type prefix, as it stands before the underscore.
    const PREFIX: &'static str;
    fn uuid(self) -> Uuid;
    fn from_uuid(uuid: Uuid) -> Self;
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
        pub struct $name(pub Uuid);

        impl TypedId for $name {
            const PREFIX: &'static str = $prefix;
            fn uuid(self) -> Uuid { self.0 }
            fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
        }

        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode($prefix, self.0))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                match decode(text)? {
                    ($prefix, uuid) => Ok(Self(uuid)),
                    _ => Err(NotAnId),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

typed_id! {
    BrandId = "brand";
    ProductId = "product";
    OutletId = "outlet";
    AudienceId = "audience";
    ChannelId = "channel";
    /// A content of kind asset, seen as one. The same UUID as its [`ContentId`].
    AssetId = "asset";
    /// A content of kind endorsement, seen as one. The same UUID as its [`ContentId`].
    EndorsementId = "endorsement";
    /// An asset or an endorsement. Never shown: outside, the content's kind gives the prefix.
    ContentId = "content";
    VersionId = "version";
    EvidenceId = "evidence";
    /// A page as it was kept. Never shown.
    CaptureId = "capture";
    ClaimId = "claim";
    ReviewId = "review";
    LeaseId = "lease";
    PlacementId = "placement";
    RequestId = "request";
    TokenId = "token";
    AuditEntryId = "audit";
    EventId = "event";
    UploadId = "upload";
    SightingId = "sighting";
    ImportId = "import";
}

impl From<AssetId> for ContentId {
    fn from(id: AssetId) -> Self {
        Self(id.0)
    }
}

impl From<EndorsementId> for ContentId {
    fn from(id: EndorsementId) -> Self {
        Self(id.0)
    }
}

/// Makes new ids: ordered by time, and within one process strictly increasing.
#[derive(Clone, Default)]
pub struct Ids(Arc<Mutex<ContextV7>>);

impl Ids {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new id, stamped with `at`.
    #[must_use]
    pub fn make<I: TypedId>(&self, at: Timestamp) -> I {
        I::from_uuid(self.uuid(at))
    }

    /// A new `UUIDv7`, stamped with `at`.
    #[must_use]
    pub fn uuid(&self, at: Timestamp) -> Uuid {
        let ms = u64::try_from(at.0).unwrap_or(0);
        let nanos = u32::try_from(ms % 1000).unwrap_or(0) * 1_000_000;
        // Only the count needs the lock: the random bytes are drawn beside others.
        let counted = {
            let context = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            uuid::Timestamp::from_unix(&*context, ms / 1000, nanos)
        };
        Uuid::new_v7(counted)
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_the_round_trip() {
        let ids = Ids::new();
        for _ in 0..100 {
            let id: AssetId = ids.make(Timestamp(1_732_000_000_000));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        assert_eq!(encode("x", Uuid::nil()), format!("x_{}", "0".repeat(26)));
        assert_eq!(encode("x", Uuid::max()), format!("x_7{}", "z".repeat(25)));
    }

    #[test]
    fn ids_of_one_instant_increase() {
        let ids = Ids::new();
        let made: Vec<Uuid> = (0..1000).map(|_| ids.uuid(Timestamp(5))).collect();
        assert!(made.is_sorted() && made.windows(2).all(|w| w[0] != w[1]));
    }

    #[test]
    fn other_types_and_junk_are_no_ids() {
        let brand = encode("brand", Uuid::nil());
        assert!(brand.parse::<AssetId>().is_err());
        let zs = format!("asset_{}", "z".repeat(26));
        for junk in [
            "",
            "_",
            "asset_",
            "asset",
            zs.as_str(),
            "ässet_0",
            "asset_0000000000000000000000000é",
        ] {
            assert!(junk.parse::<AssetId>().is_err(), "{junk}");
        }
    }
}
