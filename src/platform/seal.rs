//! Signing: what leaves the server and must come back unchanged (cursors, grants) carries a MAC.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// 128 bits of MAC: forging one is hopeless, and addresses stay short.
const TAG_LEN: usize = 16;

/// The keys of this instance: the first signs, all of them verify, so that a key can be rotated.
#[derive(Clone)]
pub struct Sealer {
    keys: Vec<Hmac<Sha256>>,
}

/// What was sealed is not what came back, or was never sealed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seal does not hold")]
pub struct BrokenSeal;

impl Sealer {
    /// `keys`: the newest first; at least one of 32 bytes.
    #[must_use]
    pub fn new(keys: Vec<Vec<u8>>) -> Self {
        // HMAC takes keys of any length; the error type exists for other MACs.
        let keyed = keys.iter().flat_map(|key| Hmac::new_from_slice(key));
        Self {
            keys: keyed.collect(),
        }
    }

    /// The MAC of `message` for one purpose, under the newest key. Purposes keep seals apart: a cursor
    /// can never be passed off as a grant.
    #[must_use]
    pub fn mac(&self, purpose: &str, message: &[u8]) -> Vec<u8> {
        self.keys
            .first()
            .map(|key| mac(key, purpose, message).to_vec())
            .unwrap_or_default()
    }

    /// Whether this is the MAC of `message` for this purpose, under any of the keys.
    #[must_use]
    pub fn holds(&self, purpose: &str, message: &[u8], tag: &[u8]) -> bool {
        self.keys
            .iter()
            .any(|key| same(&mac(key, purpose, message), tag))
    }

    /// Packs a value into URL-safe text that [`Sealer::open`] alone accepts.
    #[must_use]
    pub fn seal<T: Serialize>(&self, purpose: &str, value: &T) -> String {
        let mut bytes = serde_json::to_vec(value).unwrap_or_default();
        let tag = self.mac(purpose, &bytes);
        bytes.extend_from_slice(tag.get(..TAG_LEN).unwrap_or_default());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Unpacks what [`Sealer::seal`] packed for the same purpose.
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, text: &str) -> Result<T, BrokenSeal> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BrokenSeal)?;
        let split = bytes.len().checked_sub(TAG_LEN).ok_or(BrokenSeal)?;
        let (message, tag) = bytes.split_at(split);
        let holds = self
            .keys
            .iter()
            .any(|key| same(&mac(key, purpose, message)[..TAG_LEN], tag));
        if !holds {
            return Err(BrokenSeal);
        }
        serde_json::from_slice(message).map_err(|_| BrokenSeal)
    }
}

fn mac(key: &Hmac<Sha256>, purpose: &str, message: &[u8]) -> [u8; 32] {
    let mut mac = key.clone();
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Compares without telling by its timing where two texts differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_holds_for_its_purpose_and_keys_only() {
        let old = Sealer::new(vec![vec![1; 32]]);
        let text = old.seal("cursor", &("list", 7));
        let rotated = Sealer::new(vec![vec![2; 32], vec![1; 32]]);
        assert_eq!(rotated.open("cursor", &text), Ok(("list".to_owned(), 7)));
        assert_eq!(
            rotated.open::<(String, i32)>("grant", &text),
            Err(BrokenSeal)
        );
        let stranger = Sealer::new(vec![vec![3; 32]]);
        assert_eq!(
            stranger.open::<(String, i32)>("cursor", &text),
            Err(BrokenSeal)
        );
        for cut in 0..text.len() {
            assert!(old.open::<(String, i32)>("cursor", &text[..cut]).is_err());
        }
    }
}
