# shellcheck shell=bash
# What a Debian 12 machine needs, and how it gets it. Sourced by ./run and ./check.

# Besides the libraries: cmocka, because the build describes the tests too.
# shellcheck disable=SC2034
packages_to_build="gcc g++ libc6-dev meson ninja-build pkgconf python3 libwebsockets-dev libuv1-dev libhiredis-dev
  libcjson-dev libsqlite3-dev libsodium-dev libre2-dev libhttp-parser-dev libcmocka-dev zlib1g-dev"

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

has_node() {
  command -v node npm >/dev/null 2>&1 || return 1
  [ "$(node -p 'parseInt(process.versions.node)' 2>/dev/null || echo 0)" -ge "$1" ]
}

is_installed() {
  case $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) in
    installed) return 0 ;;
  esac
  # Debian 12 gives pkg-config to either package.
  [ "$1" = pkgconf ] && command -v pkg-config >/dev/null 2>&1
}

# Install those of the named packages that are missing. Fails with the command to run by hand.
install_packages() {
  local package missing=() as_root=()
  if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    say "This is no Debian: the equivalents of these packages must be there: $*"
    return 0
  fi
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "Installing what is missing: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
    # Without a terminal nobody can type a password.
    [ -t 0 ] || as_root=(sudo -n)
    if ! command -v sudo >/dev/null 2>&1; then
      complain "not root, and there is no sudo. As root: apt-get install ${missing[*]}"
      return 1
    fi
  fi
  local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends)
  # A fresh machine has no package lists, an old one outdated ones: either way the second try has new ones.
  if ! "${install[@]}" "${missing[@]}" </dev/null >/dev/null 2>&1; then
    "${as_root[@]}" apt-get update -q </dev/null >/dev/null || complain "apt-get update failed, trying all the same"
    if ! "${install[@]}" "${missing[@]}" </dev/null >/dev/null; then
      complain "could not install them. By hand: apt-get install ${missing[*]}"
      return 1
    fi
  fi
}

# npm ci in a folder, with what only developers need, unless that was done since the lock file changed. The build
# installs less; npm ci removes the mark together with everything else.
install_npm() {
  local mark=$1/node_modules/.with-development
  [ "$mark" -nt "$1/package-lock.json" ] && return 0
  npm --prefix "$1" ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null && touch "$mark"
}
