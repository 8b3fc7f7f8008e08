import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  CreateSecurityGroupCommand,
  DescribeImagesCommand,
  DescribeVpcsCommand,
  type EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  DescribeInstanceInformationCommand,
  SSMClient,
  StartSessionCommand,
  type StartSessionCommandInput,
} from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AwsClients, clientOptions, createClients } from '../../src/aws/clients.ts';
import { waitForAddress } from '../../src/aws/instances.ts';
import callerPolicy from '../../src/bootstrap/policies/caller.json' with { type: 'json' };
import { CARRYING_SESSIONS } from '../../src/host-access/carry-file.ts';
import { findSessionManagerPlugin } from '../../src/host-access/needs.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { commandLine } from '../../src/io/shell-quote.ts';
import { poll } from '../../src/io/wait-until.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli, events } from './support.ts';

/**
 * Session Manager with the real session-manager-plugin: the whole job of `ami` by way of it, with the real Packer's own
 * interface for the bake, and then what it must not do.
 */
const REGION = 'us-west-2';
const EXAMPLE = join(projectFolder(), 'examples', 'container-images');
const LAB = { accessKeyId: 'lab', secretAccessKey: 'lab' };

let lab: LabHandle;
let clients: AwsClients;
let ssm: SSMClient;

beforeAll(async () => {
  lab = await startLabForTests();
  const target = { apiRegion: REGION, endpointUrl: lab.endpoint };
  clients = createClients(target, LAB);
  ssm = new SSMClient(clientOptions(target, LAB));
});
afterAll(async () => {
  ssm?.destroy();
  clients?.destroy();
  await lab?.down();
});

type Call = {
  readonly service: string;
  readonly action: string;
  readonly from: string;
  readonly status: number;
  readonly errorCode?: string;
  readonly parameters: Readonly<Record<string, string>>;
};

async function allCalls(): Promise<readonly Call[]> {
  const answer = await fetch(`${lab.endpoint}/_lab/calls`);
  return (await answer.json()) as Call[];
}

async function calls(action: string): Promise<readonly Call[]> {
  return (await allCalls()).filter((call) => call.action === action && call.status === 200);
}

test('a whole bake and smoke run go by way of it, and no security group lets ssh in', async () => {
  // The reference profile's type, way in, volume and workload; what is put on the host is no call to AWS.
  const config = await lab.configWith((text) =>
    text
      .replace(/transport: ssh\n +sshSourceCidrs.*\n/, 'transport: session-manager\n')
      .replace('instanceType: t3.large', 'instanceType: g3s.xlarge')
      .replace(/repository: http:\/\/lab\.internal.*\n +ref: main\n/, `folder: ${EXAMPLE}\n`),
  );
  const run = await cli(['ami', '--config', config, '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(0);
  expect(events(run).at(-1)).toMatchObject({ type: 'result', verdict: 'passed' });
  const documents = (await calls('StartSession')).map(({ parameters }) => parameters['DocumentName']);
  // One of Packer's, and of ours one to each of the two instances and those that carry the auditor to the third.
  const ofOurs = Array.from({ length: 2 + CARRYING_SESSIONS }, () => 'AWS-StartSSHSession');
  expect(documents.toSorted()).toEqual(['AWS-StartPortForwardingSession', ...ofOurs]);
  expect(await calls('TerminateSession')).not.toHaveLength(0);
  expect(await calls('AuthorizeSecurityGroupIngress')).toEqual([]);
  expect(await awsLeftovers(lab)).toEqual([]);
});

test('each of its calls is one that AWS describes so, and that the policy of the caller allows', async () => {
  const made = (await allCalls()).filter(({ from }) => from === 'loopback');
  const invalid = made.filter(({ errorCode = '' }) =>
    /^(Unknown|Missing|Invalid)Parameter|^Validation/.test(errorCode),
  );
  expect(invalid).toEqual([]);
  const allowed = new Set(callerPolicy.Statement.flatMap(({ Action }) => Action));
  // Everybody may ask who they are.
  allowed.add('sts:GetCallerIdentity');
  const used = new Set(made.map(({ service, action }) => `${service}:${action}`));
  expect([...used].filter((each) => !allowed.has(each))).toEqual([]);
  expect([...used]).toEqual(expect.arrayContaining(['ec2:RunInstances', 'ec2:CreateImage', 'ssm:StartSession']));
});

async function launch(ec2: EC2Client, groupId: string, profile: string | null): Promise<string> {
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['136693071363'] }));
  const newest = Images.toSorted((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0];
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId: newest?.ImageId,
      InstanceType: 't3.small',
      MinCount: 1,
      MaxCount: 1,
      SecurityGroupIds: [groupId],
      ...(profile === null ? {} : { IamInstanceProfile: { Name: profile } }),
    }),
  );
  return Instances[0]?.InstanceId ?? '';
}

