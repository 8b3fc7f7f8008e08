#!/bin/sh
# Turns a fresh Debian tree into what a cloud image is: nothing in it belongs to one machine. Run by mmdebstrap with the tree as $1.
set -eu
root=$1

rm -f "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub "$root"/var/lib/dbus/machine-id "$root"/etc/hostname
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/0000* "$root"/etc/apt/apt.conf.d/99mmdebstrap
: >"$root/etc/machine-id"
: >"$root/etc/fstab"
cp -a "$(dirname "$0")/rootfs/." "$root/"
chown -R --no-dereference 0:0 "$root/etc/cloud" "$root/etc/ssh" "$root/etc/apt" "$root/etc/resolv.conf" "$root/etc/hosts"

# This machine's own name resolves without a name server (sudo asks for it).
sed -i 's/^hosts:.*/hosts: files myhostname dns/' "$root/etc/nsswitch.conf"

# Persistent journal, as on a server.
install -d -m 2755 -o root -g "$(awk -F: '$1 == "systemd-journal" { print $3 }' "$root/etc/group")" "$root/var/log/journal"

# Nobody sits at the console; hot-plugged devices and file system scrubs are the host's.
for unit in console-getty.service e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-pstore.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Package}\t${Version}\n' >"$2"
