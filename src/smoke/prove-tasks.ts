import type { Ssh } from '../host-access/ssh.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { Registration } from './checks/cluster-checks.ts';
import { type AwaitedTask, checkTask, checkWaits } from './checks/task-checks.ts';
import { type SmokeRun, take } from './steps.ts';

/** Once the host is granted. */
function ofTheTask({ gpu }: BuildPlan): readonly string[] {
  return ['tasks.started', 'tasks.on-record', 'tasks.ended', ...(gpu ? ['tasks.gpu'] : [])];
}

/** @returns null when it could not be made, or nobody asked for it */
export async function awaitTask(run: SmokeRun, instanceId: string): Promise<AwaitedTask | null> {
  const { book, ctx, plan } = run;
  if (!book.selected.has('gate') && !book.selected.has('cluster')) return null;
  const awaited = await book.attempt(['tasks.denied-waits', ...ofTheTask(plan)], () =>
    ctx.span('have ECS wait for the host', () => run.awaitTask(instanceId)),
  );
  return awaited.ok ? awaited.value : null;
}

export async function proveWaits(run: SmokeRun, task: AwaitedTask | null): Promise<void> {
  if (task === null) return;
  await take(run, {
    part: 'gate',
    title: 'a task for a denied host',
    answers: ['tasks.denied-waits'],
    work: () => checkWaits(task, run.book, { limits: run.limits, signal: run.ctx.signal }),
  });
}

export async function proveTask(
  run: SmokeRun,
  ssh: Ssh,
  task: AwaitedTask | null,
  registering: Promise<Registration | null>,
): Promise<void> {
  const registration = await registering;
  if (task === null || registration === null) return;
  const { book, ctx, limits, plan } = run;
  await take(run, {
    part: 'cluster',
    title: 'a task that ECS starts',
    answers: ofTheTask(plan),
    work: () => checkTask(ssh, task, { registration, hasGpu: plan.gpu, book }, { limits, signal: ctx.signal }),
  });
}
