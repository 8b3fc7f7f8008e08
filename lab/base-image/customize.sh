#!/bin/sh
# Turns a fresh Debian tree into what a cloud image is: nothing in it belongs to one machine. Run by mmdebstrap with the tree as $1.
set -eu
root=$1

rm -f "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub "$root"/var/lib/dbus/machine-id "$root"/etc/hostname
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/0000* "$root"/etc/apt/apt.conf.d/99mmdebstrap
: >"$root/etc/machine-id"
: >"$root/etc/fstab"
# Owner and modes are the image's, not those of the checkout.
(
  cd "$(dirname "$0")/rootfs"
  find . -type f -exec sh -c 'install -D -m 0644 "$2" "$1/$2"' install "$root" {} \;
)

# As on Amazon's and Canonical's images: Session Manager needs nothing else, and asks for an instance profile.
ln -s ../amazon-ssm-agent.service "$root/etc/systemd/system/multi-user.target.wants/amazon-ssm-agent.service"

# This machine's own name resolves without a name server (sudo asks for it).
sed -i 's/^hosts:.*/hosts: files myhostname dns/' "$root/etc/nsswitch.conf"

# The network needs no DHCP and nobody answers it; cloud-init, which on EC2 asks before anything else, goes on at once without a client.
for client in /sbin/dhclient /usr/sbin/dhcpcd; do
  if [ -e "$root$client" ]; then chroot "$root" dpkg-statoverride --update --add root root 0644 "$client"; fi
done

# Persistent journal, as on a server.
install -d -m 2755 -o root -g "$(awk -F: '$1 == "systemd-journal" { print $3 }' "$root/etc/group")" "$root/var/log/journal"

# Nobody sits at the console; the kernel, its debug interfaces and the disks under the file system are the host's.
for unit in console-getty.service dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-pstore.service \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Package}\t${Version}\n' >"$2"
