import { loadConfig } from '../config/load.ts';
import { NoCapacity, type Tried } from '../plan/fallback.ts';
import { select } from '../plan/resolve.ts';
import { type Argv, listOf } from './arguments.ts';
import { planFileOf } from './follow-plan.ts';
import { commonArguments, type Session } from './session.ts';

/** A verb's arguments for one region, and what was tried in those before it. */
type Turn<T> = (argv: Argv, before: readonly Tried[]) => Promise<T>;

/** All are looked up before the first is asked: a slip in the last one should not wait for the first to be full. */
async function regionsOf(argv: Argv): Promise<readonly string[]> {
  const others = listOf(argv, 'orRegion') ?? [];
  if (others.length === 0) return [];
  // A stored plan is of one region.
  planFileOf(argv);
  const { region, profile, configFile } = commonArguments(argv);
  const regions = [...new Set([region, ...others])];
  const { config, file } = await loadConfig(configFile);
  for (const each of regions) select(config, { region: each, profile }, file);
  return regions;
}

/**
 * Does the work of a verb in the region that was named, and where that has no room, in the next of `--or-region`: with
 * a plan of its own, in the same run.
 *
 * @throws NoCapacity with what was tried in all of them
 */
export async function inRegions<T>(session: Session, argv: Argv, turn: Turn<T>): Promise<T> {
  const [first, ...others] = await regionsOf(argv);
  const before: Tried[] = [];
  const go = async (region: string | undefined, left: readonly string[]): Promise<T> => {
    try {
      return await turn(region === undefined ? argv : { ...argv, region }, before);
    } catch (error) {
      if (!(error instanceof NoCapacity) || region === undefined) throw error;
      before.push(...error.tried);
      const [next, ...rest] = left;
      if (next === undefined) throw new NoCapacity([first, ...others].join(' or '), before, error.cause);
      const text = `${region} has no room for the plan; next is ${next}, with a plan of its own.`;
      session.reporter.emit({ type: 'note', code: 'REGION_LEFT', text });
      return go(next, rest);
    }
  };
  return go(first, others);
}
