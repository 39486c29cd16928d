//! The names of placements in usage events. They stand in pages for everyone to read, so they are no
//! secret; sealed, they cannot be made up for placements that nobody has shown.

use crate::app::App;
use crate::platform::ids::PlacementId;

const PURPOSE: &str = "beacon";

/// The key that a page sends with what it counts at a placement.
pub(crate) fn beacon_key(app: &App, id: PlacementId) -> String {
    app.sealer.seal(PURPOSE, &id)
}

/// The placement that a key names; none for what is no key of ours.
pub(crate) fn open_beacon(app: &App, key: &str) -> Option<PlacementId> {
    app.sealer.open(PURPOSE, key).ok()
}
