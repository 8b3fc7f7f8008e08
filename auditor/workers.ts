import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Answer, Work, WorkerResult } from './work.ts';

/** More than there are processors: a volume that comes from a snapshot answers late, and many readers at once. */
const FEWEST = 4;
const MOST = 16;

type Task = {
  readonly work: Work;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
};

/** Threads that read the disk and hash or search what they read. Each is this program again. */
export class Workers {
  readonly #program: URL;
  readonly #disk: string;
  readonly #all: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #tasks: Task[] = [];
  #failure: Error | null = null;

  /** @param program the entry, which serves work when it is not the main thread */
  constructor(program: URL, disk: string) {
    this.#program = program;
    this.#disk = disk;
  }

  /** @throws Error when the disk cannot be read, or a worker died */
  async run<Kind extends Work['kind']>(work: Extract<Work, { kind: Kind }>): Promise<Extract<Answer, { kind: Kind }>> {
    if (this.#failure !== null) throw this.#failure;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#tasks.push({ work, resolve, reject });
      this.#next();
    });
    return answer as Extract<Answer, { kind: Kind }>;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #next(): void {
    const worker = this.#idle.pop() ?? this.#started();
    if (worker === null) return;
    const task = this.#tasks.shift();
    if (task === undefined) {
      this.#idle.push(worker);
      return;
    }
    const onError = (error: Error): void => this.#died(error, task);
    worker.once('error', onError);
    worker.once('message', (result: WorkerResult) => {
      worker.off('error', onError);
      this.#idle.push(worker);
      if (result.error === null) task.resolve(result.answer);
      else task.reject(new Error(result.error));
      this.#next();
    });
    worker.postMessage(task.work);
  }

  #started(): Worker | null {
    if (this.#all.length >= Math.min(Math.max(availableParallelism(), FEWEST), MOST)) return null;
    const worker = new Worker(this.#program, { workerData: { disk: this.#disk } });
    this.#all.push(worker);
    return worker;
  }

  #died(error: Error, task: Task): void {
    this.#failure = error;
    for (const each of [task, ...this.#tasks.splice(0)]) each.reject(error);
  }
}
