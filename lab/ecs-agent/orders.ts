import type { PayloadTask } from './payload.ts';
import type { Frame } from './sockets.ts';
import type { TaskEngine } from './task-engine.ts';

type TaskIdentifier = { readonly taskArn: string; readonly taskClusterArn?: string; readonly desiredStatus: string };

/** What ACS orders, and what it is answered. */
export class Orders {
  readonly #engine: TaskEngine;
  readonly #log: (text: string) => void;
  #sequence: number;
  #manifest = '';

  constructor(engine: TaskEngine, options: { readonly sequence: number; readonly log: (text: string) => void }) {
    this.#engine = engine;
    this.#log = options.log;
    this.#sequence = options.sequence;
  }

  /** Of the newest order that was taken: an older manifest is overlooked. */
  sequence(): number {
    return this.#sequence;
  }

  take({ type, message }: Frame): readonly Frame[] {
    switch (type) {
      case 'HeartbeatMessage':
        return [{ type: 'HeartbeatAckRequest', message: { messageId: message['messageId'] } }];
      case 'PayloadMessage':
        return this.#takeTasks(message);
      case 'TaskManifestMessage':
        return this.#compare(message);
      case 'TaskStopVerificationAck':
        return this.#stopVerified(message);
      default:
        this.#log(`ACS sent ${type}, which the stand-in does not do`);
        return [];
    }
  }

  #takeTasks(message: Frame['message']): readonly Frame[] {
    const { messageId, clusterArn, containerInstanceArn, tasks } = message;
    if (![messageId, clusterArn, containerInstanceArn].every((each) => typeof each === 'string' && each !== '')) {
      this.#log('ACS sent a payload that is not addressed');
      return [];
    }
    this.#sequence = Math.max(this.#sequence, Number(message['seqNum'] ?? 0));
    for (const task of (tasks ?? []) as PayloadTask[]) this.#engine.take(task);
    return [acknowledgement(message)];
  }

  /** What runs here and should not, by the manifest, is not stopped before ACS has said so once more. */
  #compare(message: Frame['message']): readonly Frame[] {
    const timeline = Number(message['timeline'] ?? 0);
    if (timeline <= this.#sequence) return [];
    this.#sequence = timeline;
    this.#manifest = String(message['messageId']);
    const named = (message['tasks'] ?? []) as TaskIdentifier[];
    const wanted = new Set(named.flatMap((each) => (each.desiredStatus === 'RUNNING' ? [each.taskArn] : [])));
    const stopCandidates = this.#engine
      .tasks()
      .filter(({ payload, desiredStatus }) => desiredStatus === 'RUNNING' && !wanted.has(payload.arn))
      .map(({ payload }) => ({
        taskArn: payload.arn,
        taskClusterArn: message['clusterArn'],
        desiredStatus: 'STOPPED',
      }));
    if (stopCandidates.length === 0) return [acknowledgement(message)];
    return [
      acknowledgement(message),
      { type: 'TaskStopVerificationMessage', message: { messageId: this.#manifest, stopCandidates } },
    ];
  }

  #stopVerified(message: Frame['message']): readonly Frame[] {
    if (message['messageId'] !== this.#manifest) {
      this.#log('ACS verified stops of another manifest');
      return [];
    }
    this.#manifest = '';
    for (const { taskArn } of (message['stopTasks'] ?? []) as TaskIdentifier[]) this.#engine.stop(taskArn);
    return [];
  }
}

function acknowledgement({ clusterArn, containerInstanceArn, messageId }: Frame['message']): Frame {
  return { type: 'AckRequest', message: { cluster: clusterArn, containerInstance: containerInstanceArn, messageId } };
}
