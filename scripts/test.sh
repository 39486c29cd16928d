#!/usr/bin/env bash
# Everything that must hold before a change goes in, on both databases:
#
#   scripts/test.sh [STEP…]
#
#   fmt             the code is formatted
#   web             the console builds
#   lint            clippy has nothing to say
#   test            the tests, on SQLite
#   schema          the printed schema is the committed one, and keeps the contract
#   story           codegen and Relay take the schema; a client's story and the audits of GraphQL over HTTP against
#                   a real server on SQLite, and GraphiQL in a browser
#   test-postgres   the tests, on PostgreSQL
#   story-postgres  the story, on PostgreSQL
#
# Without a step all of them, in this order; the first that fails ends the run. Tools that are missing are
# installed where that is possible (Debian packages, as root or by sudo). Where it is not, the steps that need
# them are left out, named at the end, and the run has failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

all_steps=(fmt web lint test schema story test-postgres story-postgres)
left_out=()

# What a step needs; each says what is missing and how to get it.
need_rust() {
  have cargo || { note "Rust is not installed: see https://rustup.rs"; return 1; }
}
need_compiler() {
  have cc || install_packages gcc libc6-dev || { note "no C compiler (on Debian: apt-get install gcc libc6-dev)"; return 1; }
}
need_node() {
  have_node || { note "Node.js 20.19 or later with npm is not installed: see https://nodejs.org"; return 1; }
}
need_curl() {
  have curl || install_packages curl || { note "curl is not installed (on Debian: apt-get install curl)"; return 1; }
}
need_postgres() {
  postgres_bin >/dev/null && have psql && return
  install_packages postgresql && postgres_bin >/dev/null && return
  note "PostgreSQL 15 or later is not installed (on Debian: apt-get install postgresql)"
  return 1
}
need_browser() {
  chromium_path >/dev/null || install_packages chromium || {
    note "Chromium is not installed (on Debian: apt-get install chromium)"
    return 1
  }
}
needs() {
  case $1 in
    fmt) need_rust ;;
    web) need_node ;;
    lint | test) need_rust && need_compiler ;;
    schema) need_rust && need_compiler && need_node ;;
    story) need_rust && need_compiler && need_node && need_curl && need_browser ;;
    test-postgres) need_rust && need_compiler && need_postgres ;;
    story-postgres) need_rust && need_compiler && need_node && need_curl && need_postgres ;;
    *) die "no such step: $1 (there are: ${all_steps[*]})" ;;
  esac
}

rust_tests() {
  if cargo nextest --version >/dev/null 2>&1; then
    "$@" cargo nextest run --workspace --locked
  else
    "$@" cargo test --workspace --locked
  fi
}

run_step() {
  case $1 in
    fmt) cargo fmt --all -- --check ;;
    web) npm_install web && npm --prefix web run build ;;
    lint) cargo clippy --workspace --all-targets --locked -- -D warnings ;;
    test) rust_tests env -u TEST_DATABASE_URL ;;
    schema) scripts/schema.sh ;;
    story) scripts/story.sh --browser ;;
    test-postgres) rust_tests scripts/with-postgres.sh ;;
    story-postgres) scripts/with-postgres.sh scripts/story.sh --postgres ;;
  esac
}

steps=("$@")
((${#steps[@]} > 0)) || steps=("${all_steps[@]}")

use_mold

for step in "${steps[@]}"; do
  say "$step"
  if ! needs "$step"; then
    left_out+=("$step")
    continue
  fi
  started=$SECONDS
  # In a shell of its own: in the condition of an `if` or `||` the first failure would not end it.
  set +e
  (set -e; run_step "$step")
  status=$?
  set -e
  ((status == 0)) || die "$step failed"
  note "$step took $((SECONDS - started)) s"
done

((${#left_out[@]} == 0)) || die "left out, because a tool is missing (see above): ${left_out[*]}"
say "all passed: ${steps[*]}"
