import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateImageCommand,
  CreateSecurityGroupCommand,
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DescribeInstancesCommand,
  ImportKeyPairCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StopInstancesCommand,
  TerminateInstancesCommand,
  waitUntilImageAvailable,
  waitUntilInstanceRunning,
  waitUntilInstanceStopped,
  waitUntilInstanceTerminated,
} from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import { createClients } from '../../src/aws/clients.ts';
import { failedChecks } from '../support/failed-checks.ts';
import type { LabHandle } from './lab-handle.ts';

const CLEAN = '/opt/ecs-host/bin/node /opt/ecs-host/provisioners/main.mjs apply clean';
const LONG = { maxWaitTime: 120, minDelay: 1, maxDelay: 2 };

/** An instance of the reference profile, and who logs in there. */
export const GPU_HOST = { instanceType: 'g3s.xlarge', user: 'ubuntu' } as const;

export type Change = {
  readonly name: string;
  /** Done as root before the image is cleaned, and after that. */
  readonly before: string;
  readonly after: string;
  readonly imageId: string;
  readonly instanceType?: RunInstancesCommandInput['InstanceType'];
  readonly user?: string;
};

/**
 * Boots an image, does something to it as root, cleans it the way the bake does, does something more, and makes an
 * image of that: what a careless change to a provisioner would bake.
 */
export async function changedImage(
  lab: LabHandle,
  { name, before, after, imageId, instanceType = 't3.large', user = 'admin' }: Change,
): Promise<string> {
  const { ec2, destroy } = createClients(
    { apiRegion: 'us-west-2', endpointUrl: lab.endpoint },
    { accessKeyId: 'lab', secretAccessKey: 'lab' },
  );
  const folder = await lab.newFolder();
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(async () => destroy());
  const key = join(folder, 'key');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  await ec2.send(new ImportKeyPairCommand({ KeyName: name, PublicKeyMaterial: await readFile(`${key}.pub`) }));
  cleanup.defer(async () => void (await ec2.send(new DeleteKeyPairCommand({ KeyName: name }))));
  const { GroupId } = await ec2.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: 'ssh for a test' }),
  );
  cleanup.defer(async () => void (await ec2.send(new DeleteSecurityGroupCommand({ GroupId }))));
  await ec2.send(
    new AuthorizeSecurityGroupIngressCommand({
      GroupId,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    }),
  );
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId: imageId,
      InstanceType: instanceType,
      MinCount: 1,
      MaxCount: 1,
      KeyName: name,
      SecurityGroupIds: [GroupId ?? ''],
    }),
  );
  const InstanceIds = [Instances[0]?.InstanceId ?? ''];
  cleanup.defer(async () => {
    await ec2.send(new TerminateInstancesCommand({ InstanceIds }));
    await waitUntilInstanceTerminated({ client: ec2, ...LONG }, { InstanceIds });
  });
  await waitUntilInstanceRunning({ client: ec2, ...LONG }, { InstanceIds });
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ InstanceIds }));
  const address = Reservations[0]?.Instances?.[0]?.PublicIpAddress ?? '';
  const ssh = (command: string) =>
    execa(
      'ssh',
      [
        '-i',
        key,
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        'UserKnownHostsFile=/dev/null',
        '-o',
        'LogLevel=ERROR',
        '-o',
        'ConnectTimeout=5',
        '-o',
        'BatchMode=yes',
        `${user}@${address}`,
        'sudo sh -eu',
      ],
      { input: command, reject: false, all: true },
    );
  for (let tries = 0; (await ssh('true')).exitCode !== 0; tries += 1) {
    if (tries > 60) throw new Error(`no ssh to ${address}`);
    await sleep(500);
  }
  // One connection: cleaning takes the key that would open the next. A bake cleans where no host service has run yet;
  // here it would go on writing its signs of life.
  const lines = [
    'cloud-init status --wait >/dev/null || true',
    'systemctl stop ecs-host.service',
    ...[before, `${CLEAN} >/dev/null`, after, 'sync'],
  ];
  const done = await ssh(`${lines.join('\n')}\n`);
  if (done.exitCode !== 0) throw new Error(`change ${name} failed:\n${done.all}`);
  await ec2.send(new StopInstancesCommand({ InstanceIds }));
  await waitUntilInstanceStopped({ client: ec2, ...LONG }, { InstanceIds });
  const { ImageId = '' } = await ec2.send(new CreateImageCommand({ InstanceId: InstanceIds[0] ?? '', Name: name }));
  await waitUntilImageAvailable({ client: ec2, ...LONG }, { ImageIds: [ImageId] });
  return ImageId;
}

/** Ids of the checks that did not hold, from a `--json` run. */
export function failedIds(output: Record<string, unknown>[]): string[] {
  const checks = output
    .filter((event) => event['type'] === 'check')
    .map((event) => event['check'] as { id: string; verdict: string });
  return failedChecks(checks).map(({ id }) => id);
}
