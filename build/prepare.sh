#!/usr/bin/env bash
# Installs what building and testing need. Fast if everything is installed.
#   prepare.sh packages   Debian packages for the tests (build/packages.txt), libreswan, a kernel, tools
#   prepare.sh tools      Bun, in the version that package.json names, and the packages of bun.lock
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'prepare: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# dpkg-query fails for an unknown name, but still reports the others.
missing_packages() {
  command -v node >/dev/null || echo nodejs
  command -v npm >/dev/null || echo npm
  { xargs dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' <build/packages.txt 2>/dev/null || true; } |
    awk '$1 == "ii" { print $2 }' | sort | comm -13 - <(sort build/packages.txt)
}

# Daemons in the packages must not start: the tests start their own.
without_services() {
  local policy=/usr/sbin/policy-rc.d
  if [ -e $policy ]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod +x $policy
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  "$@"
  rm -f $policy
  trap - EXIT
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q -o Acquire::Retries=3 update ||
    say "the package lists could not be refreshed completely; continuing"
  without_services apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends "$@"
}

# libreswan's package conflicts with strongSwan's: it is unpacked, and its dependencies are
# installed.
libreswan() {
  local folder=build/out/libreswan needs package
  [ ! -x $folder/usr/libexec/ipsec/pluto ] || return 0
  say "unpacking libreswan"
  rm -rf $folder.new $folder && mkdir -p $folder.new
  (cd $folder.new && apt-get -q -o Acquire::Retries=3 download libreswan >&2)
  package=$(echo $folder.new/libreswan_*.deb)
  needs=$(dpkg-deb --field "$package" Depends)
  export DEBIAN_FRONTEND=noninteractive
  without_services apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
    satisfy --no-install-recommends "$needs"
  dpkg-deb --extract "$package" $folder.new
  mv $folder.new $folder
}

# Packages of another Debian release than this machine's: apt checks their signatures, and what it
# knows of that release stays in the folder. `apt_of_release RELEASE FOLDER` sets APT_GET.
apt_of_release() {
  local release=$1 apt=$PWD/$2/apt
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status" # nothing of that release is installed
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "http://deb.debian.org/debian $release main" >"$apt/sources.list"
  APT_GET=(
    apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User=root -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::preferencesparts=/dev/null
    -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status"
    -o Dir::Cache="$apt/cache" -o Acquire::Languages=none
  )
  "${APT_GET[@]}" update >&2
}

# Unpacks these packages: RELEASE FOLDER PACKAGE...
unpack_from_release() {
  local folder=$2 package
  apt_of_release "$1" "$2" || return
  shift 2
  (cd "$folder/apt" && "${APT_GET[@]}" download "$@" >&2) || return
  for package in "$folder"/apt/*.deb; do dpkg-deb --extract "$package" "$folder" || return; done
  rm -rf "$folder/apt"
}

# The same with all that they depend on, for chroot. Each further argument is a list of packages;
# packages of different lists may conflict with each other.
unpack_root_from_release() {
  local folder=$2 package list
  apt_of_release "$1" "$2" || return
  shift 2
  for list in "$@"; do
    # shellcheck disable=SC2086
    "${APT_GET[@]}" -y --download-only --no-install-recommends install $list >&2 || return
  done
  for package in "$folder"/apt/cache/archives/*.deb; do
    dpkg-deb --extract "$package" "$folder" || return
  done
  rm -rf "$folder/apt"
}

# The kernel for tests. From 6.16 on it can run a process under seccomp instead of ptrace, and tests
# take a third of the time: an older Debian gets the kernel of the next release, or else of the
# present one, with the C library that it is linked to. The path of its dynamic loader is replaced
# in the file, by one below this folder.
UML=build/out/uml
uml() {
  local installed release
  installed=$(dpkg-query -W -f '${Version}' user-mode-linux 2>/dev/null || true)
  if [ -x $UML/linux ] || dpkg --compare-versions "$installed" ge 6.16; then return 0; fi
  for release in forky trixie; do
    say "unpacking a newer user-mode-linux, of Debian's $release"
    rm -rf $UML.new
    if uml_of "$release"; then return 0; fi
  done
  say "none could be had: tests use $installed, and take much longer"
}
uml_of() {
  local release=$1 library=usr/lib/x86_64-linux-gnu zeros
  local old=/lib64/ld-linux-x86-64.so.2 interpreter=$UML/ld.so
  unpack_from_release "$release" $UML.new user-mode-linux libc6 || return
  ln -s $library/ld-linux-x86-64.so.2 $UML.new/ld.so
  zeros=$(printf '\\x00%.0s' $(seq $((${#old} - ${#interpreter}))))
  LC_ALL=C sed "s#$old\\x00#$interpreter$zeros\\x00#" $UML.new/usr/bin/linux.uml >$UML.new/linux
  chmod +x $UML.new/linux
  rm -rf $UML
  mv $UML.new $UML
  LD_LIBRARY_PATH=$UML/$library $UML/linux --version >&2 || { rm -rf $UML && return 1; }
}

# Peers of the next Debian release, which know what came into IKEv2 since this one. Nothing is
# installed there, so no user exists until it is written down.
NEWER=build/out/newer
newer_peers() {
  if [ -x $NEWER/usr/sbin/iked ] && [ -x $NEWER/usr/libexec/ipsec/pluto ]; then
    iked_key
    return 0
  fi
  say "unpacking strongSwan, libreswan and OpenIKED of Debian's forky"
  rm -rf $NEWER.new $NEWER
  if unpack_root_from_release forky $NEWER.new "$NEWER_STRONGSWAN" "libreswan openiked"; then
    echo "root:x:0:0:root:/root:/bin/sh" >$NEWER.new/etc/passwd
    echo "_iked:x:999:999::/var/empty:/usr/sbin/nologin" >>$NEWER.new/etc/passwd
    printf 'root:x:0:\n_iked:x:999:\n' >$NEWER.new/etc/group
    mkdir $NEWER.new/var/empty && mv $NEWER.new $NEWER
    iked_key
  else
    say "they could not be had: tests that need them are skipped"
  fi
}
# Without a key pair iked ends at once, even if it never uses it; an installation makes one.
iked_key() {
  local folder=$NEWER/etc/iked
  [ -s $folder/local.pub ] && return 0
  openssl ecparam -genkey -name prime256v1 -noout -out $folder/private/local.key
  openssl ec -in $folder/private/local.key -pubout -out $folder/local.pub 2>/dev/null
}
NEWER_STRONGSWAN="base-files charon-systemd strongswan-swanctl libcharon-extra-plugins \
  libstrongswan-standard-plugins libstrongswan-extra-plugins"

packages() {
  command -v dpkg-query >/dev/null || fail "not Debian: install these yourself: $(xargs <build/packages.txt)"
  local missing
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" -gt 0 ]; then
    say "missing: ${missing[*]}"
    [ "$(id -u)" = 0 ] ||
      fail "run once as root: apt-get install --no-install-recommends ${missing[*]}"
    install_packages "${missing[@]}"
  fi
  [ "$(id -u)" != 0 ] || libreswan
  uml
  newer_peers
}

# npm brings Bun; its own installer then puts the binary for this machine in place.
tools() {
  local version tool=build/out/tool
  command -v npm >/dev/null || fail "npm is missing: apt-get install nodejs npm"
  version=$(sed -nE 's/^ *"bun": "([0-9.]+)".*/\1/p' package.json)
  if [ "$($tool/node_modules/.bin/bun --version 2>/dev/null)" != "$version" ]; then
    say "installing bun $version"
    mkdir -p $tool
    echo '{ "private": true }' >$tool/package.json
    npm install --prefix $tool --no-save --no-package-lock --no-audit --no-fund --loglevel=error \
      "bun@$version" >&2
    $tool/node_modules/.bin/bun --version >/dev/null 2>&1 ||
      (cd $tool/node_modules/bun && node install.js)
  fi
  $tool/node_modules/.bin/bun install --frozen-lockfile >&2
  [ "$(node_modules/.bin/bun --version 2>/dev/null)" = "$version" ] ||
    (cd node_modules/bun && node install.js)
}

case "${1:-}" in
  packages) packages && tools ;;
  tools) tools ;;
  *) fail "usage: prepare.sh packages|tools" ;;
esac
