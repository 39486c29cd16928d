//! What nothing refers to, until it is removed; the turns of the work that cares for the store; and files whose
//! bytes were found to be wrong.

crate::sql_migration! {
    up: &[
        // A row of `files` (by its hash) or an object of the store (by its key) that nothing referred to when
        // it was looked at. With `removed_at` it is given up for good: nobody may begin to use that object.
        "CREATE TABLE unreferenced (
            kind text COLLATE \"C\" NOT NULL CHECK (kind IN ('FILE', 'OBJECT')),
            name text COLLATE \"C\" NOT NULL,
            owner_key text COLLATE \"C\" NOT NULL,
            bytes bigint NOT NULL,
            marked_at bigint NOT NULL,
            removed_at bigint,
            PRIMARY KEY (kind, name)
        )",
        "CREATE INDEX unreferenced_due ON unreferenced (kind, name, marked_at) WHERE removed_at IS NULL",
        "CREATE INDEX unreferenced_removed ON unreferenced (removed_at) WHERE removed_at IS NOT NULL",
        // Who does a piece of work now, how far it has come, and when it was done last.
        "CREATE TABLE care_turns (
            name text COLLATE \"C\" PRIMARY KEY,
            holder uuid NOT NULL,
            held_until bigint NOT NULL,
            place text COLLATE \"C\",
            done_at bigint
        )",
        "ALTER TABLE files ADD COLUMN wrong_since bigint",
        "CREATE INDEX files_wrong ON files (sha256) WHERE wrong_since IS NOT NULL",
        // Whether anything refers to a file is asked of every file.
        "CREATE INDEX evidence_file ON evidence (sha256) WHERE sha256 IS NOT NULL",
        "CREATE INDEX leases_document ON leases (document_sha256) WHERE document_sha256 IS NOT NULL",
        "CREATE INDEX reviews_document ON reviews (document_sha256) WHERE document_sha256 IS NOT NULL",
        "CREATE INDEX file_holders_file ON file_holders (sha256)",
    ],
    down: &[
        "DROP INDEX file_holders_file",
        "DROP INDEX reviews_document",
        "DROP INDEX leases_document",
        "DROP INDEX evidence_file",
        "DROP INDEX files_wrong",
        "ALTER TABLE files DROP COLUMN wrong_since",
        "DROP TABLE care_turns",
        "DROP TABLE unreferenced",
    ]
}
