#!/bin/bash
# First process of the guest kernel: makes an ordinary machine of it, then runs job after job, and
# halts when it is told to. Started by the kernel with two folders on the host's disk as arguments.
# To the first, jobs come as job-0, job-1, …, and their exit statuses go as status-0, status-1, …;
# the second holds the kernel's modules.
guest=$1
modules=$2
exec >"$guest/init.log" 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mkdir -p /dev/shm /dev/pts /dev/net
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
ln -sf /proc/self/fd /dev/fd
ulimit -n 65536

# The modules lie where only this kernel looks for them; a tree of links serves modprobe.
mkdir -p /run/tree/lib/modules
ln -s "$modules/$(uname -r)" "/run/tree/lib/modules/$(uname -r)"
printf '#!/bin/sh\nexec /sbin/modprobe -d /run/tree "$@"\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
# All at once: left to the kernel, each would cost a process at its first use.
modprobe -d /run/tree -a $(cat "$guest/modules") || echo "some modules did not load"

# A process costs a tenth of a second here: bash waits by itself.
mkfifo /run/never
exec 9<>/run/never
for ((n = 0; ; n++)); do
  until [ -e "$guest/job-$n" ]; do
    [ -e "$guest/halt" ] && break 2
    read -rt 0.2 -u 9
  done
  # The job before may have set the clock; /dev/shm is everybody's.
  date -s "$(cat "$guest/time-$n")"
  unshare --net --mount --pid --fork --kill-child --mount-proc bash "$guest/job-$n"
  echo $? >"$guest/status-$n.new"
  mv "$guest/status-$n.new" "$guest/status-$n"
  rm -rf /dev/shm/*
done
echo o >/proc/sysrq-trigger
sleep 60
