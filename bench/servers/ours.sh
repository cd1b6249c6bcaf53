#!/bin/sh
# Launch script for this project's ovsdb-server; c.sh says what one is for.
dist=$(dirname "$0")/../../dist
case $1 in
start)
    ulimit -Sn hard 2>/dev/null
    exec node "$dist/bin/ovsdb-server.cjs" -vconsole:off --unixctl="$3.ctl" --remote="punix:$3" "$2" 2>/dev/null ;;
compact) ovs-appctl -t "$3.ctl" ovsdb-server/compact ;;
vsctl) echo node "$dist/bin/ovs-vsctl.cjs" ;;
esac
