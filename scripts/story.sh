#!/usr/bin/env bash
# Plays the client's story (tests/client) against a real server with nothing in it, and audits its GraphQL over
# HTTP; graphql-codegen and the Relay compiler read the schema first. Then it stops the server and checks that it
# left cleanly:
#
#   scripts/story.sh [--postgres] [--browser]
#
# --postgres   keep the data in a new database of the server at TEST_DATABASE_URL, not in SQLite
# --browser    afterwards open GraphiQL in a browser, too (web/test)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=scripts/common.sh
source scripts/common.sh

postgres='' browser=''
for argument; do
  case $argument in
    --postgres) postgres=1 ;;
    --browser) browser=1 ;;
    *) die "usage: scripts/story.sh [--postgres] [--browser]" ;;
  esac
done

# Settings of the developer's own server are none of this one's.
for name in "${!ACCOLADE_@}"; do unset "$name"; done

use_mold
cargo build --locked --quiet
accolade=$(debug_binary)
npm_install tests/client
[[ -z $browser ]] || npm_install web

dir=$(mktemp -d "${TMPDIR:-/tmp}/accolade-story.XXXXXX")
server=''
clean_up() {
  local status=$?
  if [[ -n $server ]]; then
    { kill -KILL "$server" && wait "$server"; } 2>/dev/null || true
  fi
  if ((status != 0)) && [[ -s $dir/server.log ]]; then
    note "the end of the server's log:"
    tail -n 60 "$dir/server.log" >&2
  fi
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# It runs on small and well-filled disks, too.
place=(--data-dir "$dir/data" --reserve-bytes 0 --reserve-percent 0)
kind=SQLite
if [[ -n $postgres ]]; then
  [[ -n ${TEST_DATABASE_URL:-} ]] || die "TEST_DATABASE_URL is not set; see scripts/with-postgres.sh"
  database=story_$$_$RANDOM
  psql "$TEST_DATABASE_URL" --quiet --command "CREATE DATABASE $database"
  kind=PostgreSQL
  place+=(--database-url "${TEST_DATABASE_URL%/*}/$database")
fi

# Accolade runs in that folder, so that no accolade.toml lying about here is read.
port=$(free_port)
url=http://127.0.0.1:$port
say "story: a server on $url, data in $kind"
(cd "$dir" && exec "$accolade" serve --listen "127.0.0.1:$port" --public-url "$url" "${place[@]}") \
  >"$dir/server.log" 2>&1 &
server=$!

for ((tries = 0; ; tries++)); do
  [[ $(curl --noproxy '*' -s -o /dev/null -w '%{http_code}' "$url/readyz" || true) != 200 ]] || break
  kill -0 "$server" 2>/dev/null || die "the server ended before it was ready"
  ((tries < 300)) || die "the server was not ready within 60 s"
  sleep 0.2
done

# The token is the last word printed.
token=$(cd "$dir" && "$accolade" token create --name story --scope ADMIN "${place[@]}" |
  awk 'NF { last = $NF } END { print last }')
[[ -n $token ]] || die "accolade token create printed no token"

(
  export ACCOLADE_URL=$url ACCOLADE_TOKEN=$token
  npm --prefix tests/client run codegen
  npm --prefix tests/client run relay
  npm --prefix tests/client run typecheck
  npm --prefix tests/client run story
  npm --prefix tests/client run audit
)
if [[ -n $browser ]]; then
  say "story: GraphiQL in a browser"
  CHROMIUM=$(chromium_path) || die "no chromium"
  export CHROMIUM
  ACCOLADE_URL=$url ACCOLADE_TOKEN=$token npm --prefix web test
fi

# What is under way may take 30 s to finish; after that the server must be gone, and of its own will.
kill -TERM "$server"
for ((tries = 0; tries < 200; tries++)); do
  kill -0 "$server" 2>/dev/null || break
  sleep 0.2
done
! kill -0 "$server" 2>/dev/null || die "the server still runs 40 s after SIGTERM"
status=0
wait "$server" || status=$?
server=''
((status == 0)) || die "the server ended with $status after SIGTERM"
