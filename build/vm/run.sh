#!/bin/bash
# run.sh 'COMMAND': boots Debian's stock kernel in a virtual machine and runs COMMAND in it as root, in this folder, over
# the host's own files, which it reads but does not change. Prints what the command prints and returns its exit status;
# 125: the machine died or its time was over. It has no network but what the command makes.
#
# The processor is emulated: 20 to 50 times slower than the host for JavaScript, some 5 s to boot. So one machine runs
# many tests.
# Environment: VM_TIMEOUT (600 s), VM_MEMORY (4096 MB), VM_PROCESSORS (1), VM_CACHE (see setup.sh),
#              VM_COUNTED=SHIFT: time counts instructions, 2^SHIFT ns each, so that packet rates repeat on a busy host
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
command -v qemu-system-x86_64 >/dev/null || { echo "run.sh: qemu is not installed: see build/test-peers.sh" >&2; exit 125; }
cache=$("$here/setup.sh") || exit 125

job=$(mktemp -d "${TMPDIR:-/tmp}/vm.XXXXXX")
trap 'rm -rf "$job"' EXIT
printf '%s\n' "$1" >"$job/command"
cp "$here/guest.sh" "$job/"
printf 'export PATH=%q\nVM_FOLDER=%q\nVM_MODULES=%q\n' "$PATH" "$PWD" "$cache/system/lib/modules" >"$job/environment"

processors=${VM_PROCESSORS:-1} accelerator=(-accel tcg,thread=multi,tb-size=512)
if [ -n "${VM_COUNTED:-}" ]; then
    processors=1 accelerator=(-accel tcg,thread=single,tb-size=512 -icount "shift=$VM_COUNTED,sleep=off")
fi
machine=(
    -machine q35 -cpu max,la57=off -smp "$processors" -m "${VM_MEMORY:-4096}"
    -nodefaults -no-user-config -no-reboot -display none
    -kernel "$cache/system/vmlinux" -initrd "$cache/initramfs" -serial "file:$job/console"
    # The check of the timer fails on a busy host, where the emulated one is late.
    -append "console=ttyS0 panic=-1 quiet nokaslr mitigations=off tsc=reliable no_timer_check random.trust_cpu=on"
    -virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap,id=host"
    -virtfs "local,path=$job,mount_tag=job,security_model=none,id=job"
    -device virtio-rng-pci -device virtio-serial-pci
    # A descriptor, because /dev/stdout cannot be opened again where it is a socket.
    -add-fd fd=3,set=1 -chardev file,id=output,path=/dev/fdset/1,append=on
    -device virtserialport,chardev=output,name=output
)
code=0
# Through cat, because qemu takes a descriptor for writing only: no socket, no terminal.
timeout --foreground "${VM_TIMEOUT:-600}" qemu-system-x86_64 "${accelerator[@]}" "${machine[@]}" </dev/null 3>&1 | cat ||
    code=${PIPESTATUS[0]}
if [ ! -f "$job/status" ]; then
    [ "$code" != 124 ] || echo "run.sh: the time of the virtual machine is over (VM_TIMEOUT=${VM_TIMEOUT:-600} s)" >&2
    echo "run.sh: the virtual machine ended without a status (qemu: $code); its console ended with" >&2
    tail -n 20 "$job/console" >&2
    exit 125
fi
exit "$(cat "$job/status")"
