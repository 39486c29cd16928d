//! The demo's pictures, inside the binary.

/// The bytes of a picture that the story names.
pub(super) fn find(path: &str) -> Option<&'static [u8]> {
    let found = ALL.iter().find(|(name, _)| *name == path)?;
    Some(found.1)
}

/// Lists files of this folder by the path that the story has for them.
macro_rules! pictures {
    ($($name:literal),* $(,)?) => {
        &[$((
            concat!("pictures/", $name),
            include_bytes!(concat!("pictures/", $name)) as &[u8],
        )),*]
    };
}

const ALL: &[(&str, &[u8])] = pictures![
    "creator-still.jpg",
    "lumen-2026.png",
    "nl1-lifestyle-v1.jpg",
    "nl1-lifestyle-v2.jpg",
    "nl1-white.jpg",
    "nl2-white.jpg",
    "northlight-logo.png",
    "proof-campfire.jpg",
    "proof-fjellstua.png",
    "proof-halden.png",
    "proof-lumen.png",
    "proof-paddle.jpg",
    "proof-ridge.jpg",
    "proof-trailbench.jpg",
    "proof-yunshan.jpg",
    "sm20-white.jpg",
    "trailbench-2025.png",
    "trailbench-2026.png",
    "yunshan-card.jpg",
];
