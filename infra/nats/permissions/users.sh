#!/bin/sh
# Prints the users of a fleet with the permissions of their roles, as nats-server reads them:
#
#   infra/nats/permissions/users.sh default electable-agent:ada agent:cas client:shop > users.conf
#   infra/nats/permissions/users.sh --nkeys keys default electable-agent:ada agent:cas client:shop > users.conf
#
# A role is a file beside this one, a name is an agent's id or that of a person or a program. The password of `ada` comes
# from the server's environment, as NATS_PASSWORD_ADA (for `web-1`: NATS_PASSWORD_WEB_1). With --nkeys ada logs in with the
# nkey whose public part is in keys/ada.pub, which nkeys.mjs makes.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
fail() { echo "$0: $1" >&2; exit 2; }
is_name() { case $1 in '' | *[!A-Za-z0-9_-]*) return 1 ;; esac; }

keys=
[ "${1:-}" != --nkeys ] || { keys=${2:-}; [ -d "$keys" ] || fail "there is no folder $keys"; shift 2; }
[ $# -ge 2 ] || fail 'usage: users.sh [--nkeys <folder>] <fleet> <role>:<name> ...'
fleet=$1
shift
is_name "$fleet" || fail "$fleet is no name of a fleet"

# Prints how a user logs in.
login_of() {
  if [ -z "$keys" ]; then
    printf '  user: "%s"\n  password: $NATS_PASSWORD_%s\n' "$1" "$(printf '%s' "$1" | tr 'a-z-' 'A-Z_')"
    return
  fi
  [ -f "$keys/$1.pub" ] || fail "there is no $keys/$1.pub: make it with nkeys.mjs $keys $1"
  key=$(cat "$keys/$1.pub")
  case $key in U*) ;; *) fail "$keys/$1.pub holds no public key of a user" ;; esac
  is_name "$key" || fail "$keys/$1.pub holds no public key of a user"
  printf '  # %s\n  nkey: %s\n' "$1" "$key"
}

users=
for user in "$@"; do
  role=${user%%:*}
  name=${user#*:}
  is_name "$role" && [ -f "$here/$role.conf" ] || fail "$user: there is no role $role"
  is_name "$name" || fail "$user: $name is no name"
  login=$(login_of "$name") || exit 2
  permissions=$(grep -v '^#' "$here/$role.conf" | sed "s/<fleet>/$fleet/g; s/<name>/$name/g; s/^/  /")
  users="$users{
$login
$permissions
}
"
done
cat <<CONFIG
authorization { users [
$users] }
CONFIG
