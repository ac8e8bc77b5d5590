#!/usr/bin/env bash
# Finds a nats-server, or gets one into .local/bin without touching the system. Does nothing when there is one.
#
# Looks at CONCLAVE_NATS_SERVER (if set, only there), PATH, /usr/sbin, .local/bin: the same places, in the same
# order, as src/nats/server-binary.ts. Wants >= 2.14.6, because that is what durability is promised on; takes
# >= 2.10 with a warning. On Debian and Ubuntu the package comes from the mirror that this machine is configured
# with, checked with that mirror's own keys, from a newer suite; apt's lists and caches for it are in a temporary
# folder under .local.
set -euo pipefail

readonly oldest=2.10.0 wanted=2.14.6
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root local_bin="$root/.local/bin/nats-server"

say() { printf 'nats-server: %s\n' "$*" >&2; }

# Prints the version of a binary that runs, nothing for one that does not.
version_of() { "$1" --version 2>/dev/null | sed -nE 's/^nats-server: v([0-9]+\.[0-9]+\.[0-9]+).*/\1/p' || true; }

at_least() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$2" ]; }

candidates() {
  if [ -n "${CONCLAVE_NATS_SERVER:-}" ]; then
    printf '%s\n' "$CONCLAVE_NATS_SERVER"
  else
    command -v nats-server || true
    printf '%s\n' /usr/sbin/nats-server # where Debian puts it, often not in PATH
    printf '%s\n' "$local_bin"
  fi
}

# Sets `found` and `version` to the first candidate of at least the version given.
find_server() {
  found='' version=''
  while read -r path; do
    version=$(version_of "$path")
    if at_least "$version" "$1"; then found=$path && return 0; fi
  done < <(candidates)
  version=''
  return 1
}

# Prints each apt source of this machine that is a distribution's (component `main`, a suite without a suffix), as
# a deb822 stanza for the suite and components given; mirror, keys and other options stay what they are.
# Stanzas are separated by a NUL.
stanzas_for() {
  local suite=$1 components=$2
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk -v suite="$suite" -v components="$components" '
    $1 == "deb" {
      signed = ""
      if (match($0, /\[[^]]*\]/)) {
        options = substr($0, RSTART + 1, RLENGTH - 2)
        if (match(options, /signed-by=[^ ]+/)) signed = "Signed-By: " substr(options, RSTART + 10, RLENGTH - 10) "\n"
        sub(/\[[^]]*\]/, "")
      }
      if ($3 ~ /[-\/]/ || $0 !~ / main( |$)/) next
      printf "Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n%s%c", $2, suite, components, signed, 0
    }' || true
  # A blank line between files, or the last stanza of one runs into the first of the next.
  awk 'FNR == 1 && NR > 1 { print "" } { print }' /etc/apt/sources.list.d/*.sources 2>/dev/null |
    awk -v suite="$suite" -v components="$components" '
    BEGIN { RS = ""; FS = "\n" }
    /Enabled: *no/ || !/Components:[^\n]* main/ { next }
    {
      plain = 0; stanza = ""
      for (i = 1; i <= NF; i++) {
        line = $i
        if (line ~ /^Suites:/) {
          n = split(line, words, " ")
          for (w = 2; w <= n; w++) if (words[w] !~ /[-\/]/) plain = 1
          line = "Suites: " suite
        }
        if (line ~ /^Components:/) line = "Components: " components
        if (line ~ /^Types:/) line = "Types: deb"
        if (line !~ /^#/) stanza = stanza line "\n"
      }
      if (plain) printf "%s%c", stanza, 0
    }' || true
}

# Downloads and unpacks the package described by one stanza; leaves its binary in $work/unpacked.
download_with_apt() {
  local stanza=$1 work=$2
  rm -rf "$work" && mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/none" "$work/unpacked"
  printf '%sTargets: Packages\n' "$stanza" >"$work/conclave.sources"
  # Read after the system's configuration: private folders, and none of the system's hooks or pins.
  cat >"$work/apt.conf" <<CONF
Dir::Etc::SourceList "$work/conclave.sources";
Dir::Etc::SourceParts "$work/none";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "$work/none";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
#clear APT::Update;
#clear DPkg::Post-Invoke;
CONF
  (cd "$work" && apt-get -qq -c apt.conf update && apt-get -qq -c apt.conf download nats-server) >&2 &&
    dpkg-deb -x "$work"/nats-server_*.deb "$work/unpacked"
}

get_with_apt() {
  local suites components work stanza suite
  case " $(. /etc/os-release && echo "${ID:-} ${ID_LIKE:-}") " in
    *' ubuntu '*) suites='devel' components='main universe' ;;
    *' debian '*) suites='forky sid' components='main' ;;
    *) return 1 ;;
  esac
  work=$root/.local/setup.$$
  trap 'rm -rf "$root/.local/setup.$$"' EXIT
  for suite in $suites; do
    while IFS= read -r -d '' stanza; do
      say "trying the package of suite $suite from this machine's mirror"
      if download_with_apt "$stanza" "$work" && install_binary "$work/unpacked/usr/sbin/nats-server"; then return 0; fi
    done < <(stanzas_for "$suite" "$components")
  done
  return 1
}

# Moves a binary that runs here and is new enough to .local/bin, in one step.
install_binary() {
  at_least "$(version_of "$1")" "$wanted" || return 1
  mkdir -p "$(dirname "$local_bin")"
  mv -f "$1" "$local_bin"
}

get_server() {
  [ -z "${CONCLAVE_NATS_SERVER:-}" ] || return 1
  if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    get_with_apt
  elif command -v brew >/dev/null; then
    brew install nats-server >&2 || brew upgrade nats-server >&2
  else
    return 1
  fi
}

if find_server "$wanted" || { get_server && find_server "$wanted"; }; then
  say "$found, version $version"
elif find_server "$oldest"; then
  say "WARNING: $found is version $version. Durability is promised on $wanted or newer only:"
  say "WARNING: an older server may acknowledge what it can still lose. Install a newer one before you rely on it."
else
  [ -z "${CONCLAVE_NATS_SERVER:-}" ] || say "CONCLAVE_NATS_SERVER is set to $CONCLAVE_NATS_SERVER, which is not a nats-server >= $oldest."
  cat >&2 <<HELP
nats-server: none found, and none could be installed here. Do one of these, then run this again:
  - download nats-server $wanted or newer from the releases page of the project nats-io/nats-server, and put the
    binary in PATH or at $local_bin;
  - copy it out of the container image nats:latest (docker create, then docker cp .../nats-server);
  - set CONCLAVE_NATS_SERVER to the path of one that you have.
HELP
  exit 1
fi
