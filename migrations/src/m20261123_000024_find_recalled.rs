//! What was recalled is found without reading the rest: every few seconds somebody looks whether it is live
//! anywhere again.

crate::sql_migration! {
    up: &[
        "CREATE INDEX contents_recalled ON contents (id) WHERE withdrawn_at IS NOT NULL",
    ],
    down: &["DROP INDEX contents_recalled"]
}
