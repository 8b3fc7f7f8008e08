import { createHash } from 'node:crypto';
import { reasonOf } from '#contracts/reason.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import { ask } from './ask.ts';
import { updateSuites, type VersionSources } from './sources.ts';

/** In place of a hash that could not be asked for. It is equal to nothing, not even to itself. */
export const UNKNOWN_LIST = 'unknown';

/** The state of what security updates are installed from, as it is when a plan is made. */
export type PackageLists = {
  /** By suite, such as `bookworm-security`: sha256 hex over its package indexes, or `unknown`. */
  readonly lists: Readonly<Record<string, string>>;
  /** Why, for each suite that is unknown. */
  readonly reasons: readonly string[];
};

/** Of a component as a machine reads it; the installer's own packages (udeb) stand one folder deeper. */
const INDEX = /^ ([0-9a-f]{64}) +\d+ ([^/\s]+\/binary-amd64\/Packages)$/;

/**
 * Pure: sha256 hex over the indexes of packages that a release lists, or null when it lists none. Not over its date,
 * and not over how the indexes are compressed: a release that is only signed anew has the same packages.
 */
export function packagesDigest(release: string): string | null {
  const section = /^SHA256:\n((?: .*\n?)+)/m.exec(release)?.[1] ?? '';
  const indexes = section
    .split('\n')
    .flatMap((line) => {
      const [, sha256, path] = INDEX.exec(line) ?? [];
      return path === undefined ? [] : [`${path} ${sha256}`];
    })
    .sort();
  if (indexes.length === 0) return null;
  return createHash('sha256').update(indexes.join('\n')).digest('hex');
}

async function askSuite(release: string): Promise<string> {
  const url = `${release}/InRelease`;
  const answer = await ask(url);
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new Error(`${url} says HTTP ${answer.status}`);
  }
  const digest = packagesDigest(await answer.text());
  if (digest === null) throw new Error(`${url} lists no packages`);
  return digest;
}

/**
 * Asks for the state of the suites that a bake's security updates come from; of none, where a profile does without
 * them. A suite that does not answer is `unknown`, and never an error: a bake asks again.
 */
export async function askPackageLists(
  { os, securityUpdates }: TargetConfig,
  sources: VersionSources,
): Promise<PackageLists> {
  if (!securityUpdates) return { lists: {}, reasons: [] };
  const reasons: string[] = [];
  const entries = updateSuites(sources, os).map(async ({ suite, release }): Promise<[string, string]> => {
    try {
      return [suite, await askSuite(release)];
    } catch (error) {
      reasons.push(reasonOf(error));
      return [suite, UNKNOWN_LIST];
    }
  });
  return { lists: Object.fromEntries(await Promise.all(entries)), reasons };
}
