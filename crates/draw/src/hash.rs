//! A perceptual hash: which of the 64 slowest waves of a picture's brightness are stronger than the
//! middle one. Copies that were scaled, recompressed or slightly recoloured differ in a few bits.

#![expect(
    clippy::cast_precision_loss,
    reason = "indexes below 32 are exact in every float"
)]

use std::f64::consts::PI;

/// Edge of the picture that is hashed.
pub(crate) const EDGE: usize = 32;
/// Bits of a hash.
const BITS: usize = 64;

/// Hashes `EDGE` × `EDGE` values of brightness.
pub(crate) fn hash(brightness: &[u8]) -> u64 {
    let rows: Vec<Vec<f64>> = brightness
        .chunks(EDGE)
        .map(|row| waves(&row.iter().map(|v| f64::from(*v)).collect::<Vec<_>>()))
        .collect();
    // Waves along x of each row are themselves taken apart along y.
    let columns: Vec<Vec<f64>> = (0..EDGE)
        .map(|u| {
            waves(
                &rows
                    .iter()
                    .map(|row| row.get(u).copied().unwrap_or(0.0))
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    let mut order: Vec<(usize, usize)> = (0..EDGE)
        .flat_map(|u| (0..EDGE).map(move |v| (u, v)))
        .collect();
    order.sort_by_key(|(u, v)| (u + v, *u));
    // The first has the brightness of the whole, which says nothing.
    let slowest: Vec<f64> = order
        .into_iter()
        .skip(1)
        .take(BITS)
        .map(|(u, v)| {
            columns
                .get(u)
                .and_then(|c| c.get(v))
                .copied()
                .unwrap_or(0.0)
        })
        .collect();
    let mut sorted = slowest.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(BITS / 2).copied().unwrap_or(0.0);
    slowest.iter().fold(0, |bits, strength| {
        (bits << 1) | u64::from(*strength > middle)
    })
}

/// The discrete cosine transform (II) of a row.
fn waves(values: &[f64]) -> Vec<f64> {
    let n = values.len().max(1) as f64;
    (0..values.len())
        .map(|k| {
            (0_usize..)
                .zip(values)
                .map(|(i, value)| value * (PI / n * (i as f64 + 0.5) * k as f64).cos())
                .sum()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_bits_are_set_and_a_brighter_copy_has_the_same() {
        let picture: Vec<u8> = (0..1024_u32).map(|i| (i * i / 37 % 200) as u8).collect();
        let brighter: Vec<u8> = picture.iter().map(|v| v + 40).collect();
        assert!((28..=32).contains(&hash(&picture).count_ones()));
        assert!((hash(&picture) ^ hash(&brighter)).count_ones() <= 2);
    }
}
