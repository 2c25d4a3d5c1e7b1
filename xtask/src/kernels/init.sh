#!/bin/dash
# The first process of a guest: makes the machine that tests expect, runs them one by one with their
# output on the console, and turns the machine off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs dev /dev
busybox mkdir -p /dev/pts /dev/shm /tmp /run /var/lib
busybox mount -t devpts devpts /dev/pts
busybox mount -t tmpfs tmpfs /dev/shm
busybox mount -t tmpfs tmpfs /tmp
busybox mount -t tmpfs tmpfs /run
busybox mount -t tmpfs tmpfs /var/lib
# Tests that mount file systems in a namespace of their own need a root that can be private.
busybox mount --make-rprivate /
echo 1 > /proc/sys/net/core/bpf_jit_enable
while read -r module; do
    busybox insmod "/modules/$module.ko" || echo "@@ no-module $module"
done < /modules/order
ip link set lo up
echo "@@ release $(busybox uname -r)"

# NAME|SECONDS|ENVIRONMENT|COMMAND
while IFS='|' read -r name seconds environment command; do
    echo "@@ begin $name"
    started=$(busybox cut -d. -f1 /proc/uptime)
    # shellcheck disable=SC2086 # environment and command are several words
    busybox timeout -s KILL "$seconds" busybox env $environment $command < /dev/null 2>&1
    status=$?
    echo "@@ end $name $status $(($(busybox cut -d. -f1 /proc/uptime) - started))"
    # A test that leaves something behind has failed, and would spoil the next.
    left=$(ip -o link show | busybox grep -c -v -E ': (lo|eth[0-9]+|bond0|tunl0|sit0|ip6tnl0|dummy0):')
    [ "$left" = 0 ] || { echo "@@ left $name $left interfaces"; ip -o link show; }
    [ -z "$(ip netns list)" ] || echo "@@ left $name namespaces"
done < /guest-tests
echo "@@ done"
busybox poweroff -f
