#!/bin/sh
# Turns a fresh Debian tree into the lab's stand-in for Canonical's image (../README.md). Run by mmdebstrap with the tree as $1; $2 gets the
# list of packages, and $3 is a folder with what differs from image to image.
set -eu
root=$1
versions=$2
overlay=$3
here=$(dirname "$0")

# Before there is a kernel, so that its initramfs is like that of Ubuntu's for any machine. From the archives of the build, which are gone
# afterwards.
if [ -n "$(ls "$overlay/debs")" ]; then
  install -d "$root/var/tmp/debs"
  cp "$overlay"/debs/* "$root/var/tmp/debs"
  DEBIAN_FRONTEND=noninteractive chroot "$root" sh -c 'apt-get install --yes --no-install-recommends /var/tmp/debs/*.deb'
  rm -r "$root/var/tmp/debs"
fi

"$here/../customize.sh" "$root" "$versions"
# Ubuntu's is a snap, and its sources are written by cloud-init at the first boot, as they name the region.
rm "$root/etc/apt/sources.list.d/debian.sources"
rm "$root/etc/systemd/system/amazon-ssm-agent.service" "$root/etc/systemd/system/multi-user.target.wants/amazon-ssm-agent.service"

# base-files brings Debian's, and would again with an update.
chroot "$root" dpkg-divert --quiet --local --rename --divert /usr/lib/os-release.debian --add /usr/lib/os-release
for files in "$here/rootfs" "$overlay/files"; do
  (
    cd "$files"
    find . -type f -exec sh -c 'install -D -m 0644 "$2" "$1/$2"' install "$root" {} \;
  )
done
chmod 0755 "$root/usr/bin/snap"
ln -s ../snap.amazon-ssm-agent.amazon-ssm-agent.service \
  "$root/etc/systemd/system/multi-user.target.wants/snap.amazon-ssm-agent.amazon-ssm-agent.service"
chroot "$root" update-ca-certificates >/dev/null

# Trusted by their names alone: what apt is to believe here is what the lab signs.
rm -f "$root"/etc/apt/trusted.gpg.d/debian-archive-*
