//! Uploads by what was found to be in them: a table of assets names bytes by their hashes. And those of which that
//! is not known yet.

crate::sql_migration! {
    up: &[
        "CREATE INDEX uploads_bytes ON uploads (holder, sha256) WHERE sha256 IS NOT NULL",
        "CREATE INDEX uploads_unfinished ON uploads (holder) WHERE sha256 IS NULL",
    ],
    down: &["DROP INDEX uploads_unfinished", "DROP INDEX uploads_bytes"]
}
