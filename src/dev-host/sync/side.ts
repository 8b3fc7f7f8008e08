import { execa } from 'execa';
import type { OpenSsh } from '../../host-access/ssh.ts';
import { outsideError } from '../../io/errors.ts';
import { shellQuote } from '../../io/shell-quote.ts';
import { type BytePath, bytesOf, isSameEntry, type Listing, type SideName } from './entry.ts';
import { listScript, NO_FOLDER, parseComplaints, parseList, type Seen, WORK_FOLDER } from './list.ts';

export type Ran = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** Runs a line of shell on a side; input and output are bytes. */
export type RunShell = (line: string, input: BytePath) => Promise<Ran>;

const LIMIT_MS = 30 * 60_000;
const MOST_BYTES = 512 * 1024 * 1024;

export function shellHere(signal: AbortSignal): RunShell {
  return async (line, input) => {
    const { exitCode, stdout, stderr } = await execa('sh', ['-c', line], {
      input: Buffer.from(input, 'latin1'),
      encoding: 'latin1',
      reject: false,
      stripFinalNewline: false,
      maxBuffer: MOST_BYTES,
      cancelSignal: signal,
    });
    signal.throwIfAborted();
    return { exitCode: exitCode ?? 1, stdout: String(stdout), stderr: String(stderr) };
  };
}

export function shellThere(ssh: OpenSsh): RunShell {
  return (line, input) =>
    ssh.run(line, { input: Buffer.from(input, 'latin1'), encoding: 'latin1', timeoutMs: LIMIT_MS });
}

/** NUL ends each; `./` so that none is taken for an option or a comment. */
export function pathList(paths: Iterable<BytePath>): BytePath {
  return Array.from(paths, (path) => `./${path}\0`).join('');
}

function withoutDot(path: string): BytePath {
  return path.replace(/^\.\//, '');
}

/** The files of one side. Both do the same by the same commands, here and over ssh. */
export class Side {
  readonly name: SideName;
  readonly root: string;
  readonly #run: RunShell;

  constructor(name: SideName, root: string, run: RunShell) {
    this.name = name;
    this.root = root;
    this.#run = run;
  }

  get workFolder(): string {
    return `${this.root}/${WORK_FOLDER}`;
  }

  /** @returns with the folders that could not be read */
  async list(prune: Iterable<BytePath>): Promise<Seen & { readonly unreadable: readonly BytePath[] }> {
    const script = listScript(bytesOf(this.root), prune);
    const { exitCode, stdout, stderr } = await this.#run('sh -s', script);
    // Only a look that changes nothing comes before the folder is made.
    if (exitCode === NO_FOLDER) return { ...parseList(''), unreadable: [] };
    const { unreadable, rest } = parseComplaints(stderr);
    if (exitCode > 1 || rest.length > 0) throw this.#failed('cannot be listed', stderr);
    return { ...parseList(stdout), unreadable };
  }

  /** SHA-256 of each file that could be read. */
  async hash(paths: readonly BytePath[]): Promise<ReadonlyMap<BytePath, string>> {
    if (paths.length === 0) return new Map();
    const { stdout } = await this.#inRoot('xargs -0 -r sha256sum -z --', pathList(paths));
    const hashes = stdout.split('\0').filter((line) => line !== '');
    return new Map(hashes.map((line) => [withoutDot(line.slice(66)), line.slice(0, 64)]));
  }

  /** A place for what is being carried and for what is replaced; git does not see it. */
  async prepare(): Promise<void> {
    const folder = WORK_FOLDER;
    const line = `rm -rf ${folder}/replaced && mkdir -p ${folder}/replaced && printf '*\\n' >${folder}/.gitignore`;
    const { exitCode, stderr } = await this.#inRoot(line, '');
    if (exitCode !== 0) throw this.#failed('cannot be written to', stderr);
  }

  /** Removes files and links, which stay among what is replaced until it was looked at, then folders that are empty. */
  async remove(paths: readonly BytePath[], listing: Listing): Promise<void> {
    const folders = paths.filter((path) => listing.get(path)?.kind === 'folder');
    const files = paths.filter((path) => listing.get(path)?.kind !== 'folder');
    const keep = `xargs -0 -r cp -al --parents -t ${WORK_FOLDER}/replaced --`;
    if (files.length > 0) {
      await this.#inRoot(keep, pathList(files));
      const { exitCode, stderr } = await this.#inRoot('xargs -0 -r rm -f --', pathList(files));
      if (exitCode !== 0) throw this.#failed('cannot be changed', stderr);
    }
    // The deepest first. What git ignores may still be in them: then they stay.
    const inOrder = folders.toSorted((a, b) => b.split('/').length - a.split('/').length);
    if (inOrder.length > 0) await this.#inRoot('xargs -0 -r rmdir -- 2>/dev/null', pathList(inOrder));
  }

  /**
   * Looks at what was replaced or removed. What is not as it was when that was decided was changed in between: it stays
   * in the work folder. Everything else goes.
   *
   * @returns the paths that stay
   */
  async settle(decided: Listing): Promise<BytePath[]> {
    const { stdout } = await this.#run('sh -s', listScript(bytesOf(`${this.workFolder}/replaced`), []));
    const replaced = [...parseList(stdout).entries].filter(([, entry]) => entry.kind !== 'folder');
    const lost = replaced.filter(([path, entry]) => !isSameEntry(entry, decided.get(path))).map(([path]) => path);
    if (lost.length === 0) {
      await this.#inRoot(`rm -rf ${WORK_FOLDER}`, '');
      return [];
    }
    const kept = `lost-${new Date().toISOString().replaceAll(/[-:.]/g, '')}`;
    await this.#inRoot(`mv ${WORK_FOLDER}/replaced ${WORK_FOLDER}/${kept}`, '');
    return lost.map((path) => `${WORK_FOLDER}/${kept}/${path}`);
  }

  #inRoot(line: string, input: BytePath): Promise<Ran> {
    return this.#run(`cd -- ${shellQuote(this.root)} && { export LC_ALL=C; ${line}; }`, input);
  }

  #failed(what: string, stderr: string): Error {
    return outsideError('SYNC_FAILED', `${this.root} ${this.name} ${what}.`, undefined, stderr.trim());
  }
}
