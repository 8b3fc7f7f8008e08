import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { sshOptions } from '../../src/host-access/ssh-options.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { createKeyPair, createSshGroup, type LaunchInput, launchInstances } from '../../src/smoke/launch.ts';
import { apiError, fakeClients, type Taught } from '../run/fake-clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const plan = {
  instanceProfile: 'ecs-host',
  network: {
    transport: 'ssh',
    vpcId: 'vpc-1',
    securityGroup: { id: 'sg-region', name: 'container-testing' },
    sshSourceCidrs: ['198.51.100.7/32'],
  },
} as unknown as BuildPlan;

const placement = {
  instanceType: 'g3s.xlarge',
  zone: 'us-east-2a',
  subnetId: 'subnet-1',
  public: true,
  reason: 'public, by igw-1',
};

const runId = 'r-20261123120000-abcdef';
function inputWith(taught: Taught): { input: LaunchInput; calls: ReturnType<typeof fakeClients>['calls'] } {
  const { clients, calls } = fakeClients(taught);
  return { input: { plan, imageId: 'ami-1', runId, clients, signal: new AbortController().signal }, calls };
}
function tagsIn(input: Record<string, unknown> | undefined, type: string): Record<string, string> {
  const all = (input?.['TagSpecifications'] ?? []) as {
    ResourceType: string;
    Tags: { Key: string; Value: string }[];
  }[];
  return Object.fromEntries(
    (all.find(({ ResourceType }) => ResourceType === type)?.Tags ?? []).map(({ Key, Value }) => [Key, Value]),
  );
}

let folder: string;
beforeEach(() => {
  folder = tempFolder();
});

describe('what a smoke run makes', () => {
  test('the key is made here, only its public half is sent, and the pair goes by name', async () => {
    const { input, calls } = inputWith({ ImportKeyPair: () => ({}), DeleteKeyPair: () => ({}) });
    const key = await createKeyPair(input, join(folder, 'ssh'));
    expect((await stat(key.keyFile)).mode & 0o777).toBe(0o600);
    const sent = Buffer.from(calls[0]?.input['PublicKeyMaterial'] as Uint8Array).toString();
    expect(sent).toBe(await readFile(`${key.keyFile}.pub`, 'utf8'));
    expect(tagsIn(calls[0]?.input, 'key-pair')).toMatchObject({ 'ecs-host:run-id': runId, 'ecs-host:kind': 'smoke' });
    await key.release();
    expect(calls[1]).toEqual({ command: 'DeleteKeyPair', input: { KeyName: key.keyName } });
  });

  test("the ssh group opens port 22 to the caller's addresses only", async () => {
    const { input, calls } = inputWith({
      CreateSecurityGroup: () => ({ GroupId: 'sg-1' }),
      AuthorizeSecurityGroupIngress: () => ({}),
    });
    await createSshGroup(input);
    expect(calls[1]?.input).toMatchObject({
      GroupId: 'sg-1',
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '198.51.100.7/32' }] }],
    });
  });

  test('a group whose rules are refused is removed again', async () => {
    const { input, calls } = inputWith({
      CreateSecurityGroup: () => ({ GroupId: 'sg-1' }),
      AuthorizeSecurityGroupIngress: () => {
        throw apiError('InvalidParameterValue');
      },
      DeleteSecurityGroup: () => ({}),
    });
    await expect(createSshGroup(input)).rejects.toThrow('InvalidParameterValue');
    expect(calls.at(-1)).toEqual({ command: 'DeleteSecurityGroup', input: { GroupId: 'sg-1' } });
  });

  test('instances demand IMDSv2 with one hop, carry the run id, and terminate when shut down', async () => {
    let launched = 0;
    const { input, calls } = inputWith({
      RunInstances: () => ({ Instances: [{ InstanceId: `i-${++launched}` }] }),
    });
    const { instanceIds } = await launchInstances(input, {
      count: 2,
      keyName: 'k',
      groupIds: ['sg-1'],
      userData: '#cloud-config\n',
      placement,
    });
    expect(instanceIds).toEqual(['i-1', 'i-2']);
    expect(calls[0]?.input).toMatchObject({
      ImageId: 'ami-1',
      MinCount: 1,
      MaxCount: 1,
      SubnetId: 'subnet-1',
      SecurityGroupIds: ['sg-region', 'sg-1'],
      IamInstanceProfile: { Name: 'ecs-host' },
      InstanceInitiatedShutdownBehavior: 'terminate',
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
      UserData: Buffer.from('#cloud-config\n').toString('base64'),
    });
    for (const type of ['instance', 'volume']) expect(tagsIn(calls[0]?.input, type)['ecs-host:run-id']).toBe(runId);
  });
});

test('an instance says what it is to run on where that is not what the lab does by itself', async () => {
  const machineOf = async (machine: BuildPlan['machine']): Promise<string | undefined> => {
    const { input, calls } = inputWith({ RunInstances: () => ({ Instances: [{ InstanceId: 'i-1' }] }) });
    const wanted = { count: 1, keyName: 'k', groupIds: [], userData: '', placement };
    await launchInstances({ ...input, plan: { ...plan, machine } }, wanted);
    return tagsIn(calls[0]?.input, 'instance')['ecs-host:machine'];
  };
  expect([await machineOf('qemu'), await machineOf('nspawn'), await machineOf(null)]).toEqual([
    'qemu',
    undefined,
    undefined,
  ]);
});

test('when one of two cannot be launched, the other is terminated before the reason is thrown', async () => {
  let asked = 0;
  const { input, calls } = inputWith({
    RunInstances: () => {
      asked += 1;
      if (asked === 2) throw apiError('InsufficientInstanceCapacity');
      return { Instances: [{ InstanceId: 'i-1' }] };
    },
    TerminateInstances: () => ({}),
    DescribeInstances: () => ({ Reservations: [{ Instances: [{ State: { Name: 'terminated' } }] }] }),
  });
  const wanted = { count: 2, keyName: 'k', groupIds: [], userData: '', placement };
  await expect(launchInstances(input, wanted)).rejects.toThrow('InsufficientInstanceCapacity');
  expect(calls.find(({ command }) => command === 'TerminateInstances')?.input).toEqual({ InstanceIds: ['i-1'] });
});

describe('sshOptions', () => {
  const target = {
    instanceId: 'i-1',
    address: '203.0.113.9',
    user: 'ubuntu',
    keyFile: '/run/key',
    transport: 'ssh' as const,
    apiRegion: 'us-east-2',
    endpointUrl: null,
  };

  const KNOWN = { file: '/tmp/x/known_hosts', alias: null };

  test("use nothing of the user's own configuration", () => {
    const options = sshOptions(target, KNOWN);
    expect(options.slice(0, 2)).toEqual(['-F', '/dev/null']);
    expect(options).toContain('IdentitiesOnly=yes');
    expect(options.join(' ')).not.toContain('ProxyCommand');
  });

  test('go through Session Manager where the plan says so', () => {
    const options = sshOptions({ ...target, transport: 'session-manager' }, KNOWN);
    expect(options.at(-1)).toMatch(
      /^ProxyCommand='.*node' '.*session-proxy\.ts' '--region' 'us-east-2' '--instance' 'i-1' --port %p$/,
    );
    expect(options).toContain('ConnectTimeout=60');
  });
});
