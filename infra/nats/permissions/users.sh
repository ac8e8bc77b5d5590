#!/bin/sh
# Prints the users of a fleet with the permissions of their roles, as nats-server reads them:
#
#   infra/nats/permissions/users.sh default electable-agent:ada agent:cas client:shop > users.conf
#
# A role is a file beside this one, a name is an agent's id or that of a person or a program. The password of `ada` comes
# from the server's environment, as NATS_PASSWORD_ADA (for `web-1`: NATS_PASSWORD_WEB_1).
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
fail() { echo "$0: $1" >&2; exit 2; }
is_name() { case $1 in '' | *[!A-Za-z0-9_-]*) return 1 ;; esac; }

[ $# -ge 2 ] || fail 'usage: users.sh <fleet> <role>:<name> ...'
fleet=$1
shift
is_name "$fleet" || fail "$fleet is no name of a fleet"
users=
for user in "$@"; do
  role=${user%%:*}
  name=${user#*:}
  is_name "$role" && [ -f "$here/$role.conf" ] || fail "$user: there is no role $role"
  is_name "$name" || fail "$user: $name is no name"
  password=NATS_PASSWORD_$(printf '%s' "$name" | tr 'a-z-' 'A-Z_')
  permissions=$(grep -v '^#' "$here/$role.conf" | sed "s/<fleet>/$fleet/g; s/<name>/$name/g; s/^/  /")
  users="$users{
  user: \"$name\"
  password: \$$password
$permissions
}
"
done
cat <<CONFIG
authorization { users [
$users] }
CONFIG
