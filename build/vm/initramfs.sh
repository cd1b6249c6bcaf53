#!/bin/bash
# initramfs.sh SYSTEM FILE: the initial file system: init.sh, busybox, and the modules that it takes to reach the host's
# files, which is where everything else comes from.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
system=$1 file=$2
version=$(ls "$system/lib/modules")
busybox=$(find "$system" -name busybox -type f -perm /111 -print -quit)
root=$(mktemp -d "$file.XXXXXX")
trap 'rm -rf "$root" "$file.new"' EXIT

mkdir -p "$root/bin" "$root/modules"
cp "$busybox" "$root/bin/busybox"
cp "$here/init.sh" "$root/init"
chmod +x "$root/init"
for module in virtio_pci 9p 9pnet_virtio overlay virtio_console virtio_rng; do
    /sbin/modprobe -d "$system" -S "$version" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' | while read -r path; do
    cp "$path" "$root/modules/"
    basename "$path" >>"$root/modules/order"
done
(cd "$root" && find . | "$busybox" cpio -o -H newc 2>/dev/null) | gzip -1 >"$file.new"
mv "$file.new" "$file"
