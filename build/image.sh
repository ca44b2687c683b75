#!/usr/bin/env bash
# Makes build/out/image: kernel, initramfs and data disk of a router, without root or loop devices.
# The kernel is started directly (with qemu -kernel -initrd, or any boot loader that can do that).
# COMPRESS is gzip's level.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
out=build/out/image
cache=build/out/image-parts
say() { printf 'image: %s\n' "$*" >&2; }

# Debian's kernel and busybox, unpacked but not installed.
parts() {
  [ ! -f $cache/ready ] || return 0
  local kernel
  kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
  say "fetching $kernel and busybox-static"
  rm -rf $cache && mkdir -p $cache/files
  (cd $cache && apt-get -q -o Acquire::Retries=3 download "$kernel" busybox-static >&2)
  for package in $cache/*.deb; do dpkg -x "$package" $cache/files; done
  touch $cache/ready
}

# busybox, the C library for the executable, modules for disk, network and ESP.
initramfs() {
  local root=$out/root file modules version
  rm -rf "$root" && mkdir -p "$root"/{bin,lib,lib64}
  install -m 755 $cache/files/bin/busybox build/image/slot-update "$root/bin"
  install -m 755 build/image/init "$root/init"
  for file in libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2; do
    install -m 755 "/lib/x86_64-linux-gnu/$file" "$root/lib"
  done
  install -m 755 /lib64/ld-linux-x86-64.so.2 "$root/lib64"
  # Makes the file system of an empty data disk.
  install -D -m 755 /sbin/mke2fs "$root/sbin/mke2fs"
  ldd /sbin/mke2fs | awk '$2 == "=>" && $3 !~ /libc\.so/ { print $3 }' |
    xargs -I{} install -m 755 {} "$root/lib"
  modules=$(echo $cache/files/lib/modules/*)
  version=$(basename "$modules")
  for file in crypto lib arch net/ipv4 net/ipv6 net/xfrm net/core net/key drivers/virtio \
    drivers/block drivers/net; do
    [ -d "$modules/kernel/$file" ] || continue
    mkdir -p "$root/lib/modules/$version/kernel/$(dirname "$file")"
    cp -r "$modules/kernel/$file" "$root/lib/modules/$version/kernel/$file"
  done
  cp "$modules"/modules.{builtin,order} "$root/lib/modules/$version"
  /sbin/depmod -b "$root" "$version" 2>/dev/null
  # Files that are already compressed come first, and are not compressed again.
  { factory; archive "$root" | gzip -"${COMPRESS:-6}"n; } >$out/initramfs.gz
  rm -rf "$root"
}

# An archive in the kernel's format; the same files always give the same archive.
archive() {
  find "$1" -exec touch -hd @0 {} +
  (cd "$1" && find . | LC_ALL=C sort | "$OLDPWD/$cache/files/bin/busybox" cpio -o -H newc -R 0:0) \
    2>/dev/null
}

# What an empty data disk gets: the executable, an empty configuration, addresses.
factory() {
  local root=$out/factory
  rm -rf "$root" && mkdir -p "$root/factory/data"
  skeleton "$root/factory/data"
  gzip -"${COMPRESS:-6}"n <build/out/erouted >"$root/factory/erouted.gz"
  archive "$root"
  rm -rf "$root"
}

skeleton() {
  mkdir -p "$1/etc/erouted"
  install -m 644 build/packaging/erouted.toml "$1/etc/erouted/erouted.toml"
  install -m 644 build/image/network.sh "$1/etc/network.sh"
}

# ext4 with both slots, configuration and rows: everything that a router keeps.
data() {
  local root=$out/data
  rm -rf "$root" && mkdir -p "$root"/{etc/erouted,lib/erouted,slots/a,slots/b}
  install -m 755 build/out/erouted "$root/slots/a/erouted"
  skeleton "$root"
  echo a >"$root/slot"
  # Files for this router only: its configuration, keys, network.
  if [ -n "${DATA:-}" ]; then cp -r "$DATA"/. "$root"; fi
  rm -f $out/data.ext4
  /sbin/mke2fs -q -t ext4 -E root_owner=0:0 -d "$root" $out/data.ext4 640M
  rm -rf "$root"
}

mkdir -p $out
parts
initramfs
install -m 644 $cache/files/boot/vmlinuz-* $out/vmlinuz
data
say "vmlinuz, initramfs.gz ($(du -h $out/initramfs.gz | cut -f1)) and data.ext4 in $out"
