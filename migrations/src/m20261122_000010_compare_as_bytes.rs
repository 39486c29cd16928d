//! Hashes, states and idempotency keys compare as bytes on PostgreSQL, as they do on SQLite. By a language's rules, which
//! nothing asks of them, each step down an index cost a microsecond.

crate::sql_migration! {
    up: &[
        "-- postgres
         ALTER TABLE files ALTER COLUMN sha256 TYPE text COLLATE \"C\"",
        "-- postgres
         ALTER TABLE media_facts ALTER COLUMN sha256 TYPE text COLLATE \"C\"",
        "-- postgres
         ALTER TABLE file_holders ALTER COLUMN sha256 TYPE text COLLATE \"C\",
           ALTER COLUMN holder TYPE text COLLATE \"C\"",
        "-- postgres
         ALTER TABLE asset_versions ALTER COLUMN sha256 TYPE text COLLATE \"C\"",
        "-- postgres
         ALTER TABLE evidence ALTER COLUMN sha256 TYPE text COLLATE \"C\"",
        "-- postgres
         ALTER TABLE leases ALTER COLUMN document_sha256 TYPE text COLLATE \"C\"",
        "-- postgres
         ALTER TABLE reviews ALTER COLUMN document_sha256 TYPE text COLLATE \"C\"",
        "-- postgres
         ALTER TABLE contents ALTER COLUMN kind TYPE text COLLATE \"C\"",
        "-- postgres
         ALTER TABLE versions ALTER COLUMN state TYPE text COLLATE \"C\"",
        "-- postgres
         ALTER TABLE idempotency_keys ALTER COLUMN caller TYPE text COLLATE \"C\",
           ALTER COLUMN key TYPE text COLLATE \"C\"",
    ],
    // What is compared as bytes answers the same questions in the same way: there is nothing to take back.
    down: &[]
}
