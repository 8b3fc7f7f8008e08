import { deadlineUnit } from '#contracts/deadline.ts';
import { reasonOf } from '#contracts/reason.ts';
import { readListening, readSettings } from '../audit/booted-facts.ts';
import type { Ssh } from '../host-access/ssh.ts';
import { readInventory } from '../inventory/read-inventory.ts';
import { allEnded } from '../io/all-ended.ts';
import type { CheckBook } from './checks/check-book.ts';
import { findClosedPort } from './checks/closed-port.ts';
import {
  checkClusterGpu,
  checkDistinct,
  checkRegistered,
  findRegistration,
  type Registration,
} from './checks/cluster-checks.ts';
import { checkContainerMetadata } from './checks/container-checks.ts';
import { BEFORE_HANDSHAKE, checkBeforeHandshake, checkDenied, checkOpened, openGate } from './checks/gate-checks.ts';
import { checkGpu, checkGpuAfterRestart, OF_THE_GPU } from './checks/gpu-checks.ts';
import { checkNetwork } from './checks/network-checks.ts';
import { checkStream } from './checks/stream-checks.ts';
import type { AwaitedTask } from './checks/task-checks.ts';
import { checkHostMetadata, checkVerify } from './checks/verify-checks.ts';
import { buildWorkload, placeWorkload, runWorkload } from './checks/workload-checks.ts';
import { awaitTask, proveTask, proveWaits } from './prove-tasks.ts';
import { type Outcome, type SmokeRun, take } from './steps.ts';
import { REMOTE_WEBSERVER_PORT } from './webserver.ts';

/** ssh, then cloud-init: a machine that answers is worth looking at even when cloud-init is not well. */
async function boot(run: SmokeRun, instanceId: string): Promise<Ssh | null> {
  const { book, ctx } = run;
  const startedAt = performance.now();
  const reached = await book.attempt(['boot.ssh', 'boot.cloud-init', 'boot.deadline'], () =>
    ctx.span('boot', () => run.reach(instanceId)),
  );
  if (!reached.ok) return null;
  const durationMs = performance.now() - startedAt;
  book.record('boot.ssh', { actual: 'a shell', isCorrect: true, durationMs });
  await take(run, {
    part: null,
    title: 'wait for cloud-init',
    answers: ['boot.cloud-init', 'boot.deadline'],
    work: async () => {
      await checkCloudInit(reached.value, book, run.limits.cloudInitMs);
      await checkDeadline(reached.value, book);
    },
  });
  return reached.value;
}

/** cloud-init says 0 for done, 2 for done with recoverable errors; `status` prints which. */
async function checkCloudInit(ssh: Ssh, book: CheckBook, timeoutMs: number): Promise<void> {
  const command = 'cloud-init status --wait';
  const { exitCode, stdout, durationMs } = await ssh.run(command, { timeoutMs });
  const actual = /status:\s*(.+)/.exec(stdout)?.[1]?.trim() ?? `exit code ${exitCode}`;
  book.record('boot.cloud-init', { actual, isCorrect: exitCode === 0 && actual === 'done', durationMs });
}

async function checkDeadline(ssh: Ssh, book: CheckBook): Promise<void> {
  const { stdout } = await ssh.run(`systemctl is-active ${deadlineUnit('smoke')}.timer`);
  book.record('boot.deadline', { actual: stdout.trim() || 'no timer', isCorrect: stdout.trim() === 'active' });
}

/** What is on the image explains it and proves nothing, so not to know it fails no image. */
async function takeInventory({ book, ctx, imageId, seen }: SmokeRun, ssh: Ssh): Promise<void> {
  if (!book.selected.has('verify') && !book.selected.has('audit')) return;
  try {
    seen.inventory = await ctx.span('read what is on it', () => readInventory(ssh, imageId));
  } catch (error) {
    ctx.signal.throwIfAborted();
    ctx.reporter.emit({
      type: 'warning',
      code: 'INVENTORY_UNREAD',
      text: `What is on ${imageId} could not be read: ${reasonOf(error)}`,
      hint: `\`ecs-host smoke ${imageId}\` tries again`,
    });
  }
}

function takeSettings(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  return take(run, {
    part: 'audit',
    title: 'read what is in force',
    answers: ['audit.sshd', 'audit.units', 'audit.environment'],
    work: async () => {
      run.seen.settings = await readSettings(ssh);
    },
  });
}

