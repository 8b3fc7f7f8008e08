#!/bin/sh
# Turns the tree of Canonical's cloud image ($1) into one that boots in the lab (../README.md): a network that is there already, one file
# system, no boot loader, no snaps. $2 gets the list of packages.
set -eu
root=$1
here=$(dirname "$0")

# Its own archives, by this machine's network.
rm -f "$root/etc/resolv.conf"
cp /etc/resolv.conf "$root/etc/resolv.conf"
for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
apt() {
  DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get --yes "$@"
}
# The image on EC2 has the kernel of EC2; the tarball has none. Without grub there is nobody who would look for a disk to boot from.
if [ -e "$root/etc/kernel/postinst.d/zz-update-grub" ]; then chmod -x "$root/etc/kernel/postinst.d/zz-update-grub"; fi
apt update
apt install linux-aws
# snapd mounts squashfs by loop devices, which machines of the lab have not: whoever waits for its seed would wait for ever.
apt purge snapd
apt clean
for folder in dev sys proc; do umount --recursive "$root/$folder"; done

rm -f "$root/etc/resolv.conf" "$root"/etc/netplan/* "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub
rm -rf "$root"/var/lib/apt/lists/*
: >"$root/etc/fstab"
: >"$root/etc/machine-id"
copy() {
  (
    cd "$1"
    shift
    find "$@" -type f -exec sh -c 'install -D -m 0644 "$2" "$1/$2"' install "$root" {} \;
  )
}
copy "$here/../rootfs" ./etc/hosts ./etc/resolv.conf ./etc/ssh ./usr/lib/amazon-ssm-agent
copy "$here/../ubuntu/rootfs" ./etc/systemd ./usr/bin
copy "$here/rootfs" .
chmod 0755 "$root/usr/bin/snap"

# Nobody sits at the console; the kernel, its debug interfaces and the disks under the file system are the host's.
for unit in console-getty.service dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-pstore.service \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer grub-common.service grub-initrd-fallback.service multipathd.service multipathd.socket \
  systemd-resolved.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
install -d "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../snap.amazon-ssm-agent.amazon-ssm-agent.service \
  "$root/etc/systemd/system/multi-user.target.wants/snap.amazon-ssm-agent.amazon-ssm-agent.service"
# cloud-init asks by DHCP before anything else, and goes on at once where there is no client.
for client in /sbin/dhclient /usr/sbin/dhcpcd; do
  if [ -e "$root$client" ]; then dpkg-statoverride --root="$root" --update --add root root 0644 "$client"; fi
done

dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Package}\t${Version}\n' >"$2"
