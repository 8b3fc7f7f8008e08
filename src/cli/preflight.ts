import { endpointFromEnvironment } from '../aws/endpoint.ts';
import type { Need } from '../io/programs.ts';
import type { BuildPlan, Transport } from '../plan/build-plan.ts';
import { confirmFacts } from '../plan/facts.ts';
import type { Found } from '../preflight/planned-items.ts';
import type { Preflight } from '../preflight/preflight.ts';
import type { Run, Subject } from '../preflight/subject.ts';
import { expectedOf, readTimings } from '../run/timings.ts';
import type { Argv } from './arguments.ts';
import type { Api } from './connect.ts';
import { kindOfRun } from './recorder.ts';
import type { Session } from './session.ts';

/** What a verb does with a plan, and with which programs of this machine. */
export type Wanted = {
  readonly needsOf: (transport: Transport) => readonly Need[];
  readonly builds: boolean;
  /** Instances that the smoke test has at once; 0 for none. */
  readonly smokes: number;
  /** Whether the workload is built, run and watched from here. */
  readonly watches: boolean;
};

/** On AWS, where no run on this machine has been measured: a driver is compiled in a bake. */
const BAKE_MS = 45 * 60_000;
const SMOKE_MS = 30 * 60_000;

export async function runOf(argv: Argv, { builds, smokes, watches }: Omit<Wanted, 'needsOf'>): Promise<Run> {
  const measured = expectedOf(await readTimings(), kindOfRun(argv));
  return { builds, smokes, watches, expectedMs: measured ?? (builds ? BAKE_MS : 0) + (smokes > 0 ? SMOKE_MS : 0) };
}

/** Whether the lab has to be started before its API can be asked. */
export function startsLab({ isLab }: Pick<Subject, 'isLab'>): boolean {
  return isLab && endpointFromEnvironment() === null;
}

/** What a stored plan names, once the region has confirmed that it is still there. */
export async function confirmedBy({ clients }: Api, plan: BuildPlan): Promise<Found> {
  await confirmFacts(clients.ec2, plan);
  const { baseImage, network, placements } = plan;
  return { baseImage, securityGroup: network.securityGroup, placements };
}

type Looked = Pick<Preflight, 'subject' | 'run' | 'found' | 'needs'>;

/** At the API of a session. */
export function preflightOf(session: Session, { apiRegion, endpointUrl, keys, clients }: Api, looked: Looked) {
  return session.span('preflight', async () => {
    // Loaded here, because a run that starts nothing looks at nothing.
    const [{ createPreflightClients }, { preflight }] = await Promise.all([
      import('../aws/preflight-clients.ts'),
      import('../preflight/preflight.ts'),
    ]);
    using more = createPreflightClients({ apiRegion, endpointUrl }, keys);
    await preflight(
      { ...looked, ec2: clients.ec2, clients: more, readSecret: clients.readSecret, keys, endpointUrl },
      session.reporter,
    );
  });
}
