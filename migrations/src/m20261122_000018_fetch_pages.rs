//! Pages that are fetched as evidence. A piece of evidence is its own place in the queue: `next_at` says when
//! its page is looked at next, `claimed_until` until when somebody does. Of a page at most two captures are
//! kept: the first, which is the proof, and the last that said something else.

crate::sql_migration! {
    up: &[
        "ALTER TABLE evidence ADD COLUMN next_at bigint",
        "ALTER TABLE evidence ADD COLUMN claimed_until bigint",
        "ALTER TABLE evidence ADD COLUMN attempts integer NOT NULL DEFAULT 0",
        "CREATE INDEX evidence_due ON evidence (next_at) WHERE next_at IS NOT NULL",
        "CREATE TABLE page_captures (
            id uuid PRIMARY KEY,
            evidence_id uuid NOT NULL REFERENCES evidence (id),
            status integer NOT NULL,
            url text NOT NULL,
            headers text NOT NULL,
            sha256 text NOT NULL REFERENCES files (sha256),
            extract_sha256 text REFERENCES files (sha256),
            main_sha256 text NOT NULL,
            contains_quote boolean,
            captured_at bigint NOT NULL
        )",
        "CREATE INDEX page_captures_evidence ON page_captures (evidence_id, captured_at)",
        "CREATE INDEX page_captures_file ON page_captures (sha256)",
        "CREATE INDEX page_captures_text ON page_captures (extract_sha256)",
    ],
    down: &[
        "DROP TABLE page_captures",
        "DROP INDEX evidence_due",
        "ALTER TABLE evidence DROP COLUMN attempts",
        "ALTER TABLE evidence DROP COLUMN claimed_until",
        "ALTER TABLE evidence DROP COLUMN next_at",
    ]
}
