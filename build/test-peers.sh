#!/bin/sh
# Installs what the tests compare with and drive: Debian's Open vSwitch (the C programs), network tools, a compiler, and
# what the virtual machine takes (build/vm), whose kernel is fetched but not installed.
# Needs root; the daemons that the packages would start are not started.
set -eu
packages="openvswitch-switch openvswitch-common python3-openvswitch iproute2 iputils-ping mandoc openssl util-linux"
packages="$packages ethtool iperf3 kmod qemu-system-x86 xz-utils"
command -v cc >/dev/null 2>&1 || packages="$packages build-essential python3"
missing=$(for package in $packages; do dpkg -s "$package" >/dev/null 2>&1 || echo "$package"; done)
if [ -n "$missing" ]; then
    echo "installing for the tests:" $missing >&2
    policy=/usr/sbin/policy-rc.d
    [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && trap 'rm -f $policy' EXIT; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
"$(dirname "$0")/vm/setup.sh" >/dev/null
