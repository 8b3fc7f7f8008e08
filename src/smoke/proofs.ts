import type { AwsClients } from '../aws/clients.ts';
import type { Ssh } from '../host-access/ssh.ts';
import type { RunContext } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { CheckBook } from './checks/check-book.ts';
import {
  checkClusterGpu,
  checkDistinct,
  checkRegistered,
  findRegistration,
  type Registration,
} from './checks/cluster-checks.ts';
import { checkContainerMetadata, checkGpu } from './checks/container-checks.ts';
import { BEFORE_HANDSHAKE, checkBeforeHandshake, checkDenied, checkOpened, openGate } from './checks/gate-checks.ts';
import { checkNetwork } from './checks/network-checks.ts';
import { checkHostMetadata, checkVerify } from './checks/verify-checks.ts';
import { buildWorkload, cloneWorkload, runWorkload } from './checks/workload.ts';
import { checkStream } from './stream/stream-checks.ts';
import { REMOTE_WEBSERVER_PORT, type SmokeWebserver } from './webserver.ts';

export type SmokeRun = {
  readonly plan: BuildPlan;
  readonly ctx: RunContext;
  readonly clients: AwsClients;
  readonly book: CheckBook;
  readonly webserver: SmokeWebserver;
  readonly cluster: string;
  readonly reach: (instanceId: string) => Promise<Ssh>;
};

const CLOUD_INIT_TIMEOUT_MS = 300_000;

/** Every branch runs to its end before the first interruption is thrown on. */
async function together(works: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason;
}

/** cloud-init says 0 for done, 2 for done with recoverable errors; `status` prints which. */
async function waitForCloudInit(
  ssh: Ssh,
): Promise<{ readonly status: string; readonly isDone: boolean; readonly durationMs: number }> {
  const { exitCode, stdout, durationMs } = await ssh.run('cloud-init status --wait', {
    timeoutMs: CLOUD_INIT_TIMEOUT_MS,
  });
  const status = /status:\s*(.+)/.exec(stdout)?.[1]?.trim() ?? `exit code ${exitCode}`;
  return { status, isDone: exitCode === 0 && status === 'done', durationMs };
}

async function boot(run: SmokeRun, instanceId: string): Promise<Ssh | null> {
  const reached: Ssh[] = [];
  await run.book.attempt(['boot.ssh', 'boot.cloud-init'], () =>
    run.ctx.span('boot', async () => {
      const startedAt = performance.now();
      const ssh = await run.reach(instanceId);
      reached.push(ssh);
      run.book.record('boot.ssh', { actual: 'a shell', isCorrect: true, durationMs: performance.now() - startedAt });
      const { status, isDone, durationMs } = await waitForCloudInit(ssh);
      run.book.record('boot.cloud-init', { actual: status, isCorrect: isDone, durationMs });
    }),
  );
  // A machine that answers is worth looking at even when cloud-init is not well.
  return reached[0] ?? null;
}

/** Shut before, shut when denied, and then open: returns whether it opened. */
async function proveGate(run: SmokeRun, ssh: Ssh): Promise<boolean> {
  const { book, ctx, webserver, clients, cluster } = run;
  const { instanceId } = ssh.target;
  if (book.selected.has('gate')) {
    await book.attempt(BEFORE_HANDSHAKE, () => ctx.span('before the handshake', () => checkBeforeHandshake(ssh, book)));
  }
  const forward = (): Promise<void> => ssh.forwardToHere(REMOTE_WEBSERVER_PORT, webserver.port);
  if (book.selected.has('gate')) {
    const registeredArn = async (): Promise<string | null> =>
      (await findRegistration(clients, cluster, instanceId))?.arn ?? null;
    await book.attempt(['gate.denied-stays-shut', 'gate.denied-not-registered'], () =>
      ctx.span('a denied handshake', async () => {
        // Decided before the tunnel opens: the host may be asking already.
        webserver.decide(instanceId, 'deny');
        await forward();
        await checkDenied(ssh, webserver, book, { registeredArn, signal: ctx.signal });
      }),
    );
  } else {
    webserver.decide(instanceId, 'grant');
    await forward();
  }
  return book.attempt(['gate.granted-serves', 'gate.order'], () =>
    ctx.span('a granted handshake', async () => {
      const state = await openGate(ssh, webserver, { isRetriedNow: true, signal: ctx.signal });
      await checkOpened(ssh, state, book);
    }),
  );
}

