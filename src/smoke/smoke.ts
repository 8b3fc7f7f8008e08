import { join } from 'node:path';
import { reasonOf } from '#contracts/reason.ts';
import type { AwsClients } from '../aws/clients.ts';
import { findIdentityCertificates } from '../aws/identity-certificates.ts';
import { connectSsh, type Ssh } from '../host-access/ssh.ts';
import { runFolder } from '../io/paths.ts';
import type { RunContext } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { claimRun } from '../run/owner.ts';
import { sweepRun } from '../run/sweep/sweep.ts';
import { renderUserData } from '../user-data/render.ts';
import { createCheckBook } from './checks/check-book.ts';
import { CHECKS, PARTS, type Part } from './checks/check-definitions.ts';
import { keepEvidence } from './evidence.ts';
import {
  createCluster,
  createKeyPair,
  createSshGroup,
  type Launched,
  type LaunchInput,
  launchInstances,
  type Release,
  waitForAddress,
} from './launch.ts';
import { proveFirst, proveSecond, type SmokeRun } from './proofs.ts';
import { type SmokeResult, verdictOf } from './verdict.ts';
import { REMOTE_WEBSERVER_PORT, type SmokeWebserver, startSmokeWebserver } from './webserver.ts';

export type SmokeInput = {
  readonly plan: BuildPlan;
  readonly imageId: string;
  readonly ctx: RunContext;
  readonly clients: AwsClients;
  /** Parts to run; all of them for a verdict that counts. */
  readonly parts?: ReadonlySet<Part>;
};

const REACH_TIMEOUT_MS = 300_000;

/** Everything that the run made, to be released in reverse; a failure to release one thing does not keep the others. */
function createReleases(ctx: RunContext): { add(what: string, release: Release): void; all(): Promise<void> } {
  const stack = new AsyncDisposableStack();
  return {
    add: (what, release) =>
      stack.defer(async () => {
        try {
          await release();
        } catch (error) {
          const text = `${what} could not be released: ${reasonOf(error)}`;
          ctx.reporter.emit({ type: 'warning', code: 'RELEASE_FAILED', text, hint: '`ecs-host sweep` removes it' });
        }
      }),
    all: () => stack.disposeAsync(),
  };
}

type Acquired = {
  readonly webserver: SmokeWebserver;
  readonly cluster: string;
  readonly keyFile: string;
  readonly instances: readonly Launched[];
};

/** Key, group, cluster and webserver at once, then the instances. */
async function acquire(
  input: SmokeInput,
  launch: LaunchInput,
  count: number,
  add: (what: string, release: Release) => void,
): Promise<Acquired> {
  const { plan, ctx } = input;
  const webserverStarting = findIdentityCertificates(plan.endpointUrl)
    .then((certificates) => startSmokeWebserver({ certificates, region: plan.apiRegion, imageId: input.imageId }))
    .then((webserver) => {
      add('the webserver', async () => webserver[Symbol.asyncDispose]());
      return webserver;
    });
  const keyCreating = createKeyPair(launch, join(runFolder(ctx.runId), 'ssh')).then((key) => {
    add('the key pair', key.release);
    return key;
  });
  const groupCreating =
    plan.network.transport === 'ssh'
      ? createSshGroup(launch).then((group) => {
          add('the security group', group.release);
          return [group.groupId];
        })
      : Promise.resolve([]);
  const clusterCreating = createCluster(launch).then(({ cluster, release }) => {
    add('the cluster', release);
    return cluster;
  });
  // All are waited for before the first failure is thrown on: each of them may still add something to release.
  await Promise.allSettled([webserverStarting, keyCreating, groupCreating, clusterCreating]);
  const [webserver, key, groupIds, cluster] = await Promise.all([
    webserverStarting,
    keyCreating,
    groupCreating,
    clusterCreating,
  ]);
  const userData = renderUserData({
    cluster,
    host: {
      version: 1,
      webserverUrl: `https://127.0.0.1:${REMOTE_WEBSERVER_PORT}`,
      webserverCa: webserver.caPem,
      environment: 'smoke',
      drainSeconds: 10,
    },
    ...(plan.ecsAgentEndpoint === null ? {} : { ecs: { ECS_BACKEND_HOST: plan.ecsAgentEndpoint } }),
  });
  const { instanceIds, release } = await launchInstances(launch, { count, keyName: key.keyName, groupIds, userData });
  add('the instances', release);
  // An instance that the region cannot start says nothing about the image, so this is still part of the launch.
  const instances = await Promise.all(instanceIds.map((instanceId) => waitForAddress(launch, instanceId)));
  return { webserver, cluster, keyFile: key.keyFile, instances };
}

