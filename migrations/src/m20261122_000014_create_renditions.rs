//! Renditions that somebody has asked for: made once, by one maker at a time.

crate::sql_migration! {
    up: &[
        "CREATE TABLE renditions (
            key text PRIMARY KEY,
            version_id uuid NOT NULL REFERENCES versions (id),
            preset text NOT NULL,
            state text NOT NULL CHECK (state IN ('PENDING', 'READY', 'FAILED')),
            claimed_until bigint,
            sha256 text REFERENCES files (sha256),
            notes text,
            error text,
            created_at bigint NOT NULL,
            made_at bigint,
            CHECK ((state = 'PENDING') = (claimed_until IS NOT NULL)),
            CHECK ((state = 'READY') = (sha256 IS NOT NULL)),
            CHECK ((state = 'FAILED') = (error IS NOT NULL))
        )",
        "CREATE INDEX renditions_version ON renditions (version_id)",
        "CREATE INDEX renditions_file ON renditions (sha256)",
    ],
    down: &["DROP TABLE renditions"]
}
