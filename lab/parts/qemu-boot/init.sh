#!/bin/busybox sh
# Process 1 of the initial RAM disk: finds the boot disk and the machine's own, brings the network up, and makes way for the image's own init, which then finds
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

# Strings of the OEM, each with a NUL behind it; the first stands right behind the table's head.
told() {
  tr '\0' '\n' </sys/firmware/dmi/entries/11-0/raw | sed -n "s/.*ecs-host-lab:$1=//p"
}

# Kernels name disks in the order in which they answer, so they are known by how their serial numbers begin.
disk() {
  for serial in /sys/class/nvme/nvme*/serial; do
    name=${serial%/serial}
    node=/dev/${name##*/}n1
    if [ -b "$node" ] && grep -q "^$1" "$serial"; then echo "$node"; fi
  done
}

link() {
  [ ! -e "/sys/class/net/$1" ] || echo "$1"
}

wait_for() {
  tries=0
  until [ -n "$("$@")" ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || fail "there is no $*"
    sleep 0.1
  done
}

wait_for disk lab-boot
own=$(told disk)
wait_for disk "$own"
mount -t ext2 -o ro "$(disk lab-boot)" /lab || fail 'the boot disk cannot be mounted'
mount -t ext4 -o noatime,discard "$(disk "$own")" /root || fail "the machine's disk cannot be mounted"
ln -s /lab/modules /lib/modules
mkdir -p /root/usr/lib/modules
mount --bind /lab/modules /root/usr/lib/modules || fail 'the modules have no place'

interface=$(told interface)
address=$(told address)
router=$(told router)
modprobe virtio_pci
modprobe virtio_net || fail 'there is no virtio_net'
wait_for link eth0
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
