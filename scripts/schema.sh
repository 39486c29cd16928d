#!/usr/bin/env bash
# Checks the schema that the server prints: it must be the one in schema/schema.graphql, and what it lacks of
# schema/schema-contract.graphql must be exactly what schema/missing.txt lists. After a change that is meant:
#
#   scripts/schema.sh --write
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

write=''
case ${1:-} in
  '') ;;
  --write) write=1 ;;
  *) die "usage: scripts/schema.sh [--write]" ;;
esac

use_mold
npm_install tests/client
dir=$(mktemp -d "${TMPDIR:-/tmp}/accolade-schema.XXXXXX")
trap 'rm -rf "$dir"' EXIT

cargo run --locked --quiet -- schema >"$dir/schema.graphql"

# The check finds the package `graphql` from the folder it runs in. It exits with 1 when something is missing,
# so what tells that it ran to its end is its last line.
(cd tests/client && node ../../schema/check-contract.mjs "$dir/schema.graphql") >"$dir/contract.txt" || true
grep -q 'types in the contract' "$dir/contract.txt" || die "schema/check-contract.mjs did not finish"
sed -n 's/^missing: //p' "$dir/contract.txt" | LC_ALL=C sort >"$dir/missing.txt"
tail -n 1 "$dir/contract.txt"

if [[ -n $write ]]; then
  cp "$dir/schema.graphql" schema/schema.graphql
  cp "$dir/missing.txt" schema/missing.txt
  exit
fi

failed=''
for file in schema.graphql missing.txt; do
  diff --unified --label "schema/$file" --label "now" "schema/$file" "$dir/$file" || failed=1
done
[[ -z $failed ]] || die "the server's schema has changed; if that is meant, run scripts/schema.sh --write and commit the result"
