import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { createReleaseClients } from '../../src/aws/release-clients.ts';
import { type Night, type Outcome, parseNight } from '../../src/nightly/night.ts';
import { readPointers } from '../../src/release/pointer.ts';
import { ec2TagsAsObject, TAG } from '../../src/run/tags.ts';
import { awsLeftovers, type LabHandle } from './lab-handle.ts';
import { cli, start } from './support.ts';

/** Where nights bake, and where they copy to: as hosts.yaml and as the API name them. */
export const HOME = { region: 'local', apiRegion: 'us-west-2' };
export const AWAY = { region: 'elsewhere', apiRegion: 'us-east-1' };

const AWAY_TEXT = `  elsewhere:
    profile: cpu-bookworm
    lab: true
    apiRegion: us-east-1
    securityGroup: container-testing
    instanceProfile: ecs-host
`;

/** Changes of the profile: what is baked (`swapMiB` is part of the digest), and which workload proves it. */
export type Change = { readonly swapMiB?: number; readonly workloadRef?: string };

/** The shipped hosts.yaml, with a second region of the lab to which the profile is released. */
export function nightsConfig(lab: LabHandle, { swapMiB = 0, workloadRef = 'main' }: Change = {}): Promise<string> {
  const swap = swapMiB === 0 ? '' : `    swapMiB: ${swapMiB}\n`;
  const more = `    release: { regions: [elsewhere], verifyCopies: snapshot }\n${swap}`;
  return lab.configWith((text) => {
    const changed = text
      .replace(/^( {2}cpu-bookworm:\n)/m, `$1${more}`)
      .replace('      ref: main\n', `      ref: ${workloadRef}\n`);
    return `${changed.trimEnd()}\n${AWAY_TEXT}`;
  });
}

/** An order to the lab: a fault, a shortage, a copy that fails. */
export async function order(lab: LabHandle, method: 'POST' | 'DELETE', what: string, body?: object): Promise<void> {
  const answer = await fetch(`${lab.endpoint}/_lab/${what}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${what}: ${await answer.text()}`);
}

/** The arguments of a night in the lab. */
export function nightArguments(config: string, folder: string, more: readonly string[] = []): string[] {
  const files = ['--summary', join(folder, 'summary-of-step.md'), '--artifacts', join(folder, 'artifacts')];
  return ['nightly', '--region', HOME.region, '--config', config, '--plain', ...files, ...more];
}

export type Told = {
  readonly exitCode: number | undefined;
  /** All that was printed. */
  readonly all: string;
  readonly summary: string;
  readonly outcome: Outcome;
  readonly night: Night;
};

/** One whole night, and what it told. */
export async function runNight(lab: LabHandle, config: string, more: readonly string[] = []): Promise<Told> {
  const folder = await lab.newFolder();
  const run = await cli(nightArguments(config, folder, more), lab.environment);
  const summary = await readFile(join(folder, 'summary-of-step.md'), 'utf8').catch(() => '');
  const report = await readFile(join(folder, 'artifacts', 'nightly.json'), 'utf8').catch(() => '');
  const night = parseNight(report);
  const outcome = typeof night === 'string' ? undefined : night.outcomes[0];
  if (typeof night === 'string' || outcome === undefined) throw new Error(`no report: ${String(night)}\n${run.all}`);
  return { exitCode: run.exitCode, all: run.all, summary, outcome, night };
}

/** A night that is killed, with all that it started, once a line is there. */
export async function killedNight(lab: LabHandle, config: string, at: RegExp): Promise<void> {
  const run = start(nightArguments(config, await lab.newFolder(), ['--force']), lab.environment);
  await lab.waitForText(run, at);
  await lab.killTree(run.pid);
  await run;
}

/** What a pointer names, and what its region says of that image: `passed`, another verdict, or that it is not there. */
export type Named = { readonly where: string; readonly imageId: string; readonly verdict: string };

async function namedIn(lab: LabHandle, { region, apiRegion }: typeof HOME): Promise<Named[]> {
  const keys = { accessKeyId: 'lab', secretAccessKey: 'lab' };
  using clients = createReleaseClients({ apiRegion, endpointUrl: lab.endpoint }, keys);
  const pointers = await readPointers(clients.ssm);
  const { Images = [] } = await clients.ec2.send(new DescribeImagesCommand({ Owners: ['self'] }));
  return pointers.map(({ profile, channel, imageId }) => {
    const image = Images.find((each) => each.ImageId === imageId);
    const verdict = image?.State === 'available' ? ec2TagsAsObject(image.Tags)[TAG.verdict] : undefined;
    return { where: `${profile} ${channel} ${region}`, imageId, verdict: verdict ?? 'not there' };
  });
}

/** All pointers of both regions. */
export async function namedByPointers(lab: LabHandle): Promise<Named[]> {
  return [...(await namedIn(lab, HOME)), ...(await namedIn(lab, AWAY))];
}

/** What a night must not leave, in both regions. */
export async function leftOfNights(lab: LabHandle): Promise<string[]> {
  return [...(await awsLeftovers(lab, HOME.region)), ...(await awsLeftovers(lab, AWAY.apiRegion))];
}

/** How many instances the lab was asked for so far. */
export async function launches(lab: LabHandle): Promise<number> {
  const text = await readFile(join(lab.stateFolder, 'lab', 'calls.ndjson'), 'utf8');
  return text.split('\n').filter((line) => line.includes('"action":"RunInstances"')).length;
}
