import { DescribeVpcsCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPlacements } from '../../../src/plan/placements.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

/** Where the lab has room, as planning and launching meet it. */
describe.skipIf(!motoIsInstalled)('placements in the lab', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();

  beforeAll(async () => {
    lab = await startEndpoint(folder);
  });
  afterAll(async () => {
    await lab?.stop();
  });
  const order = (body: object, method = 'POST'): Promise<Response> =>
    fetch(`${lab.url}/_lab/capacity`, { method, ...(method === 'POST' ? { body: JSON.stringify(body) } : {}) });

  async function placementsIn(region: string, instanceTypes: string[]) {
    const ec2 = lab.ec2(region);
    const { Vpcs = [] } = await ec2.send(new DescribeVpcsCommand({}));
    const vpcId = Vpcs[0]?.VpcId ?? '';
    return findPlacements(ec2, { region, vpcId, subnetIds: null, instanceTypes, transport: 'ssh' });
  }

  test('every zone of the lab that offers a type is one, and us-east-1e is left', async () => {
    const west = await placementsIn('us-west-2', ['t3.large', 't3.xlarge']);
    expect(west.placements.map(({ instanceType, zone }) => `${instanceType} ${zone.at(-1)}`)).toEqual(
      ['t3.large', 't3.xlarge'].flatMap((type) => ['a', 'b', 'c', 'd'].map((zone) => `${type} ${zone}`)),
    );
    expect(west.placements.every((each) => each.public)).toBe(true);
    const east = await placementsIn('us-east-1', ['t3.large']);
    expect(east.considered).toMatchObject([{ zone: 'us-east-1e', reason: 'us-east-1e does not offer t3.large' }]);
  });

  test('a shortage refuses launches of its type and zone, and an SDK that asks again counts once', async () => {
    const ec2 = lab.ec2();
    const { placements } = await placementsIn('us-west-2', ['t3.large']);
    const run = (at: number, ClientToken: string, InstanceType: 't3.large' | 't3.xlarge' = 't3.large') =>
      ec2.send(
        new RunInstancesCommand({
          ...{ ImageId: lab.baseImages['us-west-2'], MinCount: 1, MaxCount: 1, InstanceType, ClientToken },
          SubnetId: placements[at]?.subnetId,
        }),
      );
    expect((await order({ zone: 'us-west-2a', instanceType: 't3.large' })).status).toBe(200);
    const none = { name: 'InsufficientInstanceCapacity', $metadata: { httpStatusCode: 500 } };
    await run(1, 'another-zone');
    await run(0, 'another-type', 't3.xlarge');
    await expect(run(0, 'one')).rejects.toMatchObject(none);
    await expect(run(0, 'one')).rejects.toMatchObject(none);
    await run(0, 'two');
    await order({ code: 'VcpuLimitExceeded', launches: 2 });
    await expect(run(0, 'three')).rejects.toMatchObject({ name: 'VcpuLimitExceeded' });
    await order({}, 'DELETE');
    await run(0, 'four');
  });

  test('what is asked for wrongly is said', async () => {
    const answer = await order({ launches: 0 });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ error: 'launches: a whole number, 1 to 10000' });
  });
});
