import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  AuthorizeSecurityGroupIngressCommand,
  DescribeSecurityGroupsCommand,
  RevokeSecurityGroupIngressCommand,
  type SecurityGroup,
} from '@aws-sdk/client-ec2';
import {
  DeleteRolePolicyCommand,
  GetInstanceProfileCommand,
  ListOpenIDConnectProvidersCommand,
  ListRolesCommand,
} from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AccountClients, createAccountClients } from '../../../src/aws/account-clients.ts';
import { projectFolder } from '../../../src/io/paths.ts';
import { type CliResult, runCli } from '../../support/run-cli.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

const CLIENTS = ['--clients', '10.20.0.0/16', '--webserver', '10.20.0.7/32'];
const CI = ['--ci-repository', 'octo-org/hosts'];

type Report = {
  readonly resources: readonly {
    kind: string;
    name: string;
    verdict: string;
    difference?: string[];
    notes: string[];
  }[];
  readonly done: readonly string[];
};

describe.skipIf(!motoIsInstalled)('bootstrap at the endpoint', () => {
  const folder = sharedTempFolder();
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  let clients: AccountClients & Disposable;

  /** Names of our own: those of hosts.yaml are in the lab from the start, made by somebody else. */
  beforeAll(async () => {
    lab = await startEndpoint(folder);
    const [shared = '', ofLab = ''] = (await readFile(join(projectFolder(), 'hosts.yaml'), 'utf8')).split(
      '  # The lab:',
    );
    const renamed = shared
      .replaceAll('instanceProfile: ecs-host', 'instanceProfile: team-host')
      .replace('securityGroup: fractal-containerized-protocol-group', 'securityGroup: team-hosts')
      .replace('securityGroup: container-testing', 'securityGroup: team-hosts');
    await writeFile(join(folder, 'hosts.yaml'), `${renamed}  # The lab:${ofLab}`);
    clients = createAccountClients(
      { apiRegion: 'us-east-2', endpointUrl: lab.url },
      { accessKeyId: 'lab', secretAccessKey: 'lab' },
    );
  });
  afterAll(async () => {
    clients[Symbol.dispose]();
    await lab.stop();
  });

  function bootstrap(region: string, ...more: string[]): Promise<CliResult> {
    return runCli(['bootstrap', '--config', join(folder, 'hosts.yaml'), '--region', region, ...more], {
      env: { AWS_ENDPOINT_URL: lab.url, ECS_HOST_STATE: folder },
    });
  }
  async function report(region: string, ...more: string[]): Promise<Report> {
    const { exitCode, stdout, stderr } = await bootstrap(region, '--json', ...more);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
    return JSON.parse(stdout) as Report;
  }
  function verdicts({ resources }: Report): Record<string, string> {
    return Object.fromEntries(resources.map(({ kind, name, verdict }) => [`${kind} ${name}`, verdict]));
  }
  async function group(name: string): Promise<SecurityGroup | undefined> {
    const Filters = [{ Name: 'group-name', Values: [name] }];
    return (await clients.ec2.send(new DescribeSecurityGroupsCommand({ Filters }))).SecurityGroups?.[0];
  }
  async function ports(name: string): Promise<string[]> {
    const rules = (await group(name))?.IpPermissions ?? [];
    return rules
      .flatMap(({ FromPort, IpProtocol, IpRanges = [] }) =>
        IpRanges.map(({ CidrIp }) => `${FromPort}/${IpProtocol} ${CidrIp}`),
      )
      .sort();
  }
  async function roles(): Promise<string[]> {
    const { Roles = [] } = await clients.iam.send(new ListRolesCommand({}));
    return Roles.map(({ RoleName = '' }) => RoleName).sort();
  }

  test('shows what is missing, and makes nothing where nobody can answer or only the diff is wanted', async () => {
    const [asks, dry] = await Promise.all([
      bootstrap('us-east-2', ...CLIENTS, ...CI),
      bootstrap('us-east-2', ...CLIENTS, ...CI, '--dry-run'),
    ]);
    expect(asks.exitCode).toBe(2);
    expect(asks.stderr).toContain('give --yes');
    expect(dry.exitCode).toBe(0);
    for (const { stdout } of [asks, dry]) {
      expect(stdout).toContain('create   security group team-hosts');
      expect(stdout).toContain('+ 32263/udp from 10.20.0.0/16 (clients)');
      expect(stdout).toContain('+ 4678/tcp from 10.20.0.7/32 (webserver)');
    }
    expect(await group('team-hosts')).toBeUndefined();
    expect(await roles()).toEqual(['ecs-host']);
  });

  test('makes it, and has nothing to do afterwards', async () => {
    const made = await report('us-east-2', ...CLIENTS, ...CI, '--yes');
    expect(new Set(Object.values(verdicts(made)))).toEqual(new Set(['create']));
    expect(await ports('team-hosts')).toEqual([
      '32262/tcp 10.20.0.0/16',
      '32263/udp 10.20.0.0/16',
      '32273/tcp 10.20.0.0/16',
      '4678/tcp 10.20.0.7/32',
    ]);
    expect(await roles()).toEqual(['ecs-host', 'team-host', 'team-host-ci']);
    const profile = await clients.iam.send(new GetInstanceProfileCommand({ InstanceProfileName: 'team-host' }));
    expect(profile.InstanceProfile?.Roles?.map(({ RoleName }) => RoleName)).toEqual(['team-host']);
    const { logGroups } = await clients.logs.send(new DescribeLogGroupsCommand({}));
    expect(logGroups).toMatchObject([{ logGroupName: '/ecs-host/us-east-2', retentionInDays: 30 }]);

    const again = await bootstrap('us-east-2', ...CLIENTS, ...CI);
    expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/\nnothing to do\n$/) });
    // Who is let in need not be said again.
    expect(verdicts(await report('us-east-2'))).toMatchObject({ 'security group team-hosts': 'same' });
  });

  test('mends what was changed by hand, and leaves what was added', async () => {
    const GroupId = (await group('team-hosts'))?.GroupId ?? '';
    const rule = { IpProtocol: 'tcp', FromPort: 32_262, ToPort: 32_262, IpRanges: [{ CidrIp: '10.20.0.0/16' }] };
    const ssh = { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0', Description: 'me' }] };
    await clients.ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [rule] }));
    await clients.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [ssh] }));
    await clients.iam.send(new DeleteRolePolicyCommand({ RoleName: 'team-host', PolicyName: 'ecs-host-logs' }));

    const { resources } = await report('us-east-2', ...CLIENTS, '--yes');
    expect(resources.filter(({ verdict }) => verdict === 'change')).toEqual([
      {
        kind: 'role',
        name: 'team-host',
        verdict: 'change',
        difference: ['+ policy ecs-host-logs (its own)'],
        notes: [],
      },
      {
        kind: 'security group',
        name: 'team-hosts',
        verdict: 'change',
        difference: ['+ 32262/tcp from 10.20.0.0/16 (clients)'],
        notes: ["22/tcp from 0.0.0.0/0 is not bootstrap's, and is left"],
      },
    ]);
    expect((await bootstrap('us-east-2', ...CLIENTS, ...CI)).stdout).toContain('nothing to do');
    expect(await ports('team-hosts')).toContain('22/tcp 0.0.0.0/0');
  });

  test('other clients take the place of the ones before', async () => {
    await report('us-east-2', '--clients', '10.30.0.0/16', '--yes');
    expect(await ports('team-hosts')).toEqual([
      '22/tcp 0.0.0.0/0',
      '32262/tcp 10.30.0.0/16',
      '32263/udp 10.30.0.0/16',
      '32273/tcp 10.30.0.0/16',
      '4678/tcp 10.20.0.7/32',
    ]);
  });

  test('a second region shares the roles, and the last that goes takes them along', async () => {
    const second = await report('us-east-1', ...CLIENTS, '--yes');
    expect(verdicts(second)).toEqual({
      'log group /ecs-host/us-east-1': 'create',
      'role team-host': 'change',
      'instance profile team-host': 'change',
      'security group team-hosts': 'create',
    });
    const first = await report('us-east-2', '--destroy', '--yes');
    expect(verdicts(first)).toEqual({
      'security group team-hosts': 'remove',
      'role team-host-ci': 'remove',
      'identity provider token.actions.githubusercontent.com': 'remove',
      'instance profile team-host': 'shared',
      'role team-host': 'shared',
      'log group /ecs-host/us-east-2': 'remove',
    });
    expect(await roles()).toEqual(['ecs-host', 'team-host']);
    expect(await group('team-hosts')).toBeUndefined();

    await report('us-east-1', '--destroy', '--yes');
    expect(await roles()).toEqual(['ecs-host']);
    const { OpenIDConnectProviderList } = await clients.iam.send(new ListOpenIDConnectProvidersCommand({}));
    expect(OpenIDConnectProviderList).toEqual([]);
    expect((await bootstrap('us-east-1', '--destroy')).stdout).toBe('nothing to do\n');
  });

  test('what somebody else made is looked at, told what it lacks, and neither changed nor removed', async () => {
    const checked = await bootstrap('local', '--yes');
    expect(checked.exitCode).toBe(2);
    expect(checked.stdout).toContain('foreign  security group container-testing\n');
    expect(checked.stdout).toContain('foreign  role ecs-host\n');
    expect(checked.stderr).toContain('role ecs-host: lacks: policy AmazonSSMManagedInstanceCore');

    const gone = await bootstrap('local', '--destroy', '--yes');
    expect(gone.exitCode).toBe(0);
    expect(gone.stdout).toContain(
      'foreign  security group container-testing\n           not made by bootstrap, and left',
    );
    expect(await roles()).toEqual(['ecs-host']);
  });
});
