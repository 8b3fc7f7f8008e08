import type { Booted } from '../audit/checks.ts';
import type { AwsClients } from '../aws/clients.ts';
import type { Ssh } from '../host-access/ssh.ts';
import type { RunContext, SpanHandle } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { TimeLimits } from '../run/time-limits.ts';
import type { Brought } from '../workload/brought.ts';
import type { CheckBook } from './checks/check-book.ts';
import type { Part } from './checks/check-definitions.ts';
import type { AwaitedTask } from './checks/task-checks.ts';
import type { SmokeWebserver } from './webserver.ts';

/** Filled as it is read. */
export type Seen = { -readonly [Name in keyof Booted]: Booted[Name] };

export type SmokeRun = {
  readonly plan: BuildPlan;
  readonly ctx: RunContext;
  readonly clients: AwsClients;
  readonly book: CheckBook;
  readonly webserver: SmokeWebserver;
  readonly cluster: string;
  readonly reach: (instanceId: string) => Promise<Ssh>;
  /** Has ECS start a task on this instance as soon as it can. */
  readonly awaitTask: (instanceId: string) => Promise<AwaitedTask>;
  readonly limits: TimeLimits;
  /** The workload, ready on this machine; null when it is not asked for. */
  readonly brought: Brought | null;
  /** The image, for what is told about it. */
  readonly imageId: string;
  /** What is read of the image on the way, for what comes after. */
  readonly seen: Seen;
};

/** What became of a step: whether what builds on it can be done. */
export type Outcome = 'done' | 'failed' | 'not asked for';

type Step = {
  /** The part of smoke that it belongs to; null for what every part needs. */
  readonly part: Part | null;
  readonly title: string;
  /** The checks that it answers. */
  readonly answers: readonly string[];
  readonly work: (span: SpanHandle) => Promise<void>;
};

export async function take({ book, ctx }: SmokeRun, { part, title, answers, work }: Step): Promise<Outcome> {
  if (part !== null && !book.selected.has(part)) return 'not asked for';
  return (await book.attempt(answers, () => ctx.span(title, work))).ok ? 'done' : 'failed';
}
