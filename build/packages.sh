#!/usr/bin/env bash
# Makes build/out/packages: tarballs (glibc and musl, x64 and arm64), .deb packages, files for
# OpenWrt. Needs no root. The same sources give the same octets: timestamps are those of the last
# commit, owners are root, names are sorted. Executables and .deb packages are cached by the hash of
# what they are made of.
# COMPRESS is gzip's level.
#   packages.sh [TARGET…]   only x64, arm64, x64-musl, arm64-musl; deb-x64, deb-arm64: no tarball
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022

version=$(node_modules/.bin/bun -e 'console.log(require("./package.json").version)')
out=build/out/packages
work=build/out/packaging
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH
hash=$({ node_modules/.bin/bun --version; find src -type f | sort | xargs cat; \
  cat package.json bun.lock build/compile.sh; } | sha256sum | cut -c1-16)

say() { printf 'packages: %s\n' "$*" >&2; }

# Of all that a .deb is made of: to compress it takes 20 s of a processor.
deb_hash=$({ echo "$hash $SOURCE_DATE_EPOCH"; git log -1 --format=%h 2>/dev/null || true; \
  find docs build/packaging build/packages.sh build/third-party.ts LICENSE -type f | sort | xargs cat; } |
  sha256sum | cut -c1-16)

# The executable for a target, from the cache or compiled.
executable() {
  local file=build/out/cross/$hash/erouted-$1
  if [ ! -x "$file" ]; then
    say "compiling for $1"
    build/compile.sh "$file" "bun-linux-$1" >&2
  fi
  echo "$file"
}

# A tar archive of a folder, with the folder's name before all its files.
archive() {
  local folder=$1 file=$2
  tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    -C "$(dirname "$folder")" -cf - "$(basename "$folder")" | gzip -"${COMPRESS:-6}"n >"$file"
}

documents() {
  install -d "$1"
  install -m 644 docs/*.md docs/erouted.example.toml docs/alerts.yaml docs/grafana-dashboard.json "$1"
  node_modules/.bin/bun build/third-party.ts >"$1/THIRD-PARTY"
  chmod 644 "$1/THIRD-PARTY"
}

# The completion script of a shell.
completion() {
  node_modules/.bin/bun src/main.ts completion "$1"
}

tarball() {
  local folder=$work/erouted-$version-linux-$1
  rm -rf "$folder" && mkdir -p "$folder"
  install -m 755 "$(executable "$1")" "$folder/erouted"
  install -m 644 LICENSE README.md CHANGELOG.md build/packaging/erouted.service build/packaging/erouted.toml \
    "$folder"
  documents "$folder/docs"
  install -m 644 docs/erouted.8 "$folder/docs"
  install -d "$folder/completion"
  for shell in bash zsh fish; do
    completion "$shell" >"$folder/completion/erouted.$shell"
  done
  archive "$folder" "$out/$(basename "$folder").tar.gz"
}

debian() {
  local arch=$2 root=$work/erouted_${version}_$2
  local file=$out/erouted_${version}_$arch.deb cached=build/out/cross/$arch.deb.hash
  if [ -f "$file" ] && [ "$(cat "$cached" 2>/dev/null)" = "$deb_hash $(sha256sum <"$file")" ]; then
    return
  fi
  local doc=$root/usr/share/doc/erouted
  rm -rf "$root" && mkdir -p "$root/DEBIAN"
  install -D -m 755 "$(executable "$1")" "$root/usr/bin/erouted"
  install -D -m 644 build/packaging/erouted.service "$root/lib/systemd/system/erouted.service"
  install -D -m 644 build/packaging/erouted.toml "$root/etc/erouted/erouted.toml"
  documents "$doc"
  local share=$root/usr/share
  install -d "$share/man/man8" "$share/bash-completion/completions" \
    "$share/zsh/vendor-completions" "$share/fish/vendor_completions.d"
  gzip -9n <docs/erouted.8 >"$share/man/man8/erouted.8.gz"
  completion bash >"$share/bash-completion/completions/erouted"
  completion zsh >"$share/zsh/vendor-completions/_erouted"
  completion fish >"$share/fish/vendor_completions.d/erouted.fish"
  printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n%s\n\n%s\n' \
    'Upstream-Name: erouted' "$(cat LICENSE)" >"$doc/copyright"
  printf 'erouted (%s) unstable; urgency=medium\n\n  * As of %s.\n\n -- erouted <root@localhost>  %s\n' \
    "$version" "$(git log -1 --format=%h 2>/dev/null || echo unknown)" \
    "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
  install -m 755 build/packaging/debian/{postinst,prerm,postrm} "$root/DEBIAN"
  echo /etc/erouted/erouted.toml >"$root/DEBIAN/conffiles"
  (cd "$root" && find usr lib -type f | sort | xargs md5sum) >"$root/DEBIAN/md5sums"
  cat >"$root/DEBIAN/control" <<CONTROL
Package: erouted
Version: $version
Architecture: $arch
Maintainer: erouted <root@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: libc6 (>= 2.17), adduser
Section: net
Priority: optional
Description: IKE VPN concentrator: sites in MySQL, ESP in the Linux kernel
 Thousands of remote sites dial in from addresses that nobody knows in advance.
 What they have in common is configured once, what differs is one row of a table.
CONTROL
  find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$file" >&2
  echo "$deb_hash $(sha256sum <"$file")" >"$cached"
}

# Files in place, to be unpacked at / or added to an image through files/ of its builder.
openwrt() {
  local root=$work/erouted-$version-openwrt-$1
  rm -rf "$root"
  install -D -m 755 "$(executable "$1-musl")" "$root/usr/bin/erouted"
  install -D -m 755 build/packaging/openwrt/erouted.init "$root/etc/init.d/erouted"
  # /var is in memory there, so rows are kept beside the configuration.
  install -d "$root/etc/erouted"
  sed 's,/var/lib/erouted/,/etc/erouted/,' build/packaging/erouted.toml |
    install -m 600 /dev/stdin "$root/etc/erouted/erouted.toml"
  install -d "$root/usr/share/licenses/erouted"
  install -m 644 LICENSE "$root/usr/share/licenses/erouted/LICENSE"
  node_modules/.bin/bun build/third-party.ts >"$root/usr/share/licenses/erouted/THIRD-PARTY"
  # Without this, a system update loses the configuration.
  install -d "$root/lib/upgrade/keep.d"
  echo /etc/erouted/ >"$root/lib/upgrade/keep.d/erouted"
  archive "$root" "$out/$(basename "$root").tar.gz"
}

mkdir -p "$out"
[ $# -gt 0 ] || set -- x64 arm64 x64-musl arm64-musl
for target; do
  case $target in
    x64 | deb-x64) debian x64 amd64 ;;
    arm64 | deb-arm64) debian arm64 arm64 ;;
    x64-musl | arm64-musl) openwrt "${target%-musl}" ;;
    *) say "unknown target $target"; exit 2 ;;
  esac
  case $target in deb-*) ;; *) tarball "$target" ;; esac
done
rm -rf "$work"
(cd "$out" && find . -name "erouted*" -printf "%P\n" | sort | xargs sha256sum >SHA256SUMS)
say "$(find "$out" -type f | wc -l) files in $out"
