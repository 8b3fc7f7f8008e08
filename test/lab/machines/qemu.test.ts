import { expect, test } from 'vitest';
import { hypervisorUuid, machineName } from '../../../lab/machines/nspawn.ts';
import { qemuCommand } from '../../../lab/machines/qemu.ts';
import { qemuDriver } from '../../../lab/machines/qemu-supervisor.ts';

const spec = { instanceId: 'i-0123456789abcdef0', instanceType: 't3.large', diskId: 'vol-0fedcba9876543210' };
const command = qemuCommand(
  '0a1b2c3d',
  spec,
  { address: '10.78.1.4', macAddress: '0a:4e:0a:4e:01:04' },
  {
    disk: '/state/disks/vol-0fedcba9876543210.raw',
    volumes: [{ volume: { diskId: 'vol-00000000000000001', deviceName: '/dev/sdf' }, file: '/state/disks/other.raw' }],
    bootDisk: '/cache/boot.raw',
    consoleFile: '/state/a,b.log',
  },
  'tcg',
);

function valuesOf(option: string): string[] {
  return command.flatMap((argument, at) => (argument === option ? [command[at + 1] ?? ''] : []));
}

test('the name proves whose machine it is', () => {
  expect(valuesOf('-name')).toEqual([machineName('0a1b2c3d', spec.instanceId)]);
});

test('it starts from the boot disk, which nobody writes, and disks are known by the numbers of their volumes', () => {
  const [root, volume, boot] = valuesOf('-drive');
  expect(root).toMatch(/id=root.*file=\/state\/disks\/vol-0fedcba9876543210\.raw.*discard=unmap/);
  expect(volume).toMatch(/id=volume1.*file=\/state\/disks\/other\.raw.*discard=unmap/);
  expect(boot).toMatch(/id=boot.*file=\/cache\/boot\.raw,readonly=on/);
  expect(valuesOf('-device').filter((device) => device.startsWith('nvme'))).toEqual([
    'nvme,drive=root,serial=vol0fedcba9876543210',
    'nvme,drive=volume1,serial=vol00000000000000001',
    'nvme,drive=boot,serial=lab-boot,bootindex=0',
  ]);
});

test('its link has the name that the network waits for; address and own disk come with the firmware', () => {
  expect(valuesOf('-netdev')).toEqual(['tap,id=net,ifname=m-1-4,script=no,downscript=no']);
  expect(valuesOf('-device')).toContain('virtio-net-pci,netdev=net,mac=0a:4e:0a:4e:01:04,romfile=');
  expect(valuesOf('-smbios').at(-1)?.split(',value=')).toEqual([
    'type=11',
    'ecs-host-lab:interface=ens5',
    'ecs-host-lab:address=10.78.1.4',
    'ecs-host-lab:router=10.78.0.1',
    'ecs-host-lab:disk=vol0fedcba9876543210',
  ]);
});

test('its firmware says EC2, as cloud-init wants it: serial number and uuid are one', () => {
  const uuid = hypervisorUuid(spec.instanceId);
  expect(valuesOf('-smbios')).toContain(`type=1,manufacturer=Amazon EC2,product=t3.large,serial=${uuid},uuid=${uuid}`);
});

test('a comma in a path ends no value', () => {
  expect(valuesOf('-chardev')[0]).toBe('file,id=console,path=/state/a,,b.log,append=on');
});

test('a machine that wants a GPU is refused before anything is made for it', async () => {
  const driver = qemuDriver(
    () => Promise.reject(new Error('not asked here')),
    () => undefined,
  );
  const given = { spec, gpus: '/state/gpus' } as unknown as Parameters<typeof driver.powerOn>[0];
  await expect(driver.powerOn(given)).rejects.toThrow('no simulated GPU');
});
