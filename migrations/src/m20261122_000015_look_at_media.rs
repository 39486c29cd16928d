//! What pictures look like, and what files say about themselves: facts of their bytes, found after they are
//! stored.
//!
//! `looked_revision` is that of the looker that has looked; 0: nobody has. The histograms are those of
//! `accolade_draw::Whiteness`, with the darkest pixel and where it is; `white_on_white` is null where it would
//! be the same. Two hashes that differ in at most 7 of 64 bits differ in at most one of one of their four
//! parts: by those near duplicates are found.

crate::sql_migration! {
    up: &[
        "ALTER TABLE media_facts ADD COLUMN looked_revision integer NOT NULL DEFAULT 0",
        "ALTER TABLE media_facts ADD COLUMN look_error text",
        "ALTER TABLE media_facts ADD COLUMN perceptual_hash bigint",
        "ALTER TABLE media_facts ADD COLUMN subject_width double precision
            CHECK (subject_width BETWEEN 0 AND 1)",
        "ALTER TABLE media_facts ADD COLUMN subject_height double precision
            CHECK (subject_height BETWEEN 0 AND 1)",
        "ALTER TABLE media_facts ADD COLUMN white bytea CHECK (length(white) = 256)",
        "ALTER TABLE media_facts ADD COLUMN white_x integer",
        "ALTER TABLE media_facts ADD COLUMN white_y integer",
        "ALTER TABLE media_facts ADD COLUMN white_least integer",
        "ALTER TABLE media_facts ADD COLUMN white_on_white bytea CHECK (length(white_on_white) = 256)",
        "ALTER TABLE media_facts ADD COLUMN on_white_x integer",
        "ALTER TABLE media_facts ADD COLUMN on_white_y integer",
        "ALTER TABLE media_facts ADD COLUMN on_white_least integer",
        "CREATE INDEX media_facts_looked ON media_facts (looked_revision, sha256)",
        "CREATE INDEX media_facts_part_0 ON media_facts ((perceptual_hash & 65535))
            WHERE perceptual_hash IS NOT NULL",
        "CREATE INDEX media_facts_part_1 ON media_facts (((perceptual_hash >> 16) & 65535))
            WHERE perceptual_hash IS NOT NULL",
        "CREATE INDEX media_facts_part_2 ON media_facts (((perceptual_hash >> 32) & 65535))
            WHERE perceptual_hash IS NOT NULL",
        "CREATE INDEX media_facts_part_3 ON media_facts (((perceptual_hash >> 48) & 65535))
            WHERE perceptual_hash IS NOT NULL",
        // EXIF, IPTC, XMP and the like as JSON, kept apart from what people enter.
        "CREATE TABLE media_metadata (
            sha256 text COLLATE \"C\" PRIMARY KEY REFERENCES files (sha256),
            found text NOT NULL
        )",
    ],
    down: &[
        "DROP TABLE media_metadata",
        "DROP INDEX media_facts_part_3",
        "DROP INDEX media_facts_part_2",
        "DROP INDEX media_facts_part_1",
        "DROP INDEX media_facts_part_0",
        "DROP INDEX media_facts_looked",
        "ALTER TABLE media_facts DROP COLUMN on_white_least",
        "ALTER TABLE media_facts DROP COLUMN on_white_y",
        "ALTER TABLE media_facts DROP COLUMN on_white_x",
        "ALTER TABLE media_facts DROP COLUMN white_on_white",
        "ALTER TABLE media_facts DROP COLUMN white_least",
        "ALTER TABLE media_facts DROP COLUMN white_y",
        "ALTER TABLE media_facts DROP COLUMN white_x",
        "ALTER TABLE media_facts DROP COLUMN white",
        "ALTER TABLE media_facts DROP COLUMN subject_height",
        "ALTER TABLE media_facts DROP COLUMN subject_width",
        "ALTER TABLE media_facts DROP COLUMN perceptual_hash",
        "ALTER TABLE media_facts DROP COLUMN look_error",
        "ALTER TABLE media_facts DROP COLUMN looked_revision",
    ]
}
