#!/bin/bash
# setup.sh: puts into the cache what the virtual machine boots: Debian's stock kernel with its modules, unpacked and not
# installed, and an initial file system. Prints the folder. What is there already stays; the first time takes 15 s.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vswitch-vm}
mkdir -p "$cache"

# Only one at a time; others wait and then find it done.
exec 9>"$cache/lock"
flock 9

# The package whose name carries the version, on which the metapackage depends.
kernel_package() { apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends: linux-image-[0-9].*-amd64$/ {print $2; exit}'; }

fetch() {
    local package
    package=$(kernel_package)
    if [ -z "$package" ]; then
        apt-get update -qq
        package=$(kernel_package)
    fi
    (cd "$1" && apt-get -o APT::Sandbox::User=root download -qq "${package:-linux-image-amd64}" busybox-static >&2)
}

# The compressed kernel inside a bzImage, by its boot header (Documentation/arch/x86/boot.rst). qemu starts the bare one
# at once, where decompressing it under emulation would take seconds.
extract() {
    number() { od -An -t "u$2" -j "$1" -N "$2" "$image" | tr -d ' '; }
    local image=$1 start
    start=$((($(number 0x1f1 1) + 1) * 512 + $(number 0x248 4)))
    dd if="$image" of="$2.packed" iflag=skip_bytes,count_bytes skip="$start" count="$(number 0x24c 4)" bs=64K status=none
    case $(od -An -t x1 -N 4 "$2.packed" | tr -d ' ') in
    fd377a58) xz -dc --single-stream <"$2.packed" >"$2" ;;
    28b52ffd) zstd -dcq <"$2.packed" >"$2" 2>/dev/null || [ -s "$2" ] ;; # four bytes of the size follow
    *) cp "$image" "$2" ;;
    esac
    rm "$2.packed"
}

if [ ! -d "$cache/system" ]; then
    new=$(mktemp -d "$cache/new.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    echo "fetching Debian's kernel for the virtual machine" >&2
    fetch "$new"
    for package in "$new"/*.deb; do dpkg -x "$package" "$new"; done
    rm "$new"/*.deb
    version=$(ls "$new/lib/modules")
    /sbin/depmod -b "$new" "$version"
    extract "$new/boot/vmlinuz-$version" "$new/vmlinux"
    chmod 755 "$new"
    mv -T "$new" "$cache/system"
fi
if [ ! "$cache/initramfs" -nt "$here/init.sh" ] || [ ! "$cache/initramfs" -nt "$here/initramfs.sh" ]; then
    "$here/initramfs.sh" "$cache/system" "$cache/initramfs"
fi
echo "$cache"
