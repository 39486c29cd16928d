//! Leases with their scopes, and the reviews that may record a licensor's word under one.

crate::sql_migration! {
    up: &[
        "CREATE TABLE leases (
            id uuid PRIMARY KEY,
            brand_id uuid NOT NULL REFERENCES brands (id),
            access text NOT NULL CHECK (access IN ('ALLOW', 'DENY')),
            starts_at bigint,
            ends_at bigint,
            licensor text,
            reference text,
            document_sha256 text REFERENCES files (sha256),
            document_filename text,
            fee_minor bigint CHECK (fee_minor >= 0),
            fee_currency text,
            no_alteration boolean NOT NULL,
            no_translation boolean NOT NULL,
            no_excerpt boolean NOT NULL,
            no_redistribution boolean NOT NULL,
            product_bound boolean NOT NULL,
            show_year boolean NOT NULL,
            creative_approval boolean NOT NULL,
            disclaimer text,
            link_back text,
            notes text,
            created_at bigint NOT NULL,
            created_by_kind text NOT NULL CHECK (created_by_kind IN ('SYSTEM', 'TOKEN')),
            created_by_id uuid,
            CHECK (ends_at IS NULL OR starts_at IS NULL OR ends_at >= starts_at),
            CHECK ((fee_minor IS NULL) = (fee_currency IS NULL)),
            CHECK ((document_sha256 IS NULL) = (document_filename IS NULL))
        )",
        // The cross product of a lease's contents, channels and markets; null: all of them.
        "CREATE TABLE lease_scopes (
            lease_id uuid NOT NULL REFERENCES leases (id),
            position integer NOT NULL,
            content_id uuid NOT NULL REFERENCES contents (id),
            channel_id uuid REFERENCES channels (id),
            market text,
            PRIMARY KEY (lease_id, position)
        )",
        "CREATE INDEX lease_scopes_content ON lease_scopes (content_id, lease_id)",
        "CREATE TABLE reviews (
            id uuid PRIMARY KEY,
            version_id uuid NOT NULL REFERENCES versions (id),
            reviewer_kind text NOT NULL CHECK (reviewer_kind IN ('SYSTEM', 'TOKEN')),
            reviewer_id uuid,
            decision text NOT NULL CHECK (decision IN ('APPROVE', 'REQUEST_CHANGES')),
            lease_id uuid REFERENCES leases (id),
            preset text,
            document_sha256 text REFERENCES files (sha256),
            document_filename text,
            note text,
            created_at bigint NOT NULL,
            CHECK (preset IS NULL OR lease_id IS NOT NULL),
            CHECK ((document_sha256 IS NULL) = (document_filename IS NULL))
        )",
        "CREATE INDEX reviews_version ON reviews (version_id, created_at, id)",
        "CREATE INDEX reviews_lease ON reviews (lease_id, version_id)",
    ],
    down: &[
        "DROP TABLE reviews",
        "DROP TABLE lease_scopes",
        "DROP TABLE leases",
    ]
}
