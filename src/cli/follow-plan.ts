import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bundle } from '../bundle/bundle.ts';
import { unpackBundle } from '../bundle/unpack.ts';
import { userError } from '../io/errors.ts';
import { bundleFolder } from '../io/paths.ts';
import { type Need, requirePrograms } from '../io/programs.ts';
import type { BuildPlan, Transport } from '../plan/build-plan.ts';
import { assertCarried } from '../plan/carried.ts';
import { confirmFacts } from '../plan/facts.ts';
import { readPlan } from '../plan/plan-file.ts';
import { BUNDLE_FILE } from '../plan/provisioning.ts';
import { transportOf } from '../plan/resolve.ts';
import { type Api, withApi, withConnection } from './connect.ts';
import { bundleFor, makePlan, type Planned, warn } from './make-plan.ts';
import { commonArguments, type Session } from './session.ts';

/**
 * What a stored plan carries: from the bundle that `render` wrote beside it, else built from this checkout; the same
 * files either way.
 */
export async function carriedBy(session: Session, plan: BuildPlan, planFile: string): Promise<Bundle> {
  const beside = join(dirname(planFile), BUNDLE_FILE);
  const isBeside = (await stat(beside).catch(() => null))?.isFile() === true;
  const bundle = isBeside
    ? await unpackBundle(beside, bundleFolder(session.runId), plan.node.version)
    : await bundleFor(session, plan.target, plan.hostProgram);
  assertCarried(plan, bundle, isBeside ? beside : 'this checkout');
  return bundle;
}

/** `--plan FILE`, or null when a plan is made from hosts.yaml. Both at once would be two answers to one question. */
export function planFileOf(argv: Record<string, unknown>): string | null {
  const file = argv['plan'];
  if (typeof file !== 'string') return null;
  const also = ['region', 'or-region', 'profile', 'config'].find((name) => argv[name] !== undefined);
  if (also !== undefined)
    throw userError(
      'PLAN_AND_MORE',
      `--plan and --${also} were both given, and the plan says what --${also} would.`,
      `leave out --${also}, or make another plan with \`ecs-host plan --${also} …\``,
    );
  return file;
}

/**
 * At the API of a stored plan. @throws EcsHostError (user) `PLAN_ENDPOINT` when that would be another API than the plan
 * was made for
 */
export async function withPlanApi<T>(
  session: Session,
  plan: BuildPlan,
  work: (api: Api) => Promise<T>,
  before?: () => Promise<void>,
): Promise<T> {
  const checked = async (api: Api): Promise<T> => {
    if ((api.endpointUrl === null) !== (plan.endpointUrl === null))
      throw userError(
        'PLAN_ENDPOINT',
        `The plan was made for ${plan.endpointUrl ?? 'AWS'}, and would be followed at ${api.endpointUrl ?? 'AWS'}.`,
        'set or unset AWS_ENDPOINT_URL as when it was made, or make it again with `ecs-host plan`',
      );
    return work(api);
  };
  return withApi(session, plan, checked, before);
}

/**
 * The one way to a plan for the verbs that follow one: `--plan FILE`, or a plan that is made now from hosts.yaml.
 * `work` gets the API and a function that gives the plan with what it carries; what a stored plan names is confirmed
 * with the region first.
 *
 * @param needsOf programs of this machine that `work` runs; all are looked for before anything is started
 */
export async function withPlanning<T>(
  session: Session,
  argv: Record<string, unknown>,
  needsOf: (transport: Transport) => readonly Need[],
  work: (api: Api, planned: () => Promise<Planned>) => Promise<T>,
): Promise<T> {
  const file = planFileOf(argv);
  if (file === null)
    return withConnection(
      session,
      commonArguments(argv),
      (connection) => work(connection, () => makePlan(session, connection)),
      ({ profile }) => requirePrograms(needsOf(transportOf(profile))),
    );
  const plan = await readPlan(file);
  return withPlanApi(
    session,
    plan,
    (api) =>
      work(api, async () => {
        warn(session, plan);
        const [bundle] = await Promise.all([carriedBy(session, plan, file), confirmFacts(api.clients.ec2, plan)]);
        return { plan, bundle };
      }),
    () => requirePrograms(needsOf(plan.network.transport)),
  );
}
