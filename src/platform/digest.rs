//! Hashes: one that can be put away half done and gone on with elsewhere, and the checksums that senders
//! announce.

use sha1::Sha1;
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};

/// A SHA-256 under way.
#[derive(Clone, Debug, Default)]
pub struct Sha256Run(Sha256);

impl Sha256Run {
    /// Goes on where [`Sha256Run::state`] was taken; none for bytes that are no such state.
    #[must_use]
    pub fn resume(state: &[u8]) -> Option<Self> {
        let state = state.try_into().ok()?;
        Sha256::deserialize(&state).ok().map(Self)
    }

    /// All there is to know of the bytes so far. Good for every 0.11 of the library: another one needs a way to
    /// tell the states apart, or waits until no upload has one.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of the bytes so far.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0.clone().finalize())
    }
}

/// What a sender says that its bytes hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checksum {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

/// The hash that a [`Checksum`] is held against.
#[derive(Clone, Debug)]
pub struct Check {
    announced: Checksum,
    run: Run,
}

#[derive(Clone, Debug)]
enum Run {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Check {
    #[must_use]
    pub fn new(announced: Checksum) -> Self {
        let run = match announced {
            Checksum::Sha1(_) => Run::Sha1(Sha1::new()),
            Checksum::Sha256(_) => Run::Sha256(Sha256::new()),
        };
        Self { announced, run }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.run {
            Run::Sha1(run) => run.update(bytes),
            Run::Sha256(run) => run.update(bytes),
        }
    }

    /// Whether the bytes so far are those that were announced.
    #[must_use]
    pub fn holds(&self) -> bool {
        match (&self.announced, &self.run) {
            (Checksum::Sha1(announced), Run::Sha1(run)) => {
                run.clone().finalize().as_slice() == announced
            }
            (Checksum::Sha256(announced), Run::Sha256(run)) => {
                run.clone().finalize().as_slice() == announced
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At every length of a few blocks: put away, gone on with, and the same as in one go.
    #[test]
    fn a_hash_goes_on_where_it_was_put_away() {
        let bytes: Vec<u8> = (0..200_u8).collect();
        for cut in 0..=bytes.len() {
            let mut first = Sha256Run::default();
            first.update(&bytes[..cut]);
            let mut second = Sha256Run::resume(&first.state()).unwrap();
            second.update(&bytes[cut..]);
            assert_eq!(second.hex(), hex::encode(Sha256::digest(&bytes)), "{cut}");
        }
        assert!(Sha256Run::resume(b"").is_none());
        assert!(Sha256Run::resume(&[0xff; 105]).is_none());
    }

    #[test]
    fn a_checksum_holds_for_its_bytes_only() {
        for announced in [
            Checksum::Sha1(Sha1::digest(b"abc").into()),
            Checksum::Sha256(Sha256::digest(b"abc").into()),
        ] {
            let mut check = Check::new(announced);
            check.update(b"ab");
            assert!(!check.holds());
            check.update(b"c");
            assert!(check.holds());
        }
    }
}
