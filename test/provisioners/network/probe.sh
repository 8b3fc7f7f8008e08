#!/bin/bash
# `probe.sh [RULES]`, in network, process and mount namespaces of its own (unshare): makes a host between a container,
# on a bridge whose name is nobody's convention, and what is outside, where the metadata service is, too. Loads RULES on
# the host and prints who reaches what.
set -eu
talk="$(dirname "$0")/talk.py"
rules=${1:-}

# Another network, which the process holds.
own=$(readlink /proc/self/ns/net)
unshare --net sleep 60 &
container=$!
unshare --net sleep 60 &
outside=$!
for pid in "$container" "$outside"; do
  while [ "$(readlink "/proc/$pid/ns/net")" = "$own" ]; do sleep 0.01; done
done
at() {
  local pid=$1
  shift
  nsenter --target "$pid" --net "$@"
}

ip link set lo up
ip link add streaming type bridge
ip addr add 172.30.0.1/24 dev streaming
ip -6 addr add fd30::1/64 dev streaming nodad
ip addr add 169.254.170.2/32 dev lo
ip link set streaming up
ip link add veth1 type veth peer name eth0 netns "$container"
ip link set veth1 master streaming up
at "$container" ip addr add 172.30.0.2/24 dev eth0
at "$container" ip -6 addr add fd30::2/64 dev eth0 nodad
at "$container" ip link set eth0 up
at "$container" ip route add default via 172.30.0.1

ip link add ens5 type veth peer name eth0 netns "$outside"
ip addr add 10.9.0.1/24 dev ens5
ip link set ens5 up
ip route add 169.254.169.254/32 dev ens5
at "$outside" ip addr add 10.9.0.2/24 dev eth0
at "$outside" ip addr add 169.254.169.254/32 dev eth0
at "$outside" ip link set eth0 up
# Its answers go as far as those of a metadata service with a hop limit of 64: the rules alone keep it shut.
at "$outside" sysctl --quiet --write net.ipv4.ip_default_ttl=64
at "$outside" ip route add default via 10.9.0.1

# As Docker publishes a port: the container's own is the number of the control port.
echo 1 >/proc/sys/net/ipv4/ip_forward
nft add table ip published
nft add chain ip published prerouting '{ type nat hook prerouting priority -100; }'
nft add rule ip published prerouting iifname ens5 tcp dport 32262 dnat to 172.30.0.2:4678

python3 -IS "$talk" listen 4678 80 22 &
at "$container" python3 -IS "$talk" listen 4678 &
at "$outside" python3 -IS "$talk" listen 80 &
is_up() { python3 -IS "$talk" probe up 127.0.0.1 "$1" | grep -q open; }
until is_up 4678 && is_up 22 && is_up 80; do sleep 0.05; done
at "$container" ip link set lo up
at "$outside" ip link set lo up
until at "$container" python3 -IS "$talk" probe up 127.0.0.1 4678 | grep -q open; do sleep 0.05; done
until at "$outside" python3 -IS "$talk" probe up 127.0.0.1 80 | grep -q open; do sleep 0.05; done

[ "$rules" = '' ] || nft --file "$rules"
at "$container" python3 -IS "$talk" probe \
  control-by-bridge 172.30.0.1 4678 control-by-host-address 10.9.0.1 4678 control-by-ipv6 fd30::1 4678 \
  metadata 169.254.169.254 80 task-credentials 169.254.170.2 80 another-port 172.30.0.1 22
at "$outside" python3 -IS "$talk" probe webserver-to-control 10.9.0.1 4678 published-port 10.9.0.1 32262
python3 -IS "$talk" probe host-to-itself 127.0.0.1 4678 host-to-metadata 169.254.169.254 80
