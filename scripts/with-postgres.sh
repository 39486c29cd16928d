#!/usr/bin/env bash
# Runs a command beside a throw-away PostgreSQL server and removes the server when the command ends:
#
#   scripts/with-postgres.sh cargo test
#
# The command finds the server in TEST_DATABASE_URL. Needs PostgreSQL 15 or later; needs no rights of its own,
# and as root, where PostgreSQL refuses to run, becomes the user `postgres` for the server.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

(($# > 0)) || die "usage: scripts/with-postgres.sh COMMAND [ARGUMENT…]"
bin=$(postgres_bin) || die "PostgreSQL 15 or later is not installed (on Debian: apt-get install postgresql); PG_BIN may name the folder of initdb"

as_owner=(env)
dir=$(mktemp -d "${TMPDIR:-/tmp}/accolade-postgres.XXXXXX")
if ((EUID == 0)); then
  id postgres >/dev/null 2>&1 || die "PostgreSQL does not run as root, and there is no user postgres"
  as_owner=(runuser -u postgres --)
  chown postgres "$dir"
fi

# In the server's own folder, because its user may not be allowed to enter ours.
server() {
  local program=$1
  shift
  (cd "$dir" && "${as_owner[@]}" "$bin/$program" "$@")
}

clean_up() {
  server pg_ctl stop --pgdata="$dir/data" --mode=immediate --silent >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# It sorts as people do, so a query that relies on the order of bytes and does not say so fails here.
server initdb --pgdata="$dir/data" --username=postgres --auth=trust --encoding=UTF8 \
  --locale=C.UTF-8 --locale-provider=icu --icu-locale=en --no-sync >"$dir/initdb.log" 2>&1 || {
  cat "$dir/initdb.log" >&2
  die "initdb failed"
}

# The data is worth nothing, so nothing waits for the disk.
cat >>"$dir/data/postgresql.conf" <<'CONF'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
max_locks_per_transaction = 256
shared_buffers = 256MB
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 2GB
timezone = 'UTC'
CONF

for attempt in 1 2 3; do
  port=$(free_port)
  if server pg_ctl start --pgdata="$dir/data" --log="$dir/server.log" --silent --wait --timeout=60 \
    --options="-p $port" >/dev/null 2>&1; then
    break
  fi
  ((attempt < 3)) || {
    cat "$dir/server.log" >&2
    die "PostgreSQL did not start"
  }
done

export TEST_DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"
note "PostgreSQL of $bin listens on 127.0.0.1:$port"
"$@"
