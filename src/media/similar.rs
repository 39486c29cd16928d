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

#[derive(FromQueryResult)]
struct Candidate {
    content_id: ContentId,
    sha256: String,
    perceptual_hash: Option<i64>,
}

/// Near duplicates of the newest versions of these assets among all versions of the contents `c` that a
/// condition selects and that are not in the trash, the nearest first, then the newest. The same bytes are 0 apart, whether or not they are
/// a picture. Two statements.
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
    let candidates: Vec<Candidate> = fetch(db, candidates(which, &own)).await?;
    Ok(own
        .into_iter()
        .map(|asset| (asset.content_id, nearest(&asset, &candidates)))
        .collect())
}

fn candidates(which: Sql, own: &[Own]) -> Sql {
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
    Sql::new("SELECT DISTINCT v.content_id, n.sha256, n.perceptual_hash FROM (")
        .append(Sql::between(" UNION ", by_part.chain([same])))
        .push(
            ") n JOIN asset_versions av ON av.sha256 = n.sha256 JOIN versions v ON v.id = av.version_id
             JOIN contents c ON c.id = v.content_id WHERE c.trashed_at IS NULL AND ",
        )
        .append(which)
        .push(" LIMIT ")
        .bind(MOST_CANDIDATES)
}

/// The part's value, and all that differ from it in one bit.
fn probes(shifted: u64) -> impl Iterator<Item = i64> {
    let part = shifted & 0xffff;
    let turned = (0..PART_BITS).map(move |bit| part ^ (1 << bit));
    turned.chain([part]).map(u64::cast_signed)
}

fn nearest(asset: &Own, candidates: &[Candidate]) -> Vec<Near> {
    let mut nearest: HashMap<ContentId, u32> = HashMap::new();
    for other in candidates {
        let apart = match (asset.perceptual_hash, other.perceptual_hash) {
            _ if asset.sha256 == other.sha256 => 0,
            (Some(a), Some(b)) => (a ^ b).count_ones(),
            _ => continue,
        };
        if apart <= MOST_APART && other.content_id != asset.content_id {
            let known = nearest.entry(other.content_id).or_insert(apart);
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
