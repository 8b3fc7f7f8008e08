import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeImagesCommand, type Image } from '@aws-sdk/client-ec2';
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { DeleteParametersCommand } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AwsClients, clientOptions, createClients } from '../../src/aws/clients.ts';
import { createReleaseClients, type ReleaseClients } from '../../src/aws/release-clients.ts';
import callerPolicy from '../../src/bootstrap/policies/caller.json' with { type: 'json' };
import { poll } from '../../src/io/wait-until.ts';
import { pointerNames } from '../../src/release/channels.ts';
import { readPointer } from '../../src/release/move-pointer.ts';
import type { ReleaseState } from '../../src/release/release-state.ts';
import { ec2TagsAsObject } from '../../src/run/tags.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { cli, events, start } from './support.ts';

/** Releases to two regions of the lab, and what becomes of them when the command is killed. */
const WEST = 'us-west-2';
const EAST = 'us-east-1';
const LAB = { accessKeyId: 'lab', secretAccessKey: 'lab' };
const PROFILE = 'cpu-bookworm';
const ACCOUNT = '111122223333';

type There = { readonly aws: AwsClients; readonly more: ReleaseClients & Disposable };

let lab: LabHandle;
let config: string;
let imageId: string;
const there = new Map<string, There>();

function at(region: string): There {
  const found = there.get(region);
  if (!found) throw new Error(`there are no clients for ${region}`);
  return found;
}

/** What is shared needs a key of one's own. */
async function makeKey(region: string): Promise<void> {
  const kms = new KMSClient(clientOptions({ apiRegion: region, endpointUrl: lab.endpoint }, LAB));
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/ecs-host', TargetKeyId: KeyMetadata?.KeyId }));
  kms.destroy();
}

/** The shipped file with a second region of the lab, which the profile is released to. */
function configWith(verifyCopies: 'smoke' | 'snapshot'): Promise<string> {
  const release = `regions: [local-east], verifyCopies: ${verifyCopies}, share: { accounts: ["${ACCOUNT}"] }`;
  const region = `    kmsKey: alias/ecs-host\n    securityGroup: container-testing\n    instanceProfile: ecs-host\n`;
  return lab.configWith(
    (text) =>
      `${text
        .replace('    transport: ssh\n', `    transport: ssh\n    release: { ${release}, deprecateAfterDays: 30 }\n`)
        .replace(/( {4}apiRegion: us-west-2\n)/, '$1    kmsKey: alias/ecs-host\n')}
  local-east:\n    profile: ${PROFILE}\n    lab: true\n    apiRegion: ${EAST}\n${region}`,
  );
}

