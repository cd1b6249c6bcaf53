#!/bin/busybox sh
# The guest's first process: reaches the host's files, lays a file system in memory over them so that whatever is written
# vanishes with the machine, and goes on there with guest.sh.
export PATH=/bin
bb=/bin/busybox
$bb mkdir -p /proc /sys /dev /host /memory /new
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
while read -r module; do $bb insmod "/modules/$module"; done </modules/order

plan9=trans=virtio,version=9p2000.L,msize=512000
$bb mount -t 9p -o "ro,cache=loose,$plan9" host /host || { echo "cannot reach the host's files"; $bb poweroff -f; }
$bb mount -t tmpfs -o size=80% memory /memory
$bb mkdir /memory/upper /memory/work
$bb mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /new
for folder in proc sys dev run tmp vm lib/modules; do $bb mkdir -p "/new/$folder"; done
$bb mount -t 9p -o "cache=none,$plan9" job /new/vm
for folder in proc sys dev; do $bb mount --move "/$folder" "/new/$folder"; done
exec $bb switch_root /new /bin/bash /vm/guest.sh
