#!/bin/sh
# Prints the subjects of a role for the template of a scoped signing key, separated by commas as `nsc` takes them:
#
#   infra/nats/permissions/subjects.sh default agent publish
#   infra/nats/permissions/subjects.sh default agent subscribe
#
# `{{name()}}` stands in it for the name of whoever the key signs: an agent's id. The role `viewer` publishes nothing, for
# which nsc has --deny-pub '>'.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
fail() { echo "$0: $1" >&2; exit 2; }
is_name() { case $1 in '' | *[!A-Za-z0-9_-]*) return 1 ;; esac; }

[ $# -eq 3 ] || fail 'usage: subjects.sh <fleet> <role> publish|subscribe'
is_name "$1" || fail "$1 is no name of a fleet"
is_name "$2" && [ -f "$here/$2.conf" ] || fail "there is no role $2"
case $3 in publish | subscribe) ;; *) fail "$3 is neither publish nor subscribe" ;; esac

sed -n "/^ *$3 { allow: \[/,/\]/ s/^ *\"\(.*\)\"\$/\1/p" "$here/$2.conf" |
  sed "s/<fleet>/$1/g; s/<name>/{{name()}}/g" | paste -sd, -
