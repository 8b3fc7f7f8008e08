#!/bin/busybox sh
# Process 1 of the initial RAM disk: finds the two disks, brings the network up, and makes way for the image's own init, which then finds
# what it would find on EC2. Nothing is written to the machine's disk but the folder that its kernel's modules are seen in.
#
# What is this machine's own comes with the firmware's tables (lab/machines/qemu.ts), as what the lab is to read out of the console does.
/bin/busybox mkdir -p /dev /proc /sys /lab /root /lib
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys

say() {
  echo "lab: $*" >/dev/console
}

fail() {
  say "$*"
  poweroff -f
}

# Strings of the OEM, one after the other, each with a NUL behind it.
told() {
  tr '\0' '\n' </sys/firmware/dmi/entries/11-0/raw | sed -n "s/^ecs-host-lab:$1=//p"
}

# Kernels name disks in the order in which they answer, so they are known by their serial numbers.
disk_where() {
  for serial in /sys/class/nvme/nvme*/serial; do
    [ -e "$serial" ] || continue
    name=$(cat "$serial" | tr -d ' ')
    node=/dev/$(basename "${serial%/serial}")n1
    [ -b "$node" ] || continue
    case $name in
      "$1") echo "$node" ;;
    esac
  done
}

wait_for() {
  tries=0
  until [ -n "$("$@")" ]; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || fail "there is nothing that answers to: $*"
    sleep 0.1
  done
}

is_link() {
  [ ! -e "/sys/class/net/$1" ] || echo yes
}

wait_for disk_where lab-boot
wait_for disk_where 'vol*'
mount -t ext4 -o ro "$(disk_where lab-boot)" /lab || fail 'the boot disk cannot be mounted'
mount -t ext4 -o noatime,discard "$(disk_where 'vol*')" /root || fail "the machine's disk cannot be mounted"
ln -s /lab/modules /lib/modules
mkdir -p /root/usr/lib/modules
mount --bind /lab/modules /root/usr/lib/modules || fail 'the modules have no place'

interface=$(told interface)
address=$(told address)
router=$(told router)
modprobe virtio_pci
modprobe virtio_net || fail 'there is no virtio_net'
wait_for is_link eth0
{
  ip link set dev eth0 name "$interface" &&
    ip address add "$address/32" dev "$interface" &&
    ip link set dev "$interface" up &&
    ip route add "$router/32" dev "$interface" &&
    ip route add default via "$router" dev "$interface" src "$address"
} || fail 'the network cannot be set up'

umount /lab
umount /proc
umount /sys
mount --move /dev /root/dev
echo 'lab: init starts' >/root/dev/console
exec switch_root /root /sbin/init
