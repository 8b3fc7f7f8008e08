import { loadConfig } from '../config/load.ts';
import { EcsHostError } from '../io/errors.ts';
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

/** What a preflight or a plan calls a region that has no room: its quota, or no zone that offers a type. */
const NO_ROOM: ReadonlySet<string> = new Set(['vCPU quota', 'PLACEMENT_NONE']);

/**
 * What was tried in a region that turned out to have no room, also before anything was launched; null for other errors.
 */
function triedIn(region: string, error: unknown): readonly Tried[] | null {
  if (error instanceof NoCapacity) return error.tried;
  if (!(error instanceof EcsHostError) || !['PREFLIGHT_FAILED', 'PLACEMENT_NONE'].includes(error.code)) return null;
  const { code, message, details } = error;
  if (
    code === 'PREFLIGHT_FAILED' &&
    !details.every((each) => [each.key, each.code].some((one) => NO_ROOM.has(one ?? '')))
  )
    return null;
  const why = code === 'PLACEMENT_NONE' ? message : details.map(({ reason }) => reason).join('; ');
  return [{ region, instanceType: 'any', zone: 'any', subnetId: 'none', code, why }];
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
      const tried = region === undefined ? null : triedIn(region, error);
      const [next, ...rest] = left;
      // What the last region lacks is told as it is, where nothing was launched there.
      if (tried === null || (next === undefined && !(error instanceof NoCapacity))) throw error;
      before.push(...tried);
      if (next === undefined)
        throw new NoCapacity([first, ...others].join(' or '), before, error instanceof Error ? error.cause : undefined);
      const text = `${region} has no room for the plan; next is ${next}, with a plan of its own.`;
      session.reporter.emit({ type: 'note', code: 'REGION_LEFT', text });
      return go(next, rest);
    }
  };
  return go(first, others);
}
