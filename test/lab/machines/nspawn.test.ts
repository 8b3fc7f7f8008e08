import { expect, test } from 'vitest';
import { hypervisorUuid, machineName, nodeOf, nspawnCommand } from '../../../lab/machines/nspawn.ts';

const spec = { instanceId: 'i-0123456789abcdef0', region: 'us-east-2' };
const command = nspawnCommand(
  '0a1b2c3d',
  spec,
  { address: '10.78.1.4', macAddress: '0a:4e:0a:4e:01:04' },
  { root: '/state/root', gpus: null },
);

test('the name proves whose machine it is', () => {
  expect(command).toContain(`--machine=${machineName('0a1b2c3d', spec.instanceId)}`);
  expect(machineName('0a1b2c3d', spec.instanceId)).toBe('ecs-host-lab-0a1b2c3d-i-0123456789abcdef0');
  // Longer ones are no host names, and nspawn refuses them.
  expect(machineName('0a1b2c3d', spec.instanceId).length).toBeLessThanOrEqual(64);
});

test('host name, link and the arguments of what runs before init', () => {
  expect(command).toContain('--hostname=ip-10-78-1-4');
  expect(command).toContain('--network-veth-extra=m-1-4:ens5');
  expect(command.slice(-5)).toEqual([
    'before-init',
    '0a:4e:0a:4e:01:04',
    '10.78.1.4',
    '10.78.0.1',
    hypervisorUuid(spec.instanceId),
  ]);
});

test('further disks are where a Xen instance has them', () => {
  const names = ['/dev/sdf', 'sdg', '/dev/xvdh', 'xvdba'];
  expect(names.map(nodeOf)).toEqual(['/dev/xvdf', '/dev/xvdg', '/dev/xvdh', '/dev/xvdba']);
});

test('nothing of this machine is written into the disk', () => {
  for (const option of ['--resolv-conf=off', '--timezone=off', '--link-journal=no']) expect(command).toContain(option);
});

test('the hypervisor uuid is one, and says EC2', () => {
  expect(hypervisorUuid('i-1')).toMatch(/^ec2[0-9a-f]{5}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  expect(hypervisorUuid('i-1')).not.toBe(hypervisorUuid('i-2'));
});

test('GPUs come by a folder of the lab, whose path may hold what nspawn divides by', () => {
  const withGpus = nspawnCommand(
    '0a1b2c3d',
    spec,
    { address: '10.78.1.4', macAddress: '0a:4e:0a:4e:01:04' },
    { root: '/state/root', gpus: '/a:b/gpus' },
  );
  expect(withGpus).toContain(String.raw`--bind=/a\:b/gpus:/run/ecs-host-lab-gpus`);
  expect(command.some((argument) => argument.startsWith('--bind'))).toBe(false);
});
