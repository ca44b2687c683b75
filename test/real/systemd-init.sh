#!/bin/bash
# systemd as the first process of a container of its own: the root file system is this machine's
# under a layer in memory, so that packages can be installed; other processes, networks and sysctls
# are out of reach. systemd-init.sh FOLDER: mount points are made there.
set -e
if [ "${2:-}" != inside ]; then
  cgroups=$(findmnt -n -o TARGET -t cgroup2 | head -1)
  mkdir "$cgroups/$(basename "$1")"
  echo $$ >"$cgroups/$(basename "$1")/cgroup.procs"
  exec unshare --pid --fork --kill-child --mount --net --uts --ipc --cgroup bash "$0" "$1" inside
fi
cd "$1"
mount --make-rprivate /
mkdir memory && mount -t tmpfs -o size=2g memory memory
mkdir memory/{upper,work,root}
mount -t overlay -o lowerdir=/,upperdir=memory/upper,workdir=memory/work overlay memory/root
root=$PWD/memory/root
mount -t proc proc $root/proc
mount --bind $root/proc/sys $root/proc/sys
mount -o remount,bind,ro $root/proc/sys
mount -t sysfs -o ro sys $root/sys
mount -t cgroup2 cgroup $root/sys/fs/cgroup
mount -t tmpfs -o mode=755 dev $root/dev
for device in null zero full random urandom tty; do
  touch $root/dev/$device && mount --bind /dev/$device $root/dev/$device
done
ln -s /proc/self/fd $root/dev/fd
mkdir $root/dev/shm $root/dev/pts
mount -t devpts -o newinstance,ptmxmode=666 devpts $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
mount -t tmpfs run $root/run
mount -t tmpfs tmp $root/tmp
mount -t tmpfs mnt $root/mnt
# What is installed on this machine is not what is tested: only what is asked for is started.
for unit in systemd-{binfmt,tmpfiles-setup,sysctl,modules-load,remount-fs} networking; do
  ln -sf /dev/null $root/etc/systemd/system/$unit.service
done
rm -rf $root/var/log/journal $root/etc/erouted $root/var/lib/erouted
mkdir $root/mnt/old
cd $root
pivot_root . mnt/old
umount -l /mnt/old
export container=test
exec chroot . /lib/systemd/systemd --system --unit=basic.target --log-target=journal
