#!/bin/sh
# Makes the disk that machines with a kernel of their own start from: boot loader, kernel, initial RAM disk, the kernel's modules. Runs in
# mount and process namespaces of its own, so that whatever it mounts goes with it.
#
# make-disk.sh <folder for disk.raw and kernel> <suite> <packages, with commas between> <apt source lines...>
set -eu
folder=$1
suite=$2
packages=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
tree=$folder/tree
stage=$folder/stage
early=$folder/early

# Unpacked and not installed: nothing of them runs but what is called here.
mmdebstrap --mode=root --variant=extract --format=directory --architectures=amd64 --include="$packages" "$suite" "$tree" "$@"
kernel=$(ls "$tree/lib/modules")
busybox=$tree/bin/busybox
chroot "$tree" /sbin/depmod "$kernel"

mkdir -p "$early/bin" "$stage" "$folder/mounted"
cp "$busybox" "$early/bin/busybox"
install -m 0755 "$here/init.sh" "$early/init"
(cd "$early" && find . | "$busybox" cpio -o -H newc 2>/dev/null | gzip -n) >"$stage/initrd"
cp "$tree/boot/vmlinuz-$kernel" "$stage/vmlinuz"
cp "$here/extlinux.conf" "$stage/extlinux.conf"
mv "$tree/lib/modules" "$stage/modules"

# ext2: the boot loader cannot read files in extents. With room for what it puts beside them.
truncate -s "$(($(du -sm "$stage" | cut -f 1) + 16))M" "$folder/disk.raw"
mkfs.ext2 -q -F -b 4096 -L lab-boot -m 0 -d "$stage" "$folder/disk.raw"
mount -o loop "$folder/disk.raw" "$folder/mounted"
"$tree/usr/bin/extlinux" --install "$folder/mounted"
umount "$folder/mounted"

echo "$kernel" >"$folder/kernel"
rmdir "$folder/mounted"
rm -r "$tree" "$stage" "$early"
