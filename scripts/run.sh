#!/usr/bin/env bash
# The first thing to run: builds the console if it was not built yet, then the server, fills ./data/demo with a
# demo catalogue and serves it on http://127.0.0.1:4000. The server prints a token and a link to GraphiQL.
# Arguments go to `accolade demo`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

have cargo || die "Rust is not installed; see https://rustup.rs"

if [[ ! -d web/dist ]]; then
  if have_node; then
    say "building the console"
    npm_install web
    npm --prefix web run build
  else
    note "Node.js 20.19 or later is not installed: the server goes without its console and GraphiQL"
  fi
fi

# A debug build: it is up sooner, and the demo does not need more.
use_mold
say "building and starting the server"
exec cargo run --locked -- demo "$@"
