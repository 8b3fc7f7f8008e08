import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { onHost } from '#contracts/host-paths.ts';
import type { Log } from './log.ts';

const HELPER = onHost('bin/ecs-host-place');
/** A rename takes a millisecond. */
const LIMIT_MS = 2000;
/**
 * Helpers that are lost but cannot be ended, because their file system never answers. More would be memory that a
 * stranger decides about.
 */
const MOST_LOST = 8;

export type PlacerPaths = { readonly containers: string; readonly outbox: string; readonly helper?: string };

type Order =
  | { readonly place: string; readonly files: readonly (readonly [file: string, text: string])[] }
  | { readonly clear: string; readonly files: readonly string[] };

/**
 * Puts files into containers' folders through a process that may be lost (packer/rootfs has it, and why). One order at
 * a time; one that is not answered in time costs its process, not this one.
 */
export class Placer {
  readonly #log: Log;
  readonly #paths: PlacerPaths;
  #helper: { process: ChildProcessWithoutNullStreams; next: () => Promise<string> } | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #lost = 0;

  constructor(log: Log, paths: PlacerPaths) {
    this.#log = log;
    this.#paths = paths;
    // What an earlier life was about to move.
    rmSync(paths.outbox, { recursive: true, force: true });
    mkdirSync(paths.outbox, { recursive: true, mode: 0o700 });
  }

  /**
   * The files appear in this order, each whole. False when the container has no folder. @throws Error when they cannot
   * be placed
   */
  place(name: string, files: readonly (readonly [file: string, text: string])[]): Promise<boolean> {
    return this.#inTurn({ place: name, files });
  }

  /** The files go; one that is not there is none. @throws Error when one cannot be removed */
  clear(name: string, files: readonly string[]): Promise<boolean> {
    return this.#inTurn({ clear: name, files });
  }

  close(): void {
    this.#helper?.process.kill('SIGKILL');
    this.#helper = null;
  }

  #inTurn(order: Order): Promise<boolean> {
    const done = this.#last.then(() => this.#carryOut(order));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #carryOut(order: Order): Promise<boolean> {
    if (this.#lost >= MOST_LOST) throw new Error(`${MOST_LOST} folders did not answer; none is written to any more`);
    this.#helper ??= this.#start();
    const { process: helper, next } = this.#helper;
    const tooLate = Promise.withResolvers<never>();
    const timer = setTimeout(() => tooLate.reject(new Error(`its folder did not answer in ${LIMIT_MS} ms`)), LIMIT_MS);
    try {
      helper.stdin.write(`${JSON.stringify(order)}\n`);
      const answer = JSON.parse(await Promise.race([next(), tooLate.promise])) as { ok?: boolean; error?: string };
      if (answer.error !== undefined) throw new Refused(answer.error);
      return answer.ok === true;
    } catch (error) {
      if (!(error instanceof Refused)) this.#lose(helper);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #start(): { process: ChildProcessWithoutNullStreams; next: () => Promise<string> } {
    const { helper = HELPER, containers, outbox } = this.#paths;
    const child = spawn(helper, [containers, outbox], { stdio: ['pipe', 'pipe', 'pipe'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const failed = new Promise<never>((_, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => reject(new Error(`${helper} ended: ${signal ?? code}`)));
    });
    failed.catch(() => undefined);
    child.stdin.on('error', () => undefined);
    child.stderr.resume();
    child.unref();
    return {
      process: child,
      next: () => Promise.race([lines.next().then(({ value }) => String(value)), failed]),
    };
  }

  #lose(helper: ChildProcessWithoutNullStreams): void {
    this.#helper = null;
    if (helper.exitCode !== null || helper.signalCode !== null) return;
    this.#lost += 1;
    helper.once('exit', () => {
      this.#lost -= 1;
    });
    helper.kill('SIGKILL');
    this.#log.once('placer', 'warning', 'a folder of a container does not answer; its helper is replaced');
  }
}

/** The helper answered, and it was a no: it can be asked again. */
class Refused extends Error {}
