# What the scripts beside this file share. Sourced, never run.
# shellcheck shell=bash

say() { printf '\n== %s\n' "$*"; }
note() { printf '%s\n' "$*" >&2; }
die() {
  note "error: $*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages as root, or through sudo where that asks for no password; fails where it cannot.
install_packages() {
  local as_root=(env)
  if ((EUID != 0)); then
    have sudo && sudo -n true 2>/dev/null || return 1
    as_root=(sudo env)
  fi
  have apt-get || return 1
  note "installing $*"
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || return 1
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Links with mold where the compiler can: the server is a large binary, and linking it is most of a rebuild.
use_mold() {
  have mold && have cc || return 0
  printf 'int main(void) { return 0; }\n' | cc -fuse-ld=mold -x c -o /dev/null - 2>/dev/null || return 0
  export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C link-arg=-fuse-ld=mold"
}

# The debug binary that `cargo build` leaves, as an absolute path.
debug_binary() { printf '%s/debug/accolade\n' "$(realpath "${CARGO_TARGET_DIR:-target}")"; }

# A TCP port of 127.0.0.1 that nothing listens on, below those the kernel hands to outgoing connections.
free_port() {
  local port
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s\n' "$port"
      return
    fi
  done
  die "no free port between 20000 and 32000"
}

# Whether Node.js is there and new enough for the console's tools.
have_node() {
  have npm && node -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# Installs a folder's npm packages, unless they are as its lock file says already.
npm_install() {
  local installed=$1/node_modules/.package-lock.json
  [[ -e $installed && ! $1/package-lock.json -nt $installed ]] || npm --prefix "$1" ci --no-audit --no-fund
}

# The folder of the newest PostgreSQL server programs, 15 or later; PG_BIN names it where it is somewhere else.
postgres_bin() {
  local dir version
  while read -r dir; do
    [[ -x $dir/initdb && -x $dir/pg_ctl ]] || continue
    version=$("$dir/initdb" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')
    if ((version >= 15)); then
      printf '%s\n' "$dir"
      return
    fi
  done < <(
    printf '%s\n' "${PG_BIN:-}"
    printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin | sort -rV
    dirname "$(command -v initdb || true)"
  )
  return 1
}

# The browser that the console's tests drive; CHROMIUM names it where it is somewhere else.
chromium_path() {
  local name
  for name in "${CHROMIUM:-chromium}" chromium-browser google-chrome; do
    command -v "$name" && return
  done
  return 1
}
