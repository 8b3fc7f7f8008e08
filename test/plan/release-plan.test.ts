import { expect, test } from 'vitest';
import type { HostsConfig } from '../../src/config/hosts-config.ts';
import { releasePlanOf } from '../../src/plan/release-plan.ts';

const names = { profile: 'p', securityGroup: 'hosts', instanceProfile: 'ecs-host' };
const regions: HostsConfig['regions'] = {
  'us-east-2': names,
  east: { ...names, apiRegion: 'us-east-1', kmsKey: 'alias/mine', subnetIds: ['subnet-1'], vpcId: 'vpc-1' },
  local: { ...names, lab: true, apiRegion: 'us-west-2' },
};
const inOhio = { apiRegion: 'us-east-2', isLab: false };

test('without release an image stays where it was baked', () => {
  expect(releasePlanOf({}, regions, inOhio)).toEqual({
    regions: [],
    verifyCopies: 'smoke',
    share: { accounts: [], organizations: [], organizationalUnits: [] },
    deprecateAfterDays: null,
    protect: false,
  });
});

test('the region of the bake is no copy, and the lab gets none from AWS', () => {
  const release = { regions: ['us-east-2', 'east', 'local'], verifyCopies: 'snapshot' as const };
  expect(releasePlanOf({ release }, regions, inOhio)).toMatchObject({
    verifyCopies: 'snapshot',
    regions: [
      {
        name: 'east',
        apiRegion: 'us-east-1',
        kmsKey: 'alias/mine',
        securityGroup: 'hosts',
        instanceProfile: 'ecs-host',
        vpcId: 'vpc-1',
        subnetIds: ['subnet-1'],
      },
    ],
  });
});
