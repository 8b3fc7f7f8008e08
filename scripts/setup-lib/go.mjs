import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findCommand, probeVersion } from './probe.mjs';
import { must } from './run.mjs';
import { versionFits } from './versions.mjs';

/**
 * @param {import('./prerequisites.mjs').Prerequisites} needed
 * @param {(note: string) => void} [say] hears of a Go that is too old
 * @returns {Promise<{ path: string, version: string } | null>}
 */
export async function goOnPath(needed, say) {
  const path = await findCommand('go');
  if (path === null) return null;
  const version = await probeVersion([path, 'env', 'GOVERSION']);
  if (versionFits(version, needed.go)) return { path, version: version ?? '' };
  if (version !== null) say?.(`passed over: Go ${version} is older than ${needed.go.min}`);
  return null;
}

/**
 * What a build needs of Go besides the compiler, all of it below the project's cache: the modules and objects of one
 * build are two gigabytes that nobody needs twice, and must not stay in the user's own ~/go and ~/.cache/go-build.
 *
 * @param {string} work
 * @returns {Record<string, string>}
 */
export function goEnvironment(work) {
  return {
    GOPATH: join(work, 'path'),
    GOMODCACHE: join(work, 'modules'),
    GOCACHE: join(work, 'build'),
    // Modules are read-only otherwise, and cannot be removed.
    GOFLAGS: '-mod=readonly -modcacherw',
    CGO_ENABLED: '0',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    GOOS: 'linux',
    GOARCH: 'amd64',
  };
}

/** How many builds have the folder now. */
let builds = 0;

/**
 * Gives a build its environment, and removes what it fetched and made once it has ended well. Around several builds it
 * keeps for the next one what they have in common, Go's own packages above all. What an interrupted one has is where
 * the next one goes on from.
 *
 * @template T
 * @param {string} cache
 * @param {(env: Record<string, string>) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withGoWork(cache, work) {
  const folder = join(cache, 'go-work');
  await mkdir(folder, { recursive: true });
  builds += 1;
  let failed = true;
  try {
    const result = await work(goEnvironment(folder));
    failed = false;
    return result;
  } finally {
    builds -= 1;
    if (builds === 0 && !failed) await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Compiles a program of a module's `go.mod`.
 *
 * @param {string} go the compiler
 * @param {{ cwd: string, env: Record<string, string>, target: string, program: string, ldflags?: string, failure:
 *           string, onLine?: (line: string) => void }} options
 */
export async function goBuild(go, { cwd, env, target, program, ldflags = '', failure, onLine }) {
  await must([go, 'build', '-v', '-trimpath', '-ldflags', ldflags, '-o', target, program], {
    cwd,
    env,
    failure,
    ...(onLine === undefined ? {} : { onLine }),
  });
}
