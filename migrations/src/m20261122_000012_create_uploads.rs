//! Uploads that are sent in pieces: where each stands, and the parts of it that a bucket has.

crate::sql_migration! {
    up: &[
        "CREATE TABLE uploads (
            id uuid PRIMARY KEY,
            holder text COLLATE \"C\" NOT NULL,
            length bigint NOT NULL CHECK (length >= 0),
            received bigint NOT NULL CHECK (received BETWEEN 0 AND length),
            hash_state bytea NOT NULL,
            store_key text COLLATE \"C\" NOT NULL UNIQUE,
            part_bytes bigint NOT NULL CHECK (part_bytes > 0),
            multipart_id text,
            tail_key text,
            lock_epoch bigint NOT NULL,
            locked_until bigint,
            filename text NOT NULL,
            metadata text NOT NULL,
            created_at bigint NOT NULL,
            expires_at bigint NOT NULL,
            sha256 text COLLATE \"C\",
            outcome text,
            used_at bigint,
            ended_at bigint,
            cleared_at bigint,
            CHECK ((sha256 IS NULL) = (outcome IS NULL)),
            CHECK (sha256 IS NULL OR received = length)
        )",
        "CREATE INDEX uploads_expiry ON uploads (expires_at) WHERE cleared_at IS NULL",
        "CREATE INDEX uploads_ended ON uploads (ended_at) WHERE ended_at IS NOT NULL",
        "CREATE TABLE upload_parts (
            upload_id uuid NOT NULL REFERENCES uploads (id),
            number integer NOT NULL,
            part_id text NOT NULL,
            PRIMARY KEY (upload_id, number)
        )",
    ],
    down: &[
        "DROP TABLE upload_parts",
        "DROP TABLE uploads",
    ]
}