async function emptyGroup(ec2: EC2Client): Promise<string> {
  const { Vpcs = [] } = await ec2.send(
    new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] }),
  );
  const group = { GroupName: 'nothing', Description: 'lets nothing in', VpcId: Vpcs[0]?.VpcId };
  return (await ec2.send(new CreateSecurityGroupCommand(group))).GroupId ?? '';
}

/** What Session Manager says of the instances that it knows. */
async function pingStatus(): Promise<Record<string, string>> {
  const { InstanceInformationList = [] } = await ssm.send(new DescribeInstanceInformationCommand({}));
  return Object.fromEntries(InstanceInformationList.map((one) => [one.InstanceId ?? '', String(one.PingStatus)]));
}

async function becomes(instanceId: string, status: string): Promise<void> {
  const ask = async (): Promise<true | null> => ((await pingStatus())[instanceId] === status ? true : null);
  expect(await poll(ask, { timeoutMs: 60_000, intervalMs: 200 }), `${instanceId} is ${status}`).toBe(true);
}

/** The real plugin on a terminal of 132 by 43, as a person has it. */
async function startPlugin(input: StartSessionCommandInput) {
  const { SessionId, TokenValue, StreamUrl } = await ssm.send(new StartSessionCommand(input));
  const name = 'AWS_SSM_START_SESSION_RESPONSE';
  const file = (await findSessionManagerPlugin()) ?? '';
  const words = [file, name, REGION, 'StartSession', '', JSON.stringify(input), lab.endpoint];
  const environment = { AWS_ACCESS_KEY_ID: 'lab', AWS_SECRET_ACCESS_KEY: 'lab' };
  const child = spawn('script', ['-qefc', `stty cols 132 rows 43; exec ${commandLine({}, words)}`, '/dev/null'], {
    env: { ...process.env, ...environment, [name]: JSON.stringify({ SessionId, TokenValue, StreamUrl }) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'exit');
  return {
    type: (text: string): void => void child.stdin.write(text),
    /** Waits until it has said that. */
    says: async (pattern: RegExp): Promise<RegExpExecArray> => {
      const found = await poll(() => pattern.exec(said), { timeoutMs: 30_000, intervalMs: 50 });
      if (found === null) throw new Error(`the plugin did not say ${pattern}:\n${said}`);
      return found;
    },
    ended: async (): Promise<unknown> => (await ended)[0],
  };
}

describe('instances', () => {
  let groupId = '';
  let managed = '';
  let unmanaged = '';
  beforeAll(async () => {
    groupId = await emptyGroup(clients.ec2);
    [managed, unmanaged] = (await Promise.all([
      launch(clients.ec2, groupId, 'ecs-host'),
      launch(clients.ec2, groupId, null),
    ])) as [string, string];
    await becomes(managed, 'Online');
  });

  test('one that lets nothing in is reached all the same: a shell on a terminal of the right size', async () => {
    // Its agent may be there before EC2 says so.
    const host = await waitForAddress(clients, managed, AbortSignal.timeout(60_000));
    const socket = connect({ host, port: 22, timeout: 2000 });
    expect(await Promise.race([once(socket, 'timeout').then(() => 'silent'), once(socket, 'connect')])).toBe('silent');
    socket.destroy();

    const shell = await startPlugin({ Target: managed });
    shell.type('echo "$(id -un) $(stty size) $(sudo id -un)"\n');
    await shell.says(/ssm-user 43 132 root/);
    shell.type('exit\n');
    expect(await shell.ended()).toBe(0);
  });

  test('a forwarded port that nobody listens on is told by the plugin', async () => {
    const forward = await startPlugin({
      Target: managed,
      DocumentName: 'AWS-StartPortForwardingSession',
      Parameters: { portNumber: ['9'], localPortNumber: ['0'] },
    });
    const [, port] = await forward.says(/Port (\d+) opened[\s\S]*Waiting for connections/);
    const socket = connect({ host: '127.0.0.1', port: Number(port) }).resume();
    const closed = once(socket, 'close');
    await forward.says(/Connection to destination port failed/);
    await closed;
    // Ctrl-C, on which it removes its socket.
    forward.type('\u0003');
    await forward.ended();
  });

  test('there is no way in without an instance profile', async () => {
    expect(Object.keys(await pingStatus())).toEqual([managed]);
    await expect(ssm.send(new StartSessionCommand({ Target: unmanaged }))).rejects.toThrow(
      expect.objectContaining({ name: 'TargetNotConnected', message: `${unmanaged} is not connected.` }),
    );
  });

  test("there is no way in without the agent's service, and the session that stopped it ends", async () => {
    const shell = await startPlugin({ Target: managed });
    shell.type('sudo systemctl stop amazon-ssm-agent\n');
    await shell.says(/Exiting session|not connected any more/);
    await shell.ended();
    await becomes(managed, 'ConnectionLost');
    await expect(ssm.send(new StartSessionCommand({ Target: managed }))).rejects.toThrow('is not connected');
  });
});
