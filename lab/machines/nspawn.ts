import { createHash } from 'node:crypto';
import type { MachineAddress, MachineSpec } from '../machine-types.ts';
import { INTERFACE, linkName, privateDnsName, SERVICE_ADDRESS } from '../net/plan.ts';

/** What `reboot` inside a machine makes nspawn exit with (because of --keep-unit). */
export const REBOOT_EXIT_CODE = 133;

/** Also what proves that a process is a machine of this lab. */
export function machineName(labId: string, instanceId: string): string {
  return `ecs-host-lab-${labId}-${instanceId}`;
}

/** Where nspawn puts the folder with GPUs, until it is where sysfs would have it: nspawn's own /sys comes later. */
const GPUS = '/run/ecs-host-lab-gpus';

/**
 * Runs as process 1 before init does, so that init finds what it would find on EC2: an interface with its address,
 * control groups that Docker may use (nspawn mounts those of cgroup v1 read-only), and the file by which programs tell
 * a Xen instance of EC2 (g3s is one); cloud-init uses IMDSv2 only when it finds that. /sys is a tmpfs of nspawn's.
 * Nothing is written to the disk, so an image made of it is clean. The link is nspawn's, which knows it by no other
 * name at a reboot; its other end is put up by the lab.
 *
 * A machine with GPUs sees those, and no other PCI device; the newest kernel on the disk is the one that would run, and
 * takes a GPU by nouveau where it has that and nobody forbids it. One without does not see the GPU of the host.
 *
 * /dev is a tmpfs of nspawn's without disks: the machine's own is put there under the name that it is mounted by, the
 * others where a Xen instance has them.
 *
 * Arguments: MAC address, address, router, hypervisor's uuid; then, of each further disk, its node and major:minor.
 */
const BEFORE_INIT = `
set -e
disk() {
  mknod -m 660 "$1" b "\${2%:*}" "\${2#*:}"
  chgrp disk "$1"
}
ip link set dev lo up
ip link set dev ${INTERFACE} address "$1"
ip address add "$2/32" dev ${INTERFACE}
ip link set dev ${INTERFACE} up
until [ "$(cat /sys/class/net/${INTERFACE}/carrier)" = 1 ]; do sleep 0.02; done
ip route add "$3/32" dev ${INTERFACE}
ip route add default via "$3" dev ${INTERFACE} src "$2"
while read -r _ _ numbers _ point options rest; do
  case "$point $options" in
    "/sys/fs/cgroup/"*" ro,"*) mount -o remount,bind,rw "$point" ;;
    "/ "*)
      rest=\${rest#*- * }
      disk "\${rest%% *}" "$numbers"
      ;;
  esac
done </proc/self/mountinfo
mount -o remount,rw /sys
mkdir /sys/hypervisor
echo xen >/sys/hypervisor/type
echo "$4" >/sys/hypervisor/uuid
mount -o remount,ro /sys
devices=/sys/bus/pci/devices
if [ -d ${GPUS} ]; then
  kernel=$(ls /boot | grep '^vmlinuz-[0-9]' | cut -d - -f 2- | sort -V | tail -n 1)
  if find "/lib/modules/$kernel" -name 'nouveau.ko*' 2>/dev/null | grep -q . && [ -n "$kernel" ] &&
    ! modprobe --showconfig | grep -qx 'blacklist nouveau'; then
    for device in ${GPUS}/*/; do ln -sfn ../../../bus/pci/drivers/nouveau "$device/driver"; done
  fi
  mount --bind ${GPUS} $devices
  mount -o remount,bind,ro $devices
  umount ${GPUS}
  rmdir ${GPUS}
elif grep -qsx 0x10de $devices/*/vendor; then
  mount -t tmpfs -o ro gpus $devices
fi
shift 4
while [ $# -gt 0 ]; do
  disk "$1" "$2"
  shift 2
done
exec /sbin/init
`.trim();

/** Starts with `ec2`, as AWS documents for telling an instance from another machine. */
export function hypervisorUuid(instanceId: string): string {
  const digits = `ec2${createHash('sha256').update(instanceId).digest('hex')}`;
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20, 32),
  ].join('-');
}

/** Where a Xen instance has what the API calls `/dev/sdf`: /dev/xvdf. */
export function nodeOf(deviceName: string): string {
  return deviceName.replace(/^(?:\/dev\/)?(?:sd|xvd)/, '/dev/xvd');
}

/** The command line of one machine's nspawn. What is put behind it, the numbers of disks, goes to BEFORE_INIT. */
export function nspawnCommand(
  labId: string,
  spec: Pick<MachineSpec, 'instanceId' | 'region'>,
  { address, macAddress }: MachineAddress,
  /** `gpus` is null for a machine without any. */
  { root, gpus }: { readonly root: string; readonly gpus: string | null },
): readonly string[] {
  return [
    'systemd-nspawn',
    '--quiet',
    '--register=no',
    '--keep-unit',
    `--machine=${machineName(labId, spec.instanceId)}`,
    `--hostname=${privateDnsName(address, spec.region).split('.')[0]}`,
    `--directory=${root}`,
    // A colon of the path would end it.
    ...(gpus === null ? [] : [`--bind=${gpus.replaceAll(/[\\:]/g, '\\$&')}:${GPUS}`]),
    '--capability=all',
    '--system-call-filter=@keyring bpf add_key keyctl',
    `--network-veth-extra=${linkName(address)}:${INTERFACE}`,
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    '--console=read-only',
    '--kill-signal=SIGRTMIN+4',
    // No colours in the console log.
    '--setenv=TERM=dumb',
    '--',
    '/bin/sh',
    '-c',
    BEFORE_INIT,
    'before-init',
    macAddress,
    address,
    SERVICE_ADDRESS,
    hypervisorUuid(spec.instanceId),
  ];
}
