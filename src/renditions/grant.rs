//! Rights to renditions, as they stand in their addresses. Like those to files (`assets/grants.rs`), they are
//! no answer of their own: whoever serves under one asks again.

use serde::{Deserialize, Serialize};

use crate::accounts::OpContext;
use crate::assets::grants::{GrantViewer, PackedViewer, Short, end};
use crate::platform::clock::Timestamp;
use crate::platform::ids::{ChannelId, VersionId};
use crate::platform::seal::Sealer;

/// Keeps these rights apart from everything else that is sealed.
const PURPOSE: &str = "rendition";

/// A right to what a preset of a place makes of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RenditionGrant {
    pub version: VersionId,
    /// The place whose preset it is, and the one that the gate is asked about.
    pub channel: ChannelId,
    pub preset: String,
    pub viewer: GrantViewer,
    /// Not good from here on.
    pub expires_at: Timestamp,
}

/// As it is sealed: version, channel, preset, seconds of the end, and a token or channels.
#[derive(Serialize, Deserialize)]
struct Packed(Short, Short, String, i64, PackedViewer);

impl RenditionGrant {
    fn seal(&self, sealer: &Sealer) -> String {
        let packed = Packed(
            Short(self.version.0),
            Short(self.channel.0),
            self.preset.clone(),
            self.expires_at.0 / 1000,
            self.viewer.packed(),
        );
        sealer.seal(PURPOSE, &packed)
    }

    /// The right that was sealed here, if its time has not run out.
    pub(crate) fn open(sealer: &Sealer, text: &str, at: Timestamp) -> Option<Self> {
        let Packed(version, channel, preset, seconds, viewer) = sealer.open(PURPOSE, text).ok()?;
        let expires_at = Timestamp(seconds.checked_mul(1000)?);
        (at < expires_at).then(|| Self {
            version: VersionId(version.0),
            channel: ChannelId(channel.0),
            preset,
            viewer: viewer.into(),
            expires_at,
        })
    }
}

/// The address under which this viewer gets a rendition for the rest of the hour.
pub(super) fn url(
    cx: &OpContext,
    (version, channel): (VersionId, ChannelId),
    preset: &str,
    key: &str,
) -> String {
    let grant = RenditionGrant {
        version,
        channel,
        preset: preset.to_owned(),
        viewer: GrantViewer::of(&cx.viewer),
        expires_at: end(cx.at()),
    };
    let base = cx.app.config.content_url();
    format!("{base}/r/{}/{key}", grant.seal(&cx.app.sealer))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_right_survives_the_round_trip_and_ends() {
        let sealer = Sealer::new(vec![vec![1; 32]]);
        let grant = RenditionGrant {
            version: VersionId(Uuid::from_u128(1)),
            channel: ChannelId(Uuid::from_u128(2)),
            preset: "hero".to_owned(),
            viewer: GrantViewer::Public(vec![ChannelId(Uuid::from_u128(3))]),
            expires_at: Timestamp(60_000),
        };
        let text = grant.seal(&sealer);
        let open = |sealer, at| RenditionGrant::open(sealer, &text, Timestamp(at));
        assert_eq!(open(&sealer, 59_999), Some(grant));
        assert_eq!(open(&sealer, 60_000), None);
        assert_eq!(open(&Sealer::new(vec![vec![2; 32]]), 0), None);
    }
}
