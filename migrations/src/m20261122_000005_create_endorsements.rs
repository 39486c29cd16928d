//! Endorsements: what was said, its wording by version and language, its proof, its claims.

crate::sql_migration! {
    up: &[
        "CREATE TABLE endorsements (
            content_id uuid PRIMARY KEY REFERENCES contents (id),
            outlet_id uuid NOT NULL REFERENCES outlets (id),
            kind text NOT NULL CHECK (kind IN
                ('AWARD', 'RANKING', 'REVIEW', 'QUOTE', 'MENTION', 'RATING', 'CERTIFICATION')),
            published_on integer NOT NULL,
            source_url text,
            won_by_kind text CHECK (won_by_kind IN ('SYSTEM', 'TOKEN')),
            won_by_id uuid,
            recheck_every_days integer CHECK (recheck_every_days > 0),
            rechecked_at bigint NOT NULL,
            page_changed_at bigint
        )",
        "CREATE INDEX endorsements_outlet ON endorsements (outlet_id, content_id)",
        "CREATE INDEX endorsements_published ON endorsements (published_on, content_id)",
        "CREATE TABLE endorsement_versions (
            version_id uuid PRIMARY KEY REFERENCES versions (id),
            byline text,
            ranked integer CHECK (ranked > 0),
            rating text,
            rating_scale text,
            rating_count integer CHECK (rating_count >= 0),
            material_connection text NOT NULL CHECK (material_connection IN
                ('NONE', 'PAID', 'GIFTED', 'AFFILIATE', 'EMPLOYEE'))
        )",
        "CREATE TABLE statements (
            version_id uuid NOT NULL REFERENCES endorsement_versions (version_id),
            locale text COLLATE \"C\" NOT NULL,
            is_original boolean NOT NULL,
            headline text NOT NULL,
            quote text,
            award text,
            disclosure text,
            folded text NOT NULL,
            PRIMARY KEY (version_id, locale)
        )",
        // Exactly one original a version: the service writes one, and there is no room for two.
        "CREATE UNIQUE INDEX statements_original ON statements (version_id) WHERE is_original",
        "CREATE TABLE endorsement_assets (
            endorsement_id uuid NOT NULL REFERENCES endorsements (content_id),
            asset_id uuid NOT NULL REFERENCES assets (content_id),
            position integer NOT NULL,
            PRIMARY KEY (endorsement_id, asset_id)
        )",
        "CREATE INDEX endorsement_assets_asset ON endorsement_assets (asset_id, endorsement_id)",
        "CREATE TABLE evidence (
            id uuid PRIMARY KEY,
            endorsement_id uuid NOT NULL REFERENCES endorsements (content_id),
            url text,
            sha256 text REFERENCES files (sha256),
            filename text,
            state text NOT NULL CHECK (state IN ('PENDING', 'FAILED', 'CURRENT', 'CHANGED', 'GONE')),
            error text,
            captured_at bigint,
            checked_at bigint,
            contains_quote boolean,
            note text,
            created_at bigint NOT NULL,
            CHECK (url IS NOT NULL OR sha256 IS NOT NULL),
            CHECK (state IN ('PENDING', 'FAILED') OR sha256 IS NOT NULL)
        )",
        "CREATE INDEX evidence_endorsement ON evidence (endorsement_id, created_at)",
        "CREATE TABLE claims (
            id uuid PRIMARY KEY,
            endorsement_id uuid NOT NULL REFERENCES endorsements (content_id),
            product_id uuid NOT NULL REFERENCES products (id),
            claim text NOT NULL,
            state text NOT NULL CHECK (state IN ('PROPOSED', 'CONFIRMED', 'REFUSED')),
            decided_by_kind text CHECK (decided_by_kind IN ('SYSTEM', 'TOKEN')),
            decided_by_id uuid,
            decided_at bigint,
            note text,
            position integer NOT NULL,
            created_at bigint NOT NULL,
            UNIQUE (endorsement_id, product_id, claim),
            CHECK ((state = 'PROPOSED') = (decided_at IS NULL))
        )",
    ],
    down: &[
        "DROP TABLE claims",
        "DROP TABLE evidence",
        "DROP TABLE endorsement_assets",
        "DROP TABLE statements",
        "DROP TABLE endorsement_versions",
        "DROP TABLE endorsements",
    ]
}