/** Throws the first reason only after everything has ended, so that nothing works on while its things are released. */
async function allEnded(works: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason;
}

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

/**
 * Launches the image and compares what it is with what it should be. A failed image is a result, not an error: the caller keeps the
 * verdict (`keepVerdict`) and ends with `verdictError`. Everything that was made is released before this returns or throws.
 *
 * @throws EcsHostError outside when not even the launch worked; `INTERRUPTED`
 */
export async function smoke(input: SmokeInput): Promise<SmokeResult> {
  const { plan, imageId, ctx, clients } = input;
  const selected = input.parts ?? new Set(PARTS);
  await claimRun(ctx.runId, 'smoke');
  const releases = createReleases(ctx);
  const launch: LaunchInput = { plan, imageId, runId: ctx.runId, clients, signal: ctx.signal };
  try {
    const isSecondWanted = selected.has('cluster');
    const acquired = await ctx.span('launch from the image', () =>
      acquire(input, launch, isSecondWanted ? 2 : 1, releases.add),
    );
    const connected = new Map<string, Ssh>();
    const book = createCheckBook({
      definitions: CHECKS,
      selected,
      signal: ctx.signal,
      onCheck: (check) => ctx.reporter.emit({ type: 'check', span: null, check }),
    });
    const reach = async (instanceId: string): Promise<Ssh> => {
      const address = acquired.instances.find((instance) => instance.instanceId === instanceId)?.address ?? '';
      const target = {
        instanceId,
        address,
        user: plan.network.sshUser,
        keyFile: acquired.keyFile,
        transport: plan.network.transport,
        apiRegion: plan.apiRegion,
      };
      const ssh = await connectSsh(target, { timeoutMs: REACH_TIMEOUT_MS, signal: ctx.signal });
      connected.set(instanceId, ssh);
      releases.add(`the connection to ${instanceId}`, async () => ssh[Symbol.asyncDispose]());
      return ssh;
    };
    const run: SmokeRun = { plan, ctx, clients, book, webserver: acquired.webserver, cluster: acquired.cluster, reach };
    const instanceIds = acquired.instances.map((instance) => instance.instanceId);
    const [first = '', second] = instanceIds;
    const firstRegistered = Promise.withResolvers<Awaited<ReturnType<typeof proveFirst>>>();
    // Its loss is reported by proveFirst itself; without a listener it would count as unhandled.
    firstRegistered.promise.catch(() => undefined);
    await allEnded([
      ctx
        .span('prove the first instance', () => proveFirst(run, first, firstRegistered.resolve))
        .then(
          (registration) => firstRegistered.resolve(registration),
          (error: unknown) => {
            firstRegistered.reject(error);
            throw error;
          },
        ),
      ...(second === undefined
        ? []
        : [ctx.span('prove the second instance', () => proveSecond(run, second, firstRegistered.promise))]),
    ]);

    const checks = book.finish();
    const verdict = verdictOf(checks);
    const evidence =
      verdict === 'passed'
        ? []
        : await ctx.span('keep evidence', () =>
            keepEvidence(
              clients,
              instanceIds.map((instanceId) => ({ instanceId, ssh: connected.get(instanceId) ?? null })),
              join(runFolder(ctx.runId), 'evidence'),
            ),
          );
    return {
      verdict,
      runId: ctx.runId,
      finishedAt: new Date().toISOString(),
      instanceIds,
      checks,
      evidence,
      isComplete: PARTS.every((part) => selected.has(part)),
    };
  } finally {
    await ctx.span('release', async () => {
      await releases.all();
      await sweepRest(input);
    });
  }
}
