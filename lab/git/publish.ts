import { cp, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../exec.ts';

export type Submodule = { readonly path: string; readonly url: string; readonly commit: string };

/** Nothing of the user's git may change what is committed: no hooks, no signing, no name, no clock. */
const ENVIRONMENT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'ecs-host lab',
  GIT_AUTHOR_EMAIL: 'lab@ecs-host.invalid',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'ecs-host lab',
  GIT_COMMITTER_EMAIL: 'lab@ecs-host.invalid',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
};

function git(folder: string, ...args: string[]): Promise<string> {
  return run('git', ['-C', folder, ...args], { env: ENVIRONMENT });
}

/**
 * Publishes a folder as a bare repository with one commit on `main`. The same content gives the same commit id, and a
 * repository that already has that commit is left alone.
 *
 * @returns the commit id
 */
export async function publishFolder(options: {
  readonly source: string;
  readonly target: string;
  readonly submodules?: readonly Submodule[];
}): Promise<string> {
  const { source, target, submodules = [] } = options;
  const work = await mkdtemp(join(tmpdir(), 'ecs-host-lab-git-'));
  try {
    const tree = join(work, 'tree');
    await cp(source, tree, {
      recursive: true,
      // A submodule's place in the checkout is not content of this repository, nor is what a build left.
      filter: (path) =>
        !submodules.some(({ path: inner }) => path === join(source, inner)) && !/\/(\.git|node_modules)$/.test(path),
    });
    await git(work, 'init', '-q', '-b', 'main', 'tree');
    if (submodules.length > 0) {
      const entries = submodules.map(({ path, url }) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n`);
      await writeFile(join(tree, '.gitmodules'), entries.join(''));
    }
    await git(tree, 'add', '-A', '.');
    for (const { path, commit } of submodules)
      await git(tree, 'update-index', '--add', '--cacheinfo', `160000,${commit},${path}`);
    await git(tree, 'commit', '-q', '--no-gpg-sign', '-m', 'The example as it stands in the checkout');
    const commit = (await git(tree, 'rev-parse', 'HEAD')).trim();
    const published = await readFile(join(target, 'info', 'refs'), 'utf8').catch(() => '');
    if (published.includes(`${commit}\trefs/heads/main`)) return commit;
    const bare = join(work, 'bare.git');
    await git(work, 'clone', '-q', '--bare', '--no-local', tree, bare);
    await git(bare, 'update-server-info');
    await rm(target, { recursive: true, force: true });
    await rename(bare, target).catch(async () => {
      // The temporary folder may be on another file system.
      await cp(bare, target, { recursive: true });
    });
    return commit;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The repositories that the checkout's examples become: `protocol`, and `container-images` with it as a submodule. */
export async function publishExamples(project: string, folder: string): Promise<readonly string[]> {
  const images = join(project, 'examples', 'container-images');
  const protocol = join(images, 'base', 'protocol');
  if (!(await exists(protocol)) || !(await exists(images))) return [];
  const commit = await publishFolder({ source: protocol, target: join(folder, 'protocol.git') });
  await publishFolder({
    source: images,
    target: join(folder, 'container-images.git'),
    submodules: [{ path: 'base/protocol', url: '../protocol.git', commit }],
  });
  return ['protocol.git', 'container-images.git'];
}