/** Who listens, before the gate opens and after. */
async function takeListening(run: SmokeRun, ssh: Ssh, when: 'shut' | 'open'): Promise<void> {
  const answers = when === 'shut' ? ['audit.sockets-shut'] : ['audit.sockets-open', 'audit.docker'];
  const title = when === 'shut' ? 'look who listens' : 'look who listens with Docker';
  const work = async (): Promise<void> => {
    run.seen[when] = await readListening(ssh);
  };
  await take(run, { part: 'audit', title, answers, work });
}

function proveNetwork(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  const { plan, clients, book, ctx } = run;
  return take(run, {
    part: 'network',
    title: 'the security group from outside',
    answers: ['network.open-port', 'network.closed-port'],
    work: async () => {
      const { streamTcp } = plan.developerWorkload.ports;
      const closed = await findClosedPort(clients, plan.network.securityGroup.id, [streamTcp]);
      if (closed === null) throw new Error('the security group opens every port, so none shows that it closes any');
      await checkNetwork(ssh, { streamTcp, closed }, book, ctx.signal);
    },
  });
}

function place(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  return take(run, {
    part: 'workload',
    title: 'bring the container images',
    answers: ['workload.clone'],
    work: (span) => {
      if (run.brought === null) throw new Error('nothing was brought');
      return placeWorkload(ssh, run.brought, run.book, span);
    },
  });
}

function proveShut(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  return take(run, {
    part: 'gate',
    title: 'before the handshake',
    answers: BEFORE_HANDSHAKE,
    work: () => checkBeforeHandshake(ssh, run.book),
  });
}

function proveDenied(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  const { book, ctx, webserver, clients, cluster } = run;
  const { instanceId } = ssh.target;
  const registeredArn = async (): Promise<string | null> =>
    (await findRegistration(clients, cluster, instanceId))?.arn ?? null;
  return take(run, {
    part: 'gate',
    title: 'a denied handshake',
    answers: ['gate.denied-stays-shut', 'gate.denied-not-registered'],
    work: async () => {
      // Decided before the tunnel opens: the host may be asking already.
      webserver.decide(instanceId, 'deny');
      await ssh.forwardToHere(REMOTE_WEBSERVER_PORT, webserver.port);
      await checkDenied(ssh, webserver, book, { registeredArn, askMs: run.limits.askMs, signal: ctx.signal });
    },
  });
}

function proveGranted(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  const { book, ctx, webserver } = run;
  return take(run, {
    part: null,
    title: 'a granted handshake',
    answers: ['gate.granted-serves', 'gate.order'],
    work: async () => {
      const state = await openGate(ssh, webserver, {
        isRetriedNow: true,
        serveMs: run.limits.serveMs,
        signal: ctx.signal,
      });
      await checkOpened(ssh, state, book);
    },
  });
}

/** Shut before, shut when denied, and then open: the outcome says whether it opened. */
async function proveGate(run: SmokeRun, ssh: Ssh, task: AwaitedTask | null): Promise<Outcome> {
  await proveShut(run, ssh);
  const denied = await proveDenied(run, ssh);
  if (denied === 'done') await proveWaits(run, task);
  if (denied === 'not asked for') {
    run.webserver.decide(ssh.target.instanceId, 'grant');
    await ssh.forwardToHere(REMOTE_WEBSERVER_PORT, run.webserver.port);
  }
  return proveGranted(run, ssh);
}

function verify(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  return take(run, {
    part: 'verify',
    title: 'verify the booted image',
    answers: ['verify.ran', 'imds.host-token', 'imds.v1-refused'],
    work: async () => {
      await checkHostMetadata(ssh, run.book);
      await checkVerify(ssh, run.book, run.limits.verifyMs);
    },
  });
}

/**
 * Waits until the instance is in the cluster. @returns its registration, or null when there is none or nobody asked for
 * it
 */
async function register(run: SmokeRun, instanceId: string): Promise<Registration | null> {
  const { book, ctx, plan, clients, cluster } = run;
  if (!book.selected.has('cluster')) return null;
  const answers = ['cluster.registered', ...(plan.gpu ? ['cluster.gpu-registered'] : [])];
  const registered = await book.attempt(answers, async () => {
    const where = { cluster, instanceId, checkId: 'cluster.registered' };
    const registration = await checkRegistered(clients, where, book, { limits: run.limits, signal: ctx.signal });
    if (plan.gpu) checkClusterGpu(registration, book);
    return registration;
  });
  return registered.ok ? registered.value : null;
}

function build(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  return take(run, {
    part: 'workload',
    title: 'build the container image',
    answers: ['workload.build-protocol', 'workload.build-image'],
    work: (span) => buildWorkload(ssh, run.plan.developerWorkload, run.book, span),
  });
}

