//! Scopes, reach, and the viewer.

use std::collections::BTreeSet;

use async_graphql::Enum;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::platform::clock::Timestamp;
use crate::platform::ids::{BrandId, ChannelId, TokenId};
use crate::platform::op::Actor;

/// What a token may do.
///
/// WRITE and REVIEW include READ (what one may change one may see), READ includes READ_PUBLIC, and ADMIN
/// includes everything. USAGE_WRITE stands alone.
#[derive(
    Enum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scope {
    /// Only what the gate lets out now, in the token's channels, and of that nothing internal. Such a
    /// token must name its channels.
    ReadPublic,
    /// Everything of the token's brands.
    Read,
    /// Make and change content, leases and placements.
    Write,
    /// Decide versions and claims.
    Review,
    /// Record usage events and sightings, and sync placements.
    UsageWrite,
    /// All of it, and channels, brands, outlets and tokens.
    Admin,
}

impl Scope {
    /// Whether holding this scope gives `wanted`.
    #[must_use]
    pub fn includes(self, wanted: Self) -> bool {
        self == wanted
            || match self {
                Self::Admin => true,
                Self::Write | Self::Review => matches!(wanted, Self::Read | Self::ReadPublic),
                Self::Read => wanted == Self::ReadPublic,
                Self::ReadPublic | Self::UsageWrite => false,
            }
    }

    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadPublic => "READ_PUBLIC",
            Self::Read => "READ",
            Self::Write => "WRITE",
            Self::Review => "REVIEW",
            Self::UsageWrite => "USAGE_WRITE",
            Self::Admin => "ADMIN",
        }
    }
}

/// How far a right reaches: everything there is and will be, or what is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach<I> {
    All,
    Only(BTreeSet<I>),
}

impl<I: Ord> Reach<I> {
    #[must_use]
    pub fn contains(&self, id: &I) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(id),
        }
    }

    /// Whether everything in `other` is in this too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(mine), Self::Only(theirs)) => theirs.is_subset(mine),
        }
    }
}

/// An access token, without its secret: that is shown once and kept as a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    pub brands: Reach<BrandId>,
    /// Channels, each with those under it.
    pub channels: Reach<ChannelId>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

impl Token {
    /// Whether it lets anybody in at `at`: neither revoked nor expired.
    #[must_use]
    pub fn lives(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| at < end)
    }
}

/// Who asks, and what that one may do and see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub actor: Actor,
    pub scopes: BTreeSet<Scope>,
    pub brands: Reach<BrandId>,
    pub channels: Reach<ChannelId>,
}

impl Viewer {
    /// The server itself, or its operator at the command line.
    #[must_use]
    pub fn system() -> Self {
        Self {
            actor: Actor::System,
            scopes: BTreeSet::from([Scope::Admin]),
            brands: Reach::All,
            channels: Reach::All,
        }
    }

    /// The bearer of a token.
    #[must_use]
    pub fn bearer(token: &Token) -> Self {
        Self {
            actor: Actor::Token(token.id),
            scopes: token.scopes.clone(),
            brands: token.brands.clone(),
            channels: token.channels.clone(),
        }
    }

    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|held| held.includes(scope))
    }

    /// FORBIDDEN unless the viewer has the scope.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.may(scope) {
            Ok(())
        } else {
            Err(Error::Forbidden(format!(
                "This needs a token with the scope {}.",
                scope.name()
            )))
        }
    }

    /// Whether this viewer sees only what is out now (READ_PUBLIC without READ).
    #[must_use]
    pub fn is_public(&self) -> bool {
        !self.may(Scope::Read)
    }

    #[must_use]
    pub fn sees_brand(&self, brand: BrandId) -> bool {
        self.brands.contains(&brand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_include_what_they_say() {
        use Scope::*;
        let all = [ReadPublic, Read, Write, Review, UsageWrite, Admin];
        let table = [
            (ReadPublic, vec![ReadPublic]),
            (Read, vec![ReadPublic, Read]),
            (Write, vec![ReadPublic, Read, Write]),
            (Review, vec![ReadPublic, Read, Review]),
            (UsageWrite, vec![UsageWrite]),
            (Admin, all.to_vec()),
        ];
        for (held, gives) in table {
            for wanted in all {
                assert_eq!(
                    held.includes(wanted),
                    gives.contains(&wanted),
                    "{held:?} {wanted:?}"
                );
            }
        }
    }

    #[test]
    fn reach_covers_only_what_it_has() {
        let some = Reach::Only(BTreeSet::from([1, 2]));
        assert!(Reach::All.covers(&some) && !some.covers(&Reach::All));
        assert!(some.covers(&Reach::Only(BTreeSet::from([2]))));
        assert!(!some.covers(&Reach::Only(BTreeSet::from([3]))));
    }
}
