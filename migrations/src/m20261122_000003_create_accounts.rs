//! Access tokens, and what each may do and see.

crate::sql_migration! {
    up: &[
        "CREATE TABLE access_tokens (
            id uuid PRIMARY KEY,
            name text NOT NULL,
            secret_hash bytea NOT NULL UNIQUE,
            scopes text NOT NULL,
            all_brands boolean NOT NULL,
            all_channels boolean NOT NULL,
            created_at bigint NOT NULL,
            created_by_kind text NOT NULL CHECK (created_by_kind IN ('SYSTEM', 'TOKEN')),
            created_by_id uuid,
            expires_at bigint,
            revoked_at bigint,
            last_used_at bigint
        )",
        "CREATE TABLE access_token_brands (
            token_id uuid NOT NULL REFERENCES access_tokens (id),
            brand_id uuid NOT NULL REFERENCES brands (id),
            PRIMARY KEY (token_id, brand_id)
        )",
        "CREATE TABLE access_token_channels (
            token_id uuid NOT NULL REFERENCES access_tokens (id),
            channel_id uuid NOT NULL REFERENCES channels (id),
            PRIMARY KEY (token_id, channel_id)
        )",
    ],
    down: &[
        "DROP TABLE access_token_channels",
        "DROP TABLE access_token_brands",
        "DROP TABLE access_tokens",
    ]
}
