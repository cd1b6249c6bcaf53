#!/bin/bash
# The guest's first process once it is in the host's files: makes it a Linux system, runs the command that /vm/command
# holds, leaves its exit status in /vm/status, and turns the machine off.
export HOME=/root TERM=dumb LANG=C.UTF-8
# PATH, the working folder and the modules, as run.sh wrote them
. /vm/environment
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t cgroup2 cgroup /sys/fs/cgroup 2>/dev/null
mkdir -p /run/netns /run/openvswitch
mount --bind "$VM_MODULES" /lib/modules
ip link set lo up
hostname vm
# No udev: /dev/net/tun, which loads its module when it is opened elsewhere, comes with the module here.
modprobe tun

# What the command writes goes through a virtio port; the console is the kernel's, and shown only when it dies.
output=/dev/console
for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" = output ] && output=/dev/${port##*/}
done
exec 3>"$output"
cd "$VM_FOLDER" && setsid bash /vm/command </dev/null >&3 2>&1
echo $? >/vm/status
exec 3>&-
sync
echo o >/proc/sysrq-trigger
sleep 5
poweroff -f
