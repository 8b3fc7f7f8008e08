import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from './run.mjs';

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

/**
 * Gives a build its environment, and removes what it fetched and made once it has ended well. What an interrupted one
 * has is where the next one goes on from.
 *
 * @template T
 * @param {string} cache
 * @param {(env: Record<string, string>) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withGoWork(cache, work) {
  const folder = join(cache, 'go-work');
  await mkdir(folder, { recursive: true });
  const result = await work(goEnvironment(folder));
  await rm(folder, { recursive: true, force: true });
  return result;
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
