import { CreateSecurityGroupCommand, DescribeSecurityGroupsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient, ListClustersCommand } from '@aws-sdk/client-ecs';
import { GetUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClients, findCredentials } from '../../../src/aws/clients.ts';
import { createSshGroup } from '../../../src/aws/launch.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

/** Keys that end and answers that are old, as a client of AWS's SDK meets them. */
describe.skipIf(!motoIsInstalled)('conditions', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  const apiRegion = 'us-west-2';

  beforeAll(async () => {
    lab = await startEndpoint(folder);
  });
  afterAll(async () => {
    await lab?.stop();
  });
  const order = async (path: string, body: object): Promise<Response> =>
    fetch(`${lab.url}${path}`, { method: 'POST', body: JSON.stringify(body) });

  test('a key is good until its end, and then refused by each service with its own code', async () => {
    await order('/_lab/credentials', { lifetimeS: 1 });
    const keys = await (await findCredentials({ apiRegion, endpointUrl: lab.url }))();
    const options = { region: apiRegion, endpoint: lab.url, credentials: { ...keys }, maxAttempts: 1 };
    const ec2 = new EC2Client(options);
    await ec2.send(new DescribeSecurityGroupsCommand({}));
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const refused = { name: 'RequestExpired', $metadata: { httpStatusCode: 400 } };
    await expect(ec2.send(new DescribeSecurityGroupsCommand({}))).rejects.toMatchObject(refused);
    await expect(new ECSClient(options).send(new ListClustersCommand({}))).rejects.toMatchObject({
      name: 'ExpiredTokenException',
    });
    await expect(new IAMClient(options).send(new GetUserCommand({}))).rejects.toMatchObject({ name: 'ExpiredToken' });
  });

  test('who asks again before the end is never refused', async () => {
    await order('/_lab/credentials', { lifetimeS: 1 });
    const target = { apiRegion, endpointUrl: lab.url };
    const clients = createClients(target, await findCredentials(target));
    for (let n = 0; n < 3; n += 1) {
      await clients.ec2.send(new DescribeSecurityGroupsCommand({}));
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    clients.destroy();
  });

  test('a new group is not known at first; ours is opened all the same', async () => {
    await order('/_lab/staleness', { seed: 2, calls: 3, seconds: 60 });
    const ec2 = lab.ec2();
    let unknown = 0;
    for (let n = 0; n < 4; n += 1) {
      const { GroupId = '' } = await ec2.send(
        new CreateSecurityGroupCommand({ GroupName: `g${n}`, Description: 'test' }),
      );
      const described = ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [GroupId] }));
      await described.catch((error: Error) => {
        expect(error.name).toBe('InvalidGroup.NotFound');
        unknown += 1;
      });
    }
    expect(unknown).toBeGreaterThan(0);
    const { SecurityGroups = [] } = await ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: ['default'] }] }),
    );
    const vpcId = SecurityGroups[0]?.VpcId ?? '';
    const clients = createClients({ apiRegion, endpointUrl: lab.url }, { accessKeyId: 'lab', secretAccessKey: 'lab' });
    const spec = { description: 'ssh', vpcId, cidrs: ['192.0.2.0/24'], tags: [{ Key: 'Name', Value: 'test' }] };
    for (let n = 0; n < 4; n += 1) await (await createSshGroup(clients, { ...spec, name: `ssh${n}` })).release();
    clients.destroy();
    await fetch(`${lab.url}/_lab/staleness`, { method: 'DELETE' });
  });

  test('what is asked for wrongly is said', async () => {
    const answer = await order('/_lab/staleness', { seed: 'x' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ error: expect.stringContaining('seed') });
    expect((await order('/_lab/credentials', {})).status).toBe(400);
    expect((await fetch(`${lab.url}/_lab/health`)).status).toBe(200);
  });
});
