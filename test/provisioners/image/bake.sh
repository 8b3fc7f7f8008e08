#!/bin/sh
# Bakes into a layer over this machine's own root, in a mount namespace of its own: nothing of this machine changes, and
# the layer goes with the namespace. Prints what is in the layer, a path a line; fields are between tabs, a file's
# sha256 or a link's target is the last.
# $1: where the layer is mounted, an empty folder. $2: a folder with bundle.tar, script.sh (runs in the layer),
# stand-in.sh, names (of programs that it stands in for), versions (of packages) and driver.run
set -eu
layer=$1
given=$2
mount -t tmpfs -o mode=755 layer "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
root=$layer/root
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
for folder in tmp var/tmp run; do mount -t tmpfs -o mode=1777 none "$root/$folder"; done
mkdir "$root/run/given"
cp "$given"/* "$root/run/given"
cp "$given/bundle.tar" "$root/tmp/ecs-host-bundle.tar"

# Before all others in the provisioners' PATH.
while read -r name; do
  install -m 0755 "$given/stand-in.sh" "$root/usr/local/sbin/$name"
done <"$given/names"
touch "$root/boot/vmlinuz-99.0.0-test"
# What a base image may have, and this machine perhaps not, or the other way round.
rm -rf "$root/var/log/journal"
for unit in apt-daily apt-daily-upgrade unattended-upgrades; do
  echo '[Service]' >"$root/usr/lib/systemd/system/$unit.service"
done

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /bin/sh -eu /run/given/script.sh >&2

cd "$layer/upper"
find . -mindepth 1 -type d -printf '%P\td\t%m\t%U:%G\t\n'
find . -type l -printf '%P\tl\t%m\t%U:%G\t%l\n'
find . -type f -printf '%P\tf\t%m\t%U:%G\t' -exec sh -c 'sha256sum "$1" | cut -c 1-64' sh '{}' ';'
