import { run } from '../exec.ts';
import { UserProblem } from '../problem.ts';
import { LINK_PREFIX } from './plan.ts';

/** What `ip -j route` says of a route; of what this machine's own addresses are, too, in the table `local`. */
export type Route = { readonly dst: string; readonly dev?: string };

/**
 * How much of this machine's routes is about a network: its own routes and addresses lie in it, a wider network that
 * this machine is in holds it (the lab would hide a part of that), or nothing but the way to everywhere does.
 */
export type Use = 'taken' | 'covered' | 'free';

/** @param within routes and addresses in the network @param around routes that hold it */
export function useOf(within: readonly Route[], around: readonly Route[]): Use {
  if (within.length > 0) return 'taken';
  // Half of everything is how VPNs say everything.
  const isWide = ({ dst }: Route): boolean => dst === 'default' || /\/[01]$/.test(dst);
  return around.every(isWide) ? 'free' : 'covered';
}

async function routes(selector: 'root' | 'match', prefix: string): Promise<readonly Route[]> {
  // Without any such route there is no answer at all.
  const shown = await run('ip', ['-4', '-j', 'route', 'show', 'table', 'all', selector, `${prefix}.0.0/16`]);
  return JSON.parse(shown || '[]') as Route[];
}

async function useOfNetwork(prefix: string): Promise<Use> {
  return useOf(await routes('root', prefix), await routes('match', prefix));
}

/** Those that may be taken, the ones first that hide nothing. */
export async function freeFirst(prefixes: readonly string[]): Promise<readonly string[]> {
  const looked = await Promise.all(prefixes.map(async (prefix) => ({ prefix, use: await useOfNetwork(prefix) })));
  const those = (wanted: Use): string[] => looked.filter(({ use }) => use === wanted).map(({ prefix }) => prefix);
  return [...those('free'), ...those('covered')];
}

/**
 * The state folder of the lab that made a link, by the alias that the lab gave it; it lives as long as the link
 * does.
 */
async function stateOfLink(link: string): Promise<string | null> {
  if (!link.startsWith(LINK_PREFIX)) return null;
  const shown = await run('ip', ['-j', 'link', 'show', 'dev', link], { accept: [0, 1] });
  const [{ ifalias = null } = {}] = JSON.parse(shown || '[]') as { ifalias?: string }[];
  return ifalias;
}

async function whose(prefix: string): Promise<string> {
  const [route] = await routes('root', prefix);
  const state = await stateOfLink(route?.dev ?? '');
  return state === null
    ? `in use on this machine (${route ? `${route.dst} on ${route.dev ?? 'no link'}` : 'taken a moment ago'})`
    : `the network of another lab: stop it with \`ECS_HOST_STATE='${state}' ecs-host lab down\``;
}

/** The problem that no network could be taken: of the one that was asked for, or of all. */
export async function noneFree(prefixes: readonly string[]): Promise<UserProblem> {
  const [first = '', ...others] = prefixes;
  const last = others.at(-1);
  return new UserProblem(
    last === undefined
      ? `${first}.0.0/16 is ${await whose(first)}, or leave ECS_HOST_LAB_NETWORK out: the lab then finds a free one`
      : `all networks from ${last}.0.0/16 to ${first}.0.0/16 are in use on this machine (\`ip route show table all\`): ` +
          'give the lab another one, as in ECS_HOST_LAB_NETWORK=10.200',
  );
}
