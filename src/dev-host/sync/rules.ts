import { execa } from 'execa';
import { outsideError } from '../../io/errors.ts';
import { type BytePath, foldersAbove, type Listing } from './entry.ts';

/** A name that no rule was written for: what ignores it below a folder ignores the folder. */
const PROBE = 'ecs-host-probe-6f1c';
const GIT_VARIABLES = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_LITERAL_PATHSPECS'];

type Answer = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

async function git(folder: string, words: readonly string[], input?: BytePath): Promise<Answer> {
  const env = Object.fromEntries(GIT_VARIABLES.map((name) => [name, undefined]));
  const { exitCode, stdout, stderr } = await execa('git', ['-C', folder, ...words], {
    env: { ...env, LC_ALL: 'C' },
    reject: false,
    encoding: 'latin1',
    stripFinalNewline: false,
    maxBuffer: 512 * 1024 * 1024,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input: Buffer.from(input, 'latin1') }),
  });
  return { exitCode: exitCode ?? 1, stdout: String(stdout), stderr: String(stderr) };
}

function failed({ stderr }: Answer): Error {
  return outsideError('SYNC_FAILED', 'git cannot say what it ignores.', undefined, stderr.trim());
}

/** What git says of a folder: whether it is in a work tree, and in one that does not ignore all of it. */
export async function isWorkTree(folder: string): Promise<boolean> {
  const answer = await git(folder, ['rev-parse', '--show-prefix']);
  if (answer.exitCode !== 0) {
    if (answer.stderr.includes('not a git repository')) return false;
    throw failed(answer);
  }
  if (answer.stdout.trim() === '') return true;
  return (await git(folder, ['check-ignore', '-q', '--no-index', `./${PROBE}`])).exitCode !== 0;
}

/** The path below a folder (`''` is the synced one), or null when it is not there. */
function below(path: BytePath, root: BytePath): BytePath | null {
  if (root === '') return path;
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : null;
}

/** A repository whose own path is no text is not found, and so an error. */
function placeOf(folder: string, root: BytePath): string {
  return root === '' ? folder : `${folder}/${Buffer.from(root, 'latin1').toString('utf8')}`;
}

/** What a work tree tracks is not ignored, whatever the rules say; nor is a folder with such a thing in it. */
type Tracked = {
  readonly root: BytePath;
  readonly paths: ReadonlySet<BytePath>;
  readonly above: ReadonlySet<BytePath>;
  readonly submodules: readonly BytePath[];
};

async function trackedIn(folder: string, root: BytePath): Promise<Tracked> {
  const answer = await git(placeOf(folder, root), ['ls-files', '--stage', '-z']);
  if (answer.exitCode !== 0) throw failed(answer);
  const rows = answer.stdout.split('\0').flatMap((row) => {
    const tab = row.indexOf('\t');
    return tab < 0 ? [] : [{ mode: row.slice(0, 6), path: (root === '' ? '' : `${root}/`) + row.slice(tab + 1) }];
  });
  return {
    root,
    paths: new Set(rows.map(({ path }) => path)),
    above: new Set(rows.flatMap(({ path }) => foldersAbove(path))),
    submodules: rows.filter(({ mode }) => mode === '160000').map(({ path }) => path),
  };
}

/**
 * What is synced of a working tree, by the rules that git has here, for both sides. Submodules and repositories within
 * it have rules of their own.
 */
export class Rules {
  readonly #folder: string;
  /** Work trees, the deepest first. */
  readonly #trees: readonly Tracked[];
  readonly #here: Listing;
  /** Submodules that are not checked out here: nobody can say what they ignore. */
  readonly leftOut: readonly BytePath[];

  private constructor(folder: string, trees: readonly Tracked[], here: Listing) {
    this.#folder = folder;
    this.#trees = trees;
    this.#here = here;
    const roots = trees.map(({ root }) => root);
    this.leftOut = trees.flatMap(({ submodules }) => submodules).filter((path) => !roots.includes(path));
  }

  /** @param gitFolders where something is named .git here */
  static async read(folder: string, here: Listing, gitFolders: readonly BytePath[]): Promise<Rules> {
    const nested = gitFolders.map((path) => path.slice(0, -'/.git'.length)).filter((root) => root !== '');
    const roots = [...nested.toSorted((a, b) => b.length - a.length), ''];
    return new Rules(folder, await Promise.all(roots.map((root) => trackedIn(folder, root))), here);
  }

  /** @returns what of a listing is synced, and the folders that need not be looked into */
  async sift(listing: Listing): Promise<{ readonly kept: Listing; readonly ignored: ReadonlySet<BytePath> }> {
    const asked = [...listing.keys()].filter((path) => !this.#isBeyondLink(path) && !this.#isLeftOut(path));
    const verdicts = new Map<BytePath, 'wholly' | 'itself'>();
    for (const tree of this.#trees) await this.#ask(tree, asked, listing, verdicts);
    // A repository below what another one ignores is ignored with it.
    const isDropped = (path: BytePath): boolean =>
      verdicts.has(path) || this.#isLeftOut(path) || foldersAbove(path).some((each) => verdicts.get(each) === 'wholly');
    const kept = new Map([...listing].filter(([path]) => !isDropped(path)));
    // A folder all of whose files may be ignored is there when one of them is not.
    const aboveKept = new Set([...kept.keys()].flatMap(foldersAbove));
    for (const path of aboveKept) {
      const entry = listing.get(path);
      if (entry) kept.set(path, entry);
    }
    const ignored = [...verdicts].filter(([path, verdict]) => verdict === 'wholly' && !aboveKept.has(path));
    return { kept, ignored: new Set([...ignored.map(([path]) => path), ...this.leftOut]) };
  }

  #isLeftOut(path: BytePath): boolean {
    return this.leftOut.some((each) => path === each || path.startsWith(`${each}/`));
  }

  #isBeyondLink(path: BytePath): boolean {
    return foldersAbove(path).some((above) => this.#here.get(above)?.kind === 'link');
  }

  async #ask(
    { root, paths, above }: Tracked,
    asked: readonly BytePath[],
    listing: Listing,
    verdicts: Map<BytePath, 'wholly' | 'itself'>,
  ): Promise<void> {
    const mine = asked.filter((path) => this.#trees.find((tree) => below(path, tree.root) !== null)?.root === root);
    if (mine.length === 0) return;
    const isFolder = (path: BytePath): boolean => listing.get(path)?.kind === 'folder';
    const input = mine.map((path) => `./${below(path, root) ?? ''}${isFolder(path) ? `/${PROBE}` : ''}\0`).join('');
    const words = ['check-ignore', '--no-index', '--stdin', '-z', '-v'];
    const answer = await git(placeOf(this.#folder, root), words, input);
    if (answer.exitCode > 1) throw failed(answer);
    const fields = answer.stdout.split('\0');
    for (let field = 0; field + 3 < fields.length; field += 4) {
      const pattern = fields[field + 2] ?? '';
      const found = (fields[field + 3] ?? '').slice(2);
      const isProbe = found.endsWith(`/${PROBE}`);
      const path = (root === '' ? '' : `${root}/`) + (isProbe ? found.slice(0, -PROBE.length - 1) : found);
      if (pattern.startsWith('!') || paths.has(path) || above.has(path)) continue;
      // `folder/*` may have exceptions behind it; a rule for the folder itself has none.
      verdicts.set(path, isProbe && !pattern.endsWith('*') ? 'wholly' : 'itself');
    }
  }
}
