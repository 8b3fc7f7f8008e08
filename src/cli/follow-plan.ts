import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bundle } from '../bundle/bundle.ts';
import { unpackBundle } from '../bundle/unpack.ts';
import { userError } from '../io/errors.ts';
import { bundleFolder } from '../io/paths.ts';
import { requirePrograms } from '../io/programs.ts';
import type { BuildPlan, Transport } from '../plan/build-plan.ts';
import { assertCarried } from '../plan/carried.ts';
import { readPlan } from '../plan/plan-file.ts';
import { BUNDLE_FILE } from '../plan/provisioning.ts';
import { transportOf } from '../plan/resolve.ts';
import type { Found } from '../preflight/planned-items.ts';
import { type Subject, subjectOf, subjectOfPlan } from '../preflight/subject.ts';
import { type Api, type Before, type Connection, withApi, withConnection } from './connect.ts';
import { bundleFor, factsFor, makePlan, offerBaseImage, type Planned, warn } from './make-plan.ts';
import { confirmedBy, preflightOf, runOf, startsLab, type Wanted } from './preflight.ts';
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
  before?: Before,
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

/** A way to a plan, with a look at all that following it needs. */
export type Planning = {
  /**
   * To be called before the first side effect.
   *
   * @param stored the plan that is followed where it is neither `--plan FILE` nor made now
   * @throws EcsHostError `PREFLIGHT_FAILED` (user) with everything that is missing
   */
  readonly preflight: (stored?: BuildPlan | null) => Promise<void>;
  /** The plan with what it carries; made once, however often it is asked for. */
  readonly planned: () => Promise<Planned>;
};

/** The value of a promise that is begun when it is first wanted. */
export function once<T>(begin: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | null = null;
  return () => {
    begun ??= begin();
    return begun;
  };
}

type Look = {
  readonly argv: Record<string, unknown>;
  readonly wanted: Wanted;
  /** The plan that is followed where it is neither `--plan FILE` nor made now. */
  readonly stored: BuildPlan | null;
  readonly planned: Subject;
  readonly found: () => Promise<Found>;
};

async function look(session: Session, api: Api, { argv, wanted, stored, planned, found }: Look): Promise<void> {
  const subject = stored === null ? planned : subjectOfPlan(stored);
  await preflightOf(session, api, {
    subject,
    run: await runOf(argv, wanted),
    found: stored === null ? found() : confirmedBy(api, stored),
    needs: startsLab(subject) ? [] : wanted.needsOf(subject.transport),
  });
}

/**
 * The way to a plan that is made now from hosts.yaml, at the API of a connection. Of the region nothing is asked twice.
 *
 * @param argv says how long such a run took before
 */
export function planningAt(
  session: Session,
  connection: Connection,
  argv: Record<string, unknown>,
  wanted: Wanted,
): Planning {
  const found = once(() => factsFor(connection));
  return {
    preflight: async (stored = null) => {
      if (stored === null) await offerBaseImage(session, connection);
      const planned = subjectOf(connection.selection, dirname(connection.loaded.file));
      return look(session, connection, { argv, wanted, stored, planned, found });
    },
    planned: once(() => session.span('plan', () => makePlan(session, connection, found))),
  };
}

/**
 * The one way to a plan for the verbs that follow one: `--plan FILE`, or a plan that is made now from hosts.yaml.
 * `work` gets the API and functions that look at what is needed and give the plan with what it carries; what a stored
 * plan names is confirmed with the region first.
 */
export async function withPlanning<T>(
  session: Session,
  argv: Record<string, unknown>,
  wanted: Wanted,
  work: (api: Api, planning: Planning) => Promise<T>,
): Promise<T> {
  const file = planFileOf(argv);
  // Before the lab is started; elsewhere programs are part of the preflight.
  const lookFor = async (transport: Transport, { isLast }: { readonly isLast: boolean }): Promise<void> =>
    isLast ? requirePrograms(wanted.needsOf(transport)) : undefined;
  if (file === null)
    return withConnection(
      session,
      commonArguments(argv),
      (connection) => work(connection, planningAt(session, connection, argv, wanted)),
      ({ profile }, next) => lookFor(transportOf(profile), next),
    );
  const plan = await readPlan(file);
  return withPlanApi(
    session,
    plan,
    (api) => {
      const confirmed = once(() => confirmedBy(api, plan));
      return work(api, {
        preflight: () =>
          look(session, api, { argv, wanted, stored: null, planned: subjectOfPlan(plan), found: confirmed }),
        planned: once(() =>
          session.span('plan', async () => {
            warn(session, plan);
            const [bundle] = await Promise.all([carriedBy(session, plan, file), confirmed()]);
            return { plan, bundle };
          }),
        ),
      });
    },
    (next) => lookFor(plan.network.transport, next),
  );
}
