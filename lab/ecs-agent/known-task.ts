import { randomBytes } from 'node:crypto';
import type { NetworkBinding } from './container-spec.ts';
import { gpusOf, type PayloadTask } from './payload.ts';

export type Status = 'PENDING' | 'RUNNING' | 'STOPPED';

export type KnownContainer = {
  readonly name: string;
  readonly dockerName: string;
  readonly isEssential: boolean;
  readonly stopTimeoutS: number | null;
  dockerId: string | null;
  status: Status;
  sentStatus: Status;
  exitCode: number | null;
  reason: string | null;
  networkBindings: readonly NetworkBinding[];
};

/** A task that the agent was given, and how far it has come; times are milliseconds since 1970. */
export type KnownTask = {
  readonly payload: PayloadTask;
  readonly containers: readonly KnownContainer[];
  desiredStatus: 'RUNNING' | 'STOPPED';
  status: Status;
  sentStatus: Status;
  reason: string | null;
  pullStartedAt: number | null;
  pullStoppedAt: number | null;
  stoppedAt: number | null;
};

/** As the real agent names them. */
function dockerName({ family, version }: PayloadTask, container: string): string {
  return `ecs-${family}-${version}-${container.replaceAll(/[^A-Za-z0-9-]+/g, '')}-${randomBytes(10).toString('hex')}`;
}

export function newTask(payload: PayloadTask): KnownTask {
  return {
    payload,
    containers: payload.containers.map(({ name, essential, stopTimeout }) => ({
      name,
      dockerName: dockerName(payload, name),
      isEssential: essential !== false,
      stopTimeoutS: stopTimeout ?? null,
      dockerId: null,
      status: 'PENDING',
      sentStatus: 'PENDING',
      exitCode: null,
      reason: null,
      networkBindings: [],
    })),
    desiredStatus: 'RUNNING',
    status: 'PENDING',
    sentStatus: 'PENDING',
    reason: null,
    pullStartedAt: null,
    pullStoppedAt: null,
    stoppedAt: null,
  };
}

/** Pure: the GPUs of all its containers. */
export function gpusOfTask({ payload }: KnownTask): readonly string[] {
  return payload.containers.flatMap(({ name }) => gpusOf(payload, name));
}

/** Pure: whether ECS has not been told of all of this. */
export function isUnsent(task: KnownTask): boolean {
  return (
    task.sentStatus !== task.status ||
    (task.status !== 'PENDING' && task.containers.some(({ status, sentStatus }) => status !== sentStatus))
  );
}
