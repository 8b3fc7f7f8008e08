import { availableParallelism } from 'node:os';
import type { MachineAddress, MachineSpec } from '../machine-types.ts';
import { INTERFACE, linkName, SERVICE_ADDRESS } from '../net/plan.ts';
import type { PowerOn } from './driver.ts';
import { hypervisorUuid, machineName } from './nspawn.ts';

export const QEMU = 'qemu-system-x86_64';

/** What the boot disk's first program prints when all is ready (lab/parts/qemu-boot/init.sh). */
export const INIT_STARTS = 'lab: init starts';

/** As the two processors of most types that hosts run on; what they would have of memory a test machine has not. */
const PROCESSORS = 2;
const MEMORY_MIB = 2048;

/** An emulated one has no more than programs of today ask for: a kernel loads modules for all that it finds. */
const PROCESSOR = {
  kvm: ['-accel', 'kvm', '-cpu', 'max'],
  tcg: ['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem'],
} as const;

type QemuSpec = Pick<MachineSpec, 'instanceId' | 'instanceType' | 'diskId'>;

/** In an option of QEMU a comma ends a value, unless it stands twice. */
function value(text: string): string {
  return text.replaceAll(',', ',,');
}

/** Of an NVMe disk, as EC2's Nitro has it: the volume's id without its hyphen. */
function serialOf(diskId: string): string {
  return diskId.replace('-', '');
}

function nvmeDrive(id: string, file: string, diskId: string): readonly string[] {
  // Flushing to the physical disk is the host's affair, and what a machine deletes becomes a hole in the file: as with
  // machines on the host's kernel (boot-machine.sh).
  return [
    ...['-drive', `if=none,id=${id},format=raw,file=${value(file)},cache=unsafe,discard=unmap`],
    ...['-device', `nvme,drive=${id},serial=${serialOf(diskId)}`],
  ];
}

/** Tables of the firmware, as on EC2's Nitro: by serial number and uuid cloud-init knows EC2, and then uses IMDSv2. */
function firmwareTables({ instanceId, instanceType, diskId }: QemuSpec, address: string): readonly string[] {
  const uuid = hypervisorUuid(instanceId);
  const own = { interface: INTERFACE, address, router: SERVICE_ADDRESS, disk: serialOf(diskId) };
  return [
    'type=0,vendor=Amazon EC2,version=1.0',
    `type=1,manufacturer=Amazon EC2,product=${value(instanceType)},serial=${uuid},uuid=${uuid}`,
    `type=2,manufacturer=Amazon EC2,asset=${instanceId}`,
    'type=3,manufacturer=Amazon EC2,asset=Amazon EC2',
    // What the first program on the boot disk goes by.
    `type=11,${Object.entries(own)
      .map(([name, text]) => `value=ecs-host-lab:${name}=${text}`)
      .join(',')}`,
  ].flatMap((table) => ['-smbios', table]);
}

/** The command line of one machine's QEMU. File 3 is the socket that it is told through what to do. */
export function qemuCommand(
  labId: string,
  spec: QemuSpec,
  { address, macAddress }: MachineAddress,
  files: Pick<PowerOn, 'disk' | 'volumes' | 'consoleFile'> & { readonly bootDisk: string },
  accelerator: 'kvm' | 'tcg',
): readonly string[] {
  return [
    QEMU,
    ...['-name', machineName(labId, spec.instanceId)],
    '-nodefaults',
    '-no-user-config',
    ...['-machine', 'pc', ...PROCESSOR[accelerator]],
    ...['-smp', String(Math.min(PROCESSORS, availableParallelism())), '-m', String(MEMORY_MIB)],
    ...['-display', 'none'],
    ...['-chardev', `file,id=console,path=${value(files.consoleFile)},append=on`, '-serial', 'chardev:console'],
    ...['-chardev', 'socket,id=qmp,fd=3', '-mon', 'chardev=qmp,mode=control'],
    // In EC2's order, which is as a rule that of the names: the boot disk, which EC2 has not, is the last.
    ...nvmeDrive('root', files.disk, spec.diskId),
    ...files.volumes.flatMap(({ volume, file }, index) => nvmeDrive(`volume${index + 1}`, file, volume.diskId)),
    ...['-drive', `if=none,id=boot,format=raw,file=${value(files.bootDisk)},readonly=on`],
    ...['-device', 'nvme,drive=boot,serial=lab-boot,bootindex=0'],
    // The link is made by QEMU, in the network namespace that it is started in, and goes with it.
    ...['-netdev', `tap,id=net,ifname=${linkName(address)},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net,mac=${macAddress},romfile=`],
    ...firmwareTables(spec, address),
  ];
}
