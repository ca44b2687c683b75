#!/bin/bash
# First process of the guest kernel: makes an ordinary machine of it, runs WORK/command, halts.
# Started by the kernel with the work folder as its argument; that folder is on the host's disk.
work=$1
exec >"$work/output" 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mkdir -p /dev/shm /dev/pts /dev/net /run/lock /run/netns
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
ln -sf /proc/self/fd /dev/fd
ulimit -n 65536

# The modules lie where only this kernel looks for them; a tree of links serves modprobe.
mkdir -p /run/tree/lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" "/run/tree/lib/modules/$(uname -r)"
printf '#!/bin/sh\nexec /sbin/modprobe -d /run/tree "$@"\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
# All at once: left to the kernel, each would cost a process at its first use.
modprobe -d /run/tree -a $(cat "$work/modules") || echo "some modules did not load"

ip link set lo up
cd "$(cat "$work/directory")" || exit
bash "$work/command"
echo $? >"$work/status"
echo o >/proc/sysrq-trigger
sleep 60
