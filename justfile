# Short names for what is done often. The work itself is in scripts/, which needs no `just`.

set shell := ["bash", "-euo", "pipefail", "-c"]

cargo := "source scripts/common.sh; use_mold; cargo"

# What there is
default:
    @just --list

# Everything a change must pass on SQLite
check: && deny
    scripts/test.sh fmt web lint test schema

# Format the code
fmt:
    cargo fmt --all

# Clippy, warnings are errors
lint:
    scripts/test.sh lint

# The tests on SQLite; arguments go to cargo test
test *args:
    {{ cargo }} test --workspace {{ args }}

# The tests on PostgreSQL, on a server that is thrown away afterwards
test-pg *args:
    source scripts/common.sh; use_mold; scripts/with-postgres.sh cargo test --workspace {{ args }}

# Every check, on both databases, with the client's story and the browser
test-all:
    scripts/test.sh

# Print the schema into schema/schema.graphql
schema:
    scripts/schema.sh --write

# Advisories, licences and sources of the dependencies
deny:
    cargo deny --version >/dev/null 2>&1 || { echo "cargo-deny is not installed: cargo install --locked cargo-deny" >&2; exit 1; }
    cargo deny check

# Serve what is in ./data; arguments go to accolade serve
run *args:
    {{ cargo }} run -- serve {{ args }}

# Serve a demo catalogue on http://127.0.0.1:4000
demo *args:
    scripts/run.sh {{ args }}
