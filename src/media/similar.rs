//! Which assets look alike: those whose pictures' hashes differ in few bits.
//!
//! A hash of 64 bits has four parts of 16. Of two hashes that differ in at most [`MOST_APART`] bits, one part
//! differs in at most one bit: so 68 values, looked up in the parts' indexes, find all near duplicates, and
//! the cost hardly grows with the number of pictures.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::error::Result;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::ContentId;

/// Most bits in which near duplicates differ: 2 × 4 - 1, so that one of the parts differs in at most one.
const MOST_APART: u32 = 7;
/// Parts of a hash, and the bits in each.
const PARTS: [(&str, u32); 4] = [
    ("(m.perceptual_hash & 65535)", 0),
    ("((m.perceptual_hash >> 16) & 65535)", 16),
    ("((m.perceptual_hash >> 32) & 65535)", 32),
    ("((m.perceptual_hash >> 48) & 65535)", 48),
];
const PART_BITS: u32 = 16;
/// Most candidates that are read for one request: thousands of pictures of one colour look alike, and nobody
/// reads on.
const MOST_CANDIDATES: i64 = 10_000;

/// An asset that looks like another, and in how many bits their hashes differ.
pub(crate) type Near = (ContentId, u32);

#[derive(FromQueryResult)]
struct Own {
    content_id: ContentId,
    sha256: String,
    perceptual_hash: Option<i64>,
}

/// A file and what it looks like.
#[derive(FromQueryResult)]
struct Looks {
    sha256: String,
    perceptual_hash: Option<i64>,
}

/// A file and a content that has it.
#[derive(FromQueryResult)]
struct User {
    content_id: ContentId,
    sha256: String,
}

/// Near duplicates of the newest versions of these assets among all versions of the contents `c` that a
/// condition selects and that are not in the trash, the nearest first, then the newest. The same bytes are 0
/// apart, whether or not they are a picture. Three statements: what looks alike is found first, for no planner
/// guesses how little that is.
pub(super) async fn near(
    db: &impl ConnectionTrait,
    which: Sql,
    assets: &[ContentId],
) -> Result<HashMap<ContentId, Vec<Near>>> {
    let sql = Sql::new(
        "SELECT v.content_id, av.sha256, m.perceptual_hash FROM contents c
         JOIN versions v ON v.content_id = c.id AND v.number = c.version_count
         JOIN asset_versions av ON av.version_id = v.id
         JOIN media_facts m ON m.sha256 = av.sha256 WHERE c.id IN ",
    )
    .list(assets.iter().copied());
    let own: Vec<Own> = fetch(db, sql).await?;
    let looks: Vec<Looks> = fetch(db, look_alikes(&own)).await?;
    let looks: HashMap<String, Option<i64>> = looks
        .into_iter()
        .filter(|other| own.iter().any(|asset| apart(asset, other).is_some()))
        .map(|other| (other.sha256, other.perceptual_hash))
        .collect();
    let sql = Sql::new(
        "SELECT DISTINCT v.content_id, av.sha256 FROM asset_versions av JOIN versions v ON v.id = av.version_id
         JOIN contents c ON c.id = v.content_id WHERE c.trashed_at IS NULL AND ",
    )
    .append(which)
    .push(" AND av.sha256 IN ")
    .list(looks.keys().cloned());
    let users: Vec<User> = fetch(db, sql).await?;
    let candidates: Vec<(ContentId, Looks)> = users
        .into_iter()
        .map(|user| {
            let perceptual_hash = looks.get(&user.sha256).copied().flatten();
            let looks = Looks {
                sha256: user.sha256,
                perceptual_hash,
            };
            (user.content_id, looks)
        })
        .collect();
    Ok(own
        .into_iter()
        .map(|asset| (asset.content_id, nearest(&asset, &candidates)))
        .collect())
}

/// The files whose hashes share a probe with one of these, and these themselves.
fn look_alikes(own: &[Own]) -> Sql {
    let hashes: Vec<u64> = own
        .iter()
        .filter_map(|asset| asset.perceptual_hash.map(i64::cast_unsigned))
        .collect();
    let by_part = PARTS.into_iter().map(|(part, shift)| {
        let mut probes: Vec<i64> = hashes
            .iter()
            .flat_map(|hash| probes(hash >> shift))
            .collect();
        probes.sort_unstable();
        probes.dedup();
        Sql::new(
            "SELECT m.sha256, m.perceptual_hash FROM media_facts m
             WHERE m.perceptual_hash IS NOT NULL AND ",
        )
        .push(part)
        .push(" IN ")
        .list(probes)
    });
    let same = Sql::new("SELECT m.sha256, m.perceptual_hash FROM media_facts m WHERE m.sha256 IN ")
        .list(own.iter().map(|asset| asset.sha256.clone()));
    Sql::new("SELECT n.sha256, n.perceptual_hash FROM (")
        .append(Sql::between(" UNION ", by_part.chain([same])))
        .push(") n LIMIT ")
        .bind(MOST_CANDIDATES)
}

/// The part's value, and all that differ from it in one bit.
fn probes(shifted: u64) -> impl Iterator<Item = i64> {
    let part = shifted & 0xffff;
    let turned = (0..PART_BITS).map(move |bit| part ^ (1 << bit));
    turned.chain([part]).map(u64::cast_signed)
}

/// In how many bits a picture differs from an asset's; none where they do not look alike.
fn apart(asset: &Own, other: &Looks) -> Option<u32> {
    match (asset.perceptual_hash, other.perceptual_hash) {
        _ if asset.sha256 == other.sha256 => Some(0),
        (Some(a), Some(b)) => looks_alike(a.cast_unsigned(), b.cast_unsigned()),
        _ => None,
    }
}

/// In how many bits the hashes of two pictures differ, if they look alike.
pub(crate) fn looks_alike(one: u64, other: u64) -> Option<u32> {
    let apart = (one ^ other).count_ones();
    (apart <= MOST_APART).then_some(apart)
}

fn nearest(asset: &Own, candidates: &[(ContentId, Looks)]) -> Vec<Near> {
    let mut nearest: HashMap<ContentId, u32> = HashMap::new();
    for (content, other) in candidates {
        if *content == asset.content_id {
            continue;
        }
        if let Some(apart) = apart(asset, other) {
            let known = nearest.entry(*content).or_insert(apart);
            *known = apart.min(*known);
        }
    }
    let mut nearest: Vec<Near> = nearest.into_iter().collect();
    nearest.sort_unstable_by_key(|(id, apart)| (*apart, std::cmp::Reverse(*id)));
    nearest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn near_hashes_share_a_probe(hash: u64, turned in proptest::collection::vec(0_u32..64, 0..=7)) {
            let other = turned.iter().fold(hash, |hash, bit| hash ^ (1 << bit));
            prop_assert!((hash ^ other).count_ones() <= MOST_APART);
            let met = PARTS.iter().any(|(_, shift)| {
                probes(hash >> shift).any(|probe| probe == ((other >> shift) & 0xffff).cast_signed())
            });
            prop_assert!(met);
        }
    }
}
