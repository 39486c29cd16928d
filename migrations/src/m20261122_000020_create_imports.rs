//! Tables that are imported. An import is its own place in the queue: `claimed_until` says until when somebody is
//! at it, `attempts` how often it was taken. What a row of a table has become is found again by its key.

crate::sql_migration! {
    up: &[
        "CREATE TABLE imports (
            id uuid PRIMARY KEY,
            brand_id uuid NOT NULL REFERENCES brands (id),
            kind text NOT NULL CHECK (kind IN ('ENDORSEMENTS', 'ASSETS', 'PLACEMENTS')),
            upload_id uuid NOT NULL,
            filename text NOT NULL,
            dry_run boolean NOT NULL,
            state text NOT NULL CHECK (state IN ('WAITING', 'CHECKING', 'DONE', 'REFUSED', 'FAILED')),
            row_count bigint NOT NULL DEFAULT 0,
            created bigint NOT NULL DEFAULT 0,
            updated bigint NOT NULL DEFAULT 0,
            unchanged bigint NOT NULL DEFAULT 0,
            error_count bigint NOT NULL DEFAULT 0,
            errors text NOT NULL DEFAULT '[]',
            attempts integer NOT NULL DEFAULT 0,
            claimed_until bigint,
            created_at bigint NOT NULL,
            created_by_kind text NOT NULL CHECK (created_by_kind IN ('SYSTEM', 'TOKEN')),
            created_by_id uuid,
            ended_at bigint,
            CHECK ((ended_at IS NULL) = (state IN ('WAITING', 'CHECKING')))
        )",
        "CREATE INDEX imports_open ON imports (id) WHERE ended_at IS NULL",
        "CREATE TABLE import_keys (
            brand_id uuid NOT NULL REFERENCES brands (id),
            kind text COLLATE \"C\" NOT NULL,
            key text COLLATE \"C\" NOT NULL,
            target_id uuid NOT NULL,
            row_hash bytea NOT NULL,
            PRIMARY KEY (brand_id, kind, key)
        )",
        "CREATE INDEX import_keys_target ON import_keys (target_id)",
    ],
    down: &[
        "DROP TABLE import_keys",
        "DROP TABLE imports",
    ]
}
