import { join } from 'node:path';
import { CreateTagsCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import { waitForAddress } from '../aws/instances.ts';
import { UNKNOWN_MS } from '../aws/removal.ts';
import type { Bundle } from '../bundle/bundle.ts';
import type { Ssh } from '../host-access/ssh.ts';
import { outsideError, userError } from '../io/errors.ts';
import { runFolder } from '../io/paths.ts';
import type { RunContext, SpanHandle } from '../io/reporter.ts';
import { waitUntil } from '../io/wait-until.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { claimRun, markFinished } from '../run/owner.ts';
import { Releases } from '../run/releases.ts';
import { newRunId } from '../run/run-id.ts';
import { sweepRun } from '../run/sweep/sweep.ts';
import { DEV_TAG, ec2Tags } from '../run/tags.ts';
import { type Brought, bringStep, bringWorkload, dropBrought } from '../workload/brought.ts';
import { follow } from '../workload/follow.ts';
import { type Carried, devTarget, packForHost } from './carry.ts';
import { type DevHost, expiresText } from './dev-host.ts';
import { listDevHosts } from './find.ts';
import { ensureDevKey } from './key.ts';
import { launchDevHost } from './launch.ts';
import { carryTo, provision, waitForBoot } from './provision.ts';
import { connectDevHost } from './reach.ts';
import type { Source } from './source.ts';

export type UpInput = {
  readonly ctx: RunContext;
  readonly clients: AwsClients;
  readonly plan: BuildPlan;
  readonly bundle: Bundle;
  readonly source: Source;
  readonly user: string;
  readonly names: readonly string[];
  readonly ttlMinutes: number;
  readonly idleMinutes: number;
  /** Public keys beside this machine's own. */
  readonly authorizedKeys: readonly string[];
  /** Has what the instance is in (a lab) stay up as long as it lives. */
  readonly stayFor: (instanceId: string) => Promise<void>;
};

/**
 * One host of several that are brought up together: each is a run of its own, so that one can go and the others stay.
 */
type One = UpInput & {
  readonly name: string;
  readonly runId: string;
  readonly carried: Carried;
  readonly brought: Brought;
};

/** As the API lists it, which may take a moment to know what was just made of it. */
function hostOf(
  { clients, plan, user, name, ctx }: One,
  instanceId: string,
  isWanted: (host: DevHost) => boolean = () => true,
): Promise<DevHost> {
  const look = async (): Promise<DevHost | null> => {
    const hosts = await listDevHosts(clients, { ...plan, user });
    return hosts.find((host) => host.instanceId === instanceId && isWanted(host)) ?? null;
  };
  const pace = { timeoutMs: UNKNOWN_MS, intervalMs: 500, signal: ctx.signal };
  return waitUntil(`dev host ${name} to be listed`, look, pace);
}

/** Of two commands that give one name at the same moment, the one whose instance was first keeps it. */
async function assertOnly(one: One, instanceId: string): Promise<void> {
  const { clients, plan, user, name } = one;
  const hosts = await listDevHosts(clients, { ...plan, user });
  const first = hosts
    .filter((host) => host.name === name)
    .sort((a, b) => a.launchedAt.localeCompare(b.launchedAt) || a.instanceId.localeCompare(b.instanceId))[0];
  if (first === undefined || first.instanceId === instanceId) return;
  await clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
  throw nameTaken(first);
}

export function nameTaken({ name, instanceId, state }: DevHost): Error {
  return userError(
    'DEV_HOST_EXISTS',
    `You have a dev host ${name} here already: ${instanceId}, ${state}.`,
    state === 'stopped' ? `\`ecs-host dev-host start ${name}\` starts it` : 'give another name, or destroy that one',
  );
}

/** As the login user sees it: a new connection, because a group that one has joined counts from the next login on. */
async function assertReady(ssh: Ssh, { plan }: One): Promise<void> {
  const looks = ['docker info >/dev/null', ...(plan.gpu ? ['nvidia-smi -L'] : [])];
  const { exitCode, stderr } = await ssh.run(looks.join(' && '), { timeoutMs: 60_000 });
  if (exitCode !== 0)
    throw outsideError('DEV_HOST_FAILED', `Docker does not answer ${plan.network.sshUser} there.`, undefined, stderr);
}

async function bring(ssh: Ssh, { plan, brought }: One, span: SpanHandle): Promise<void> {
  const { repository, folder } = plan.developerWorkload;
  const { exitCode, stderr } = await follow(ssh, bringStep(brought), span);
  if (exitCode !== 0)
    throw outsideError(
      'DEV_HOST_FAILED',
      repository === null ? `${folder} could not be carried there.` : `${repository.url} could not be cloned there.`,
      undefined,
      stderr,
    );
}

/** What stays when all is well is no longer this run's: from here on its tags own it. */
async function markReady({ clients, runId }: One, instanceId: string): Promise<void> {
  const Tags = ec2Tags({ [DEV_TAG.ready]: expiresText(new Date()) });
  await clients.ec2.send(new CreateTagsCommand({ Resources: [instanceId], Tags }));
  await markFinished(runId, [instanceId]);
}

async function makeReady(one: One, instanceId: string): Promise<DevHost> {
  const { ctx, clients, source, plan } = one;
  await ctx.span(`boot ${one.name}`, () => waitForAddress(clients, instanceId, ctx.signal));
  const host = await hostOf(one, instanceId);
  {
    await using ssh = await ctx.span(`reach ${one.name}`, () => connectDevHost(host, ctx.signal));
    await ctx.span(`carry to ${one.name}`, async () => {
      await waitForBoot(ssh);
      await carryTo(ssh, one.carried);
    });
    await ctx.span(`set up ${one.name}`, (span) => provision(ssh, devTarget(plan, source).provisioners, span));
  }
  await using ssh = await ctx.span(`look at ${one.name}`, async () => {
    const again = await connectDevHost(host, ctx.signal);
    await assertReady(again, one);
    return again;
  });
  await ctx.span(`container images to ${one.name}`, (span) => bring(ssh, one, span));
  await markReady(one, instanceId);
  return hostOf(one, instanceId, ({ isReady }) => isReady);
}

async function launch(one: One, releases: Releases): Promise<string> {
  const authorizedKeys = [await ensureDevKey(), ...one.authorizedKeys];
  const instanceId = await launchDevHost({ ...one, reporter: one.ctx.reporter, authorizedKeys }, releases);
  await one.stayFor(instanceId);
  await assertOnly(one, instanceId);
  return instanceId;
}

async function bringUpOne(one: One): Promise<DevHost> {
  const { ctx, clients, name, runId } = one;
  const releases = new Releases(ctx.reporter);
  await claimRun(runId);
  try {
    const instanceId = await ctx.span(`launch ${name}`, () => launch(one, releases));
    const host = await makeReady(one, instanceId);
    releases.keepRegion();
    await releases.all();
    return host;
  } catch (error) {
    await ctx.span(`release ${name}`, async () => {
      await releases.all();
      // The last net: what an interrupted call made after all.
      await sweepRun(clients, runId, { reporter: ctx.reporter });
    });
    throw error;
  }
}

/**
 * Brings up dev hosts until they are really ready: booted, provisioned, Docker and GPU answering, the repository there.
 * Of several that are brought up together, those that became ready stay when another fails.
 *
 * @throws EcsHostError of the first that failed, when all that it made was released
 */
export async function bringUp(input: UpInput): Promise<DevHost[]> {
  const { ctx, clients, bundle, plan, source, names } = input;
  const folder = join(runFolder(ctx.runId), 'dev-host');
  const [carried, brought] = await Promise.all([
    packForHost(bundle, devTarget(plan, source), folder),
    bringWorkload(plan.developerWorkload, clients, folder),
  ]);
  const outcomes = await Promise.allSettled(
    names.map((name, at) => bringUpOne({ ...input, name, carried, brought, runId: at === 0 ? ctx.runId : newRunId() })),
  );
  await dropBrought(brought);
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