function proveContainerMetadata(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  return take(run, {
    part: 'workload',
    title: 'metadata from containers',
    answers: ['imds.docker0-blocked', 'imds.user-bridge-blocked'],
    work: () => checkContainerMetadata(ssh, run.plan, run.book),
  });
}

const AFTER_RESTART = ['gpu.after-restart'];

function proveGpu(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  return take(run, {
    part: 'workload',
    title: 'the GPU',
    answers: OF_THE_GPU,
    work: () => checkGpu(ssh, run.plan, run.book),
  });
}

function proveGpuAfterRestart(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  return take(run, {
    part: 'workload',
    title: 'the GPU after a restart of Docker',
    answers: AFTER_RESTART,
    work: () => checkGpuAfterRestart(ssh, run.plan, run.book),
  });
}

function proveStream(run: SmokeRun, ssh: Ssh): Promise<Outcome> {
  const { book, ctx, plan } = run;
  const workload = plan.developerWorkload;
  return take(run, {
    part: 'workload',
    title: 'run it and watch its stream',
    answers: ['workload.run', 'stream.frames', 'stream.not-black', 'stream.changes'],
    work: async (span) => {
      const key = await runWorkload(ssh, workload, book, span);
      await checkStream({ host: ssh.target.address, ports: workload.ports, key }, book, ctx.signal);
    },
  });
}

/**
 * Build, look at containers and metadata, run, and watch the stream from outside.
 *
 * @returns whether there is an image of a container
 */
async function proveWorkload(run: SmokeRun, ssh: Ssh): Promise<boolean> {
  if ((await build(run, ssh)) !== 'done') return false;
  const gpu = run.plan.gpu ? [proveGpu(run, ssh)] : [];
  await allEnded([proveContainerMetadata(run, ssh), ...gpu, proveStream(run, ssh)]);
  return true;
}

/**
 * Everything about one instance, each step only after what it builds on.
 *
 * @returns its registration, or null when there was none
 */
export async function proveFirst(run: SmokeRun, instanceId: string): Promise<Registration | null> {
  const { book, plan } = run;
  if (!plan.gpu)
    for (const id of ['cluster.gpu-registered', 'tasks.gpu', ...OF_THE_GPU, ...AFTER_RESTART])
      book.skip(id, `profile ${plan.profile} has no GPU`);
  const [ssh, task] = await allEnded([boot(run, instanceId), awaitTask(run, instanceId)]);
  if (ssh === null) return null;
  // Neither network nor clone needs Docker, so both use the time in which the gate is still shut.
  // Neither the listeners of the one nor the tunnel of the other is the image's.
  const looked = takeListening(run, ssh, 'shut');
  const [, placed, opened] = await allEnded([
    looked.then(() => proveNetwork(run, ssh)),
    place(run, ssh),
    looked.then(() => proveGate(run, ssh, task)),
    takeInventory(run, ssh),
    takeSettings(run, ssh),
  ]);
  if (opened !== 'done') {
    // What the image says of itself may be why.
    await verify(run, ssh);
    return null;
  }
  await takeListening(run, ssh, 'open');
  const registering = register(run, instanceId);
  const [registration, isBuilt] = await allEnded([
    registering,
    placed === 'done' ? proveWorkload(run, ssh) : false,
    proveTask(run, ssh, task, registering),
    verify(run, ssh),
  ]);
  if (plan.gpu && isBuilt) await proveGpuAfterRestart(run, ssh);
  return registration;
}

/**
 * A second instance of the image: its webserver comes late, it is granted at once, and it registers.
 *
 * @returns its registration, or null when there was none
 */
export async function proveSecond(run: SmokeRun, instanceId: string): Promise<Registration | null> {
  const { book, ctx, webserver, clients, cluster } = run;
  const registered = await book.attempt(['cluster.second-registered', 'cluster.distinct'], async () => {
    const ssh = await ctx.span('boot', () => run.reach(instanceId));
    webserver.decide(instanceId, 'grant');
    await ssh.forwardToHere(REMOTE_WEBSERVER_PORT, webserver.port);
    const where = { cluster, instanceId, checkId: 'cluster.second-registered' };
    return checkRegistered(clients, where, book, { limits: run.limits, signal: ctx.signal });
  });
  return registered.ok ? registered.value : null;
}

/** Two instances must be two container instances. A second that did not register has answered for this already. */
export async function compareInstances(
  { book }: SmokeRun,
  [first, second]: readonly [Registration | null, Registration | null],
): Promise<void> {
  if (second === null) return;
  await book.attempt(['cluster.distinct'], async () => {
    if (first === null) throw new Error('the first instance did not register');
    checkDistinct(first, second, book);
  });
}
