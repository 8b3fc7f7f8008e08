import { join } from 'node:path';
import { reasonOf } from '#contracts/reason.ts';
import type { AwsClients } from '../aws/clients.ts';
import { KEY_FILE } from '../aws/key-pairs.ts';
import { shellCommand } from '../host-access/shell-command.ts';
import { explainImage } from '../inventory/explain-image.ts';
import { signingKey } from '../inventory/signature.ts';
import { allEnded } from '../io/all-ended.ts';
import { awaitVerdict, isApiGone } from '../io/api-gone.ts';
import { keyFolder, runFolder } from '../io/paths.ts';
import type { RunContext } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { keepRun } from '../run/keep.ts';
import { claimRun } from '../run/owner.ts';
import { Releases } from '../run/releases.ts';
import { sweepRun } from '../run/sweep/sweep.ts';
import { timeLimits } from '../run/time-limits.ts';
import { bringWorkload, dropBrought } from '../workload/brought.ts';
import { acquire } from './acquire.ts';
import { concludeAudit, readFromOutside } from './audit.ts';
import { CheckBook } from './checks/check-book.ts';
import { CHECKS, PARTS, type Part } from './checks/check-definitions.ts';
import { awaitTask } from './checks/task-checks.ts';
import { Connections } from './connections.ts';
import { keepEvidence } from './evidence.ts';
import type { LaunchInput } from './launch.ts';
import { compareInstances, proveFirst, proveSecond } from './proofs.ts';
import type { Seen, SmokeRun } from './steps.ts';
import { type SmokeResult, verdictOf } from './verdict.ts';

export type SmokeInput = {
  readonly plan: BuildPlan;
  readonly imageId: string;
  readonly ctx: RunContext;
  readonly clients: AwsClients;
  /** Parts to run; all of them for a verdict that counts. */
  readonly parts?: ReadonlySet<Part>;
  /** Called when a failure leaves something to look at, so that what it is in stays up; null releases it as ever. */
  readonly keep: (() => Promise<void>) | null;
};

/** The last net: whatever a release missed, an interrupted call created after all, or a crash left. */
async function sweepRest({ clients, ctx }: SmokeInput): Promise<void> {
  await sweepRun(clients, ctx.runId, { reporter: ctx.reporter }).catch((error: unknown) => {
    ctx.reporter.emit({
      type: 'warning',
      code: 'SWEEP_IMPOSSIBLE',
      text: `What run ${ctx.runId} left could not be looked for now: ${reasonOf(error)}`,
      hint: 'run `ecs-host sweep` later',
    });
  });
}

/** Both instances side by side, and at last one against the other. */
async function proveInstances(run: SmokeRun, [first = '', second]: readonly string[]): Promise<void> {
  const { ctx } = run;
  const provingFirst = ctx.span('prove the first instance', () => proveFirst(run, first));
  if (second === undefined) {
    await provingFirst;
    return;
  }
  const provingSecond = ctx.span('prove the second instance', () => proveSecond(run, second));
  await compareInstances(run, await allEnded([provingFirst, provingSecond]));
}

/** Launches, proves and, where the verdict is bad, keeps what explains it. */
async function prove(input: SmokeInput, selected: ReadonlySet<Part>, releases: Releases): Promise<SmokeResult> {
  const { plan, imageId, ctx, clients } = input;
  const launch: LaunchInput = { plan, imageId, runId: ctx.runId, clients, signal: ctx.signal };
  const count = selected.has('cluster') ? 2 : 1;
  const brought = selected.has('workload')
    ? await bringWorkload(plan.developerWorkload, clients, join(runFolder(ctx.runId), 'smoke'))
    : null;
  if (brought !== null) releases.add('the packed workload', 'here', () => dropBrought(brought));
  const acquired = await ctx.span('launch from the image', () =>
    acquire(launch, { count, audits: selected.has('audit'), reporter: ctx.reporter }, releases),
  );
  const instanceIds = acquired.instances.map((instance) => instance.instanceId);
  const connections = new Connections(launch, acquired, releases);
  const book = new CheckBook({
    definitions: CHECKS,
    selected,
    signal: ctx.signal,
    onCheck: (check) => ctx.reporter.emit({ type: 'check', span: null, check }),
  });
  const reach: SmokeRun['reach'] = (instanceId) => connections.reach(instanceId);
  const { webserver, cluster, placement } = acquired;
  const wait: SmokeRun['awaitTask'] = (instanceId) => awaitTask(launch, { cluster, instanceId }, releases);
  const limits = timeLimits(plan.endpointUrl);
  const seen: Seen = { inventory: null, settings: null, shut: null, open: null };
  const run = { plan, ctx, clients, book, webserver, cluster, reach, awaitTask: wait, limits, brought, imageId, seen };
  const [disks] = await allEnded([readFromOutside(run, acquired.auditor), proveInstances(run, instanceIds)]);
  await concludeAudit(run, disks, instanceIds);
  // Before the verdict: an image that passed is one that is explained.
  if (seen.inventory !== null) await explainImage(imageId, plan, seen.inventory);
  const checks = book.finish();
  const verdict = verdictOf(checks);
  const looked = instanceIds.map((instanceId) => ({ instanceId, ssh: connections.of(instanceId) }));
  const folder = join(runFolder(ctx.runId), 'evidence');
  const evidence =
    verdict === 'passed' ? [] : await ctx.span('keep evidence', () => keepEvidence(clients, looked, folder));
  const isComplete = PARTS.every((part) => selected.has(part));
  const finishedAt = new Date().toISOString();
  return { verdict, runId: ctx.runId, finishedAt, instanceIds, placement, checks, evidence, isComplete };
}

/**
 * Launches the image and compares what it is with what it should be. A failed image is a result, not an error: the
 * caller keeps the verdict (`keepVerdict`) and ends with `verdictError`. Everything that was made is released before
 * this returns or throws, unless a failure is to be kept.
 *
 * @throws EcsHostError outside when not even the launch worked; user for a mistake of the operator's; `INTERRUPTED`
 */
export async function smoke(input: SmokeInput): Promise<SmokeResult> {
  const { plan, ctx, clients } = input;
  // A key that cannot sign is told before anything is launched.
  await signingKey();
  await claimRun(ctx.runId);
  const releases = new Releases(ctx.reporter);
  let hasFailed = true;
  try {
    const result = await prove(input, input.parts ?? new Set(PARTS), releases);
    hasFailed = result.verdict === 'failed';
    return result;
  } catch (error) {
    await awaitVerdict(error, ctx.signal);
    throw error;
  } finally {
    const keyFile = join(keyFolder(ctx.runId), KEY_FILE);
    const { region, apiRegion, endpointUrl } = plan;
    const { transport, sshUser: user } = plan.network;
    const access = {
      region,
      shellOn: (instance: { instanceId: string; address: string }) =>
        shellCommand({ ...instance, user, keyFile, transport, apiRegion, endpointUrl }),
    };
    const isKept = hasFailed && (await keepRun(ctx, clients, access, input.keep));
    const isGone = isApiGone(ctx.signal);
    if (isKept || isGone) releases.keepRegion();
    await ctx.span('release', async () => {
      await releases.all();
      if (!isKept && !isGone) await sweepRest(input);
    });
  }
}