beforeAll(async () => {
  lab = await startLabForTests();
  for (const apiRegion of [WEST, EAST]) {
    const target = { apiRegion, endpointUrl: lab.endpoint };
    there.set(apiRegion, { aws: createClients(target, LAB), more: createReleaseClients(target, LAB) });
    await makeKey(apiRegion);
  }
  config = await configWith('snapshot');
  const run = await cli(['ami', '--config', config, '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(0);
  imageId = String(events(run).at(-1)?.['imageId']);
});
afterAll(async () => {
  for (const { aws, more } of there.values()) {
    aws.destroy();
    more[Symbol.dispose]();
  }
  await lab?.down();
});

function args(channel: string, file = config): string[] {
  return ['release', 'run', imageId, '--channel', channel, '--config', file];
}

async function ownImages(region: string): Promise<Image[]> {
  return (await at(region).aws.ec2.send(new DescribeImagesCommand({ Owners: ['self'] }))).Images ?? [];
}

async function pointer(region: string, channel: 'nightly' | 'beta' | 'stable') {
  return readPointer(at(region).more.ssm, PROFILE, channel);
}

/** What must hold at every moment, also when a command was killed a moment ago. */
async function expectHonest(): Promise<void> {
  for (const region of [WEST, EAST]) {
    const images = await ownImages(region);
    for (const channel of ['nightly', 'beta', 'stable'] as const) {
      const named = (await pointer(region, channel))?.imageId;
      if (named === undefined) continue;
      const image = images.find(({ ImageId }) => ImageId === named);
      expect(ec2TagsAsObject(image?.Tags)['ecs-host:verdict'], `${channel} in ${region}`).toBe('passed');
    }
  }
}

async function stateOf(channel: string): Promise<ReleaseState | null> {
  const file = join(lab.stateFolder, 'releases', `${imageId}-${channel}.json`);
  return readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as ReleaseState,
    () => null,
  );
}

/** Kills a release as soon as it has written down what it is about to do, and waits for its end. */
async function killedAt(channel: string, file: string, isThere: (state: ReleaseState) => boolean): Promise<void> {
  const run = start(args(channel, file), lab.environment);
  const seen = await poll(
    async () => {
      const state = await stateOf(channel);
      return run.exitCode !== null || (state !== null && isThere(state)) ? true : null;
    },
    { timeoutMs: 300_000, intervalMs: 5 },
  );
  expect(seen).toBe(true);
  await lab.killTree(run.pid);
  await run;
}

function isAt(step: string): (state: ReleaseState) => boolean {
  return ({ regions }) => regions[1]?.step === step;
}

/** One copy, named by both pointers, and nothing else. */
async function expectReleased(channel: 'nightly' | 'beta' | 'stable', provenBy: string): Promise<void> {
  const copies = await ownImages(EAST);
  expect(copies).toHaveLength(1);
  const [copy] = copies;
  expect(await pointer(WEST, channel)).toMatchObject({ imageId, version: 1 });
  expect(await pointer(EAST, channel)).toMatchObject({
    imageId: copy?.ImageId,
    version: 1,
    release: { provenBy, copiedFrom: { imageId, apiRegion: WEST } },
  });
  for (const region of ['local', EAST]) expect(await awsLeftovers(lab, region)).toEqual([]);
}

describe('a release to two regions, the copy compared by its content', () => {
  test.each<[string, (state: ReleaseState) => boolean]>([
    ['it begins', () => true],
    ['it asks for the copy', isAt('copy')],
    ['the copy is made', isAt('wait')],
    ['it checks the copy', isAt('check')],
    ['it compares the copy', isAt('prove')],
    ['it shares the copy', isAt('share')],
    ['all is ready', isAt('publish')],
    ['the pointers move', ({ releasedAt }) => releasedAt !== null],
  ])('is killed when %s', async (_when, isThere) => {
    await killedAt('nightly', config, isThere);
    await expectHonest();
  });

  test('and then ends as if nothing had happened', async () => {
    const run = await cli([...args('nightly'), '--json'], lab.environment);
    expect(run.exitCode, run.all).toBe(0);
    await expectReleased('nightly', 'snapshot');
    const [copy] = await ownImages(EAST);
    const [source] = await ownImages(WEST);
    const { 'ecs-host:copied-from': origin, ...tags } = ec2TagsAsObject(copy?.Tags);
    expect(origin).toBe(`${WEST}/${imageId}`);
    expect(tags).toEqual(ec2TagsAsObject(source?.Tags));
    expect(copy).toMatchObject({ ImdsSupport: 'v2.0', DeprecationTime: expect.any(String) });
    const shown = await cli(['image', 'show', copy?.ImageId ?? '', '--json'], lab.environment);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      ...{ region: 'local-east', apiRegion: EAST, copiedFrom: { imageId, apiRegion: WEST } },
      smoke: { verdict: 'passed' },
    });
  });

  test('is shown by status, and once more it changes nothing', async () => {
    const again = await cli([...args('nightly'), '--json'], lab.environment);
    expect(events(again).at(-1)).toMatchObject({ type: 'result', isNew: false });
    const status = await cli(['release', 'status', '--config', config, '--json'], lab.environment);
    expect(status.exitCode, status.all).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({
      profile: PROFILE,
      channels: [
        { channel: 'nightly', region: 'local', imageId, verdict: 'passed', version: 1 },
        { channel: 'nightly', region: 'local-east', verdict: 'passed', version: 1 },
      ],
      underWay: [],
    });
  });
});

describe('a copy that is smoked in its own region', () => {
  test('is proven there after a kill in the middle of its smoke test, and nothing of that is left', async () => {
    const [copy] = await ownImages(EAST);
    // Whoever deletes an image takes it from its channels first.
    const names = Object.values(pointerNames(PROFILE, 'nightly'));
    await at(EAST).more.ssm.send(new DeleteParametersCommand({ Names: names }));
    await cli(
      ['image', 'delete', copy?.ImageId ?? '', '--region', 'local-east', '--config', config, '--yes'],
      lab.environment,
    );
    const smoked = await configWith('smoke');
    const run = start([...args('beta', smoked), '--plain'], lab.environment);
    await lab.waitForText(run, /ok {4}launch from the image/);
    await lab.killTree(run.pid);
    await run;
    await expectHonest();
    const end = await cli([...args('beta', smoked), '--json'], lab.environment);
    expect(end.exitCode, end.all).toBe(0);
    await expectReleased('beta', 'smoke');
  });

  test('each call is one that AWS describes so, and that the policy of the caller allows', async () => {
    const answer = await fetch(`${lab.endpoint}/_lab/calls`);
    type Call = { service: string; action: string; from: string; errorCode?: string };
    const made = ((await answer.json()) as Call[]).filter(({ from }) => from === 'loopback');
    const invalid = made.filter(({ errorCode = '' }) =>
      /^(Unknown|Missing|Invalid)Parameter|^Validation/.test(errorCode),
    );
    expect(invalid).toEqual([]);
    // What this file asks for itself, and what everybody may.
    const allowed = new Set<string>([
      'kms:CreateKey',
      'kms:CreateAlias',
      'ssm:DeleteParameters',
      'sts:GetCallerIdentity',
    ]);
    for (const { Action } of callerPolicy.Statement) for (const each of [Action].flat()) allowed.add(each);
    const used = new Set(made.map(({ service, action }) => `${service}:${action}`));
    expect([...used].filter((each) => !allowed.has(each))).toEqual([]);
    expect([...used]).toEqual(expect.arrayContaining(['ec2:CopyImage', 'ssm:PutParameter', 'ebs:GetSnapshotBlock']));
  });
});
