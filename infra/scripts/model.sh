#!/usr/bin/env bash
# Checks docs/model/ledger.pml with Spin: every order of events in fleets of a few sizes, and that each broken rule is
# found out. Needs spin and a C compiler; without them it says so and does nothing. Writes nothing but a folder of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

for tool in spin cc; do
  if ! command -v "$tool" >/dev/null; then
    echo "SKIPPED: there is no $tool on this machine (Debian: apt-get install spin gcc)"
    exit 0
  fi
done

model=$PWD/docs/model/ledger.pml
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# check <holds|breaks> <definition…>
check() {
  local expected=$1 errors states
  shift
  (cd "$folder" && rm -f pan* && spin "$@" -a "$model" >/dev/null && cc -w -O2 -DCOLLAPSE -DSAFETY -o pan pan.c)
  (cd "$folder" && ./pan -m100000 -w26) >"$folder/said"
  errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$folder/said")
  states=$(sed -n 's/^ *\([0-9]*\) states, stored$/\1/p' "$folder/said")
  printf '%-7s %-62s %10s states, %s errors\n' "$expected" "$*" "$states" "$errors"
  if grep -q 'max search depth too small' "$folder/said"; then failed=1; echo "  not searched to the end"; fi
  case $expected in
    holds) [ "$errors" = 0 ] || failed=1 ;;
    breaks) [ "$errors" != 0 ] || failed=1 ;;
  esac
}

check holds -DNODES=2 -DSLOTS=3 -DAPPENDS=2 -DCRASHES=0
check holds -DNODES=2 -DSLOTS=2 -DAPPENDS=2 -DCRASHES=1
check holds -DNODES=2 -DSLOTS=3 -DAPPENDS=2 -DCRASHES=1
check holds -DNODES=3 -DSLOTS=2 -DAPPENDS=1 -DCRASHES=0
# In the sizes with three slots a second term with an entry in it is reached.
check breaks -DREACH -DNODES=2 -DSLOTS=3 -DAPPENDS=2 -DCRASHES=0
for rule in NO_CAS NEXT_SLOT TRUST_REFUSAL LEAD_BY_READING REACH; do
  check breaks "-D$rule" -DNODES=2 -DSLOTS=4 -DAPPENDS=3 -DCRASHES=1
done

if [ "$failed" -ne 0 ]; then echo 'not as it should be'; fi
exit "$failed"
