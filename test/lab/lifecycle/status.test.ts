import { describe, expect, test } from 'vitest';
import { type LabStatus, statusLines } from '../../../lab/lifecycle/status.ts';

const up: LabStatus & { state: 'up' } = {
  state: 'up',
  version: 1,
  pid: 4194303,
  pidStartTime: '1',
  endpoint: 'http://127.0.0.1:45999',
  ownerPid: 4194302,
  startedAt: '2026-11-23T10:11:12.123Z',
  netns: 'ecs-host-lab',
  staysFor: ['i-0123456789abcdef1'],
  instances: [
    {
      instanceId: 'i-0123456789abcdef0',
      region: 'ap-southeast-1',
      state: 'shutting-down',
      address: '10.78.100.200',
      imageId: 'ami-0123456789abcdef0',
      instanceType: 'g4dn.12xlarge',
    },
    {
      instanceId: 'i-0123456789abcdef1',
      region: 'eu-central-1',
      state: 'running',
      address: '10.78.0.2',
      imageId: 'ami-0123456789abcdef0',
      instanceType: 't3.small',
    },
  ],
  images: [
    { imageId: 'ami-0123456789abcdef0', region: 'ap-southeast-1', name: 'n'.repeat(76), state: 'available' },
    { imageId: 'ami-0123456789abcdef1', region: 'eu-central-1', name: 'debian-12-amd64', state: 'available' },
  ],
};

describe('lab status', () => {
  test('stands in columns, and fits 80 with long names', () => {
    const lines = statusLines(up);
    expect(lines).toEqual([
      'The lab is up at http://127.0.0.1:45999',
      '(process 4194303, since 2026-11-23T10:11:12.123Z, for process 4194302).',
      'Machines:',
      '  i-0123456789abcdef0  shutting-down  10.78.100.200',
      '    g4dn.12xlarge in ap-southeast-1, from ami-0123456789abcdef0',
      '  i-0123456789abcdef1  running        10.78.0.2',
      '    t3.small in eu-central-1, from ami-0123456789abcdef0',
      '    the lab stays up for it',
      'Images:',
      '  ami-0123456789abcdef0  available  ap-southeast-1',
      `    ${'n'.repeat(76)}`,
    ]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('says nothing of what is not there', () => {
    expect(statusLines({ ...up, ownerPid: null, instances: [], images: [] })).toEqual([
      'The lab is up at http://127.0.0.1:45999',
      '(process 4194303, since 2026-11-23T10:11:12.123Z).',
    ]);
    expect(statusLines({ state: 'down' })).toEqual(['The lab is down.']);
  });
});