/** Build, look at containers and metadata, run, and watch the stream from outside. */
async function proveWorkload(run: SmokeRun, ssh: Ssh): Promise<void> {
  const { book, ctx, plan } = run;
  const workload = plan.developerWorkload;
  const isBuilt = await book.attempt(['workload.build-protocol', 'workload.build-image'], () =>
    ctx.span('build the container image', (span) => buildWorkload(ssh, workload, book, span)),
  );
  if (!isBuilt) return;
  await together([
    book.attempt(['imds.docker0-blocked', 'imds.user-bridge-blocked'], () =>
      ctx.span('metadata from containers', () => checkContainerMetadata(ssh, plan, book)),
    ),
    plan.gpu
      ? book.attempt(['gpu.driver', 'gpu.container'], () => ctx.span('the GPU', () => checkGpu(ssh, plan, book)))
      : Promise.resolve(),
    book.attempt(['workload.run', 'stream.frames', 'stream.not-black', 'stream.changes'], () =>
      ctx.span('run it and watch its stream', async (span) => {
        const key = await runWorkload(ssh, workload, book, span);
        await checkStream({ host: ssh.target.address, ports: workload.ports, key }, book, ctx.signal);
      }),
    ),
  ]);
}

/**
 * Everything about one instance, each step only after what it builds on.
 *
 * @param onRegistered called as soon as the instance is in the cluster, long before the workload is done
 * @returns its registration, or null when there was none
 */
export async function proveFirst(
  run: SmokeRun,
  instanceId: string,
  onRegistered: (registration: Registration | null) => void,
): Promise<Registration | null> {
  const { book, ctx, plan, clients, cluster } = run;
  if (!plan.gpu) {
    for (const id of ['cluster.gpu-registered', 'gpu.driver', 'gpu.container'])
      book.skip(id, `profile ${plan.profile} has no GPU`);
  }
  const ssh = await boot(run, instanceId);
  if (!ssh) return null;
  // Neither needs Docker, so both use the time in which the gate is still shut.
  const networkLooked = book.selected.has('network')
    ? book.attempt(['network.open-port', 'network.closed-port'], () =>
        ctx.span('the security group from outside', () =>
          checkNetwork(ssh, plan.developerWorkload.ports, book, ctx.signal),
        ),
      )
    : Promise.resolve(true);
  const cloned = book.selected.has('workload')
    ? book.attempt(['workload.clone'], () =>
        ctx.span('clone the container images', (span) => cloneWorkload(ssh, plan.developerWorkload, book, span)),
      )
    : Promise.resolve(false);
  const opened = proveGate(run, ssh);
  await together([networkLooked, cloned, opened]);
  const verify = (): Promise<unknown> =>
    book.selected.has('verify')
      ? book.attempt(['verify.ran', 'imds.host-token', 'imds.v1-refused'], () =>
          ctx.span('verify the booted image', async () => {
            await checkHostMetadata(ssh, book);
            await checkVerify(ssh, book);
          }),
        )
      : Promise.resolve();
  if (!(await opened)) {
    // What the image says of itself may be why.
    await verify();
    return null;
  }

  const registered: Registration[] = [];
  await together([
    book.selected.has('cluster')
      ? book.attempt(['cluster.registered', ...(plan.gpu ? ['cluster.gpu-registered'] : [])], async () => {
          const registration = await checkRegistered(
            clients,
            { cluster, instanceId, checkId: 'cluster.registered' },
            book,
            ctx.signal,
          );
          registered.push(registration);
          onRegistered(registration);
          if (plan.gpu) checkClusterGpu(registration, book);
        })
      : Promise.resolve(),
    verify(),
    cloned.then(async (isCloned) => {
      if (isCloned) await proveWorkload(run, ssh);
    }),
  ]);
  return registered[0] ?? null;
}

/** A second instance of the image: its webserver comes late, it is granted at once, and it must be a container instance of its own. */
export async function proveSecond(
  run: SmokeRun,
  instanceId: string,
  firstRegistered: Promise<Registration | null>,
): Promise<void> {
  const { book, ctx, webserver, clients, cluster } = run;
  await book.attempt(['cluster.second-registered', 'cluster.distinct'], async () => {
    const ssh = await ctx.span('boot', () => run.reach(instanceId));
    webserver.decide(instanceId, 'grant');
    await ssh.forwardToHere(REMOTE_WEBSERVER_PORT, webserver.port);
    const second = await checkRegistered(
      clients,
      { cluster, instanceId, checkId: 'cluster.second-registered' },
      book,
      ctx.signal,
    );
    const first = await firstRegistered;
    if (!first) throw new Error('the first instance did not register');
    checkDistinct(first, second, book);
  });
}
