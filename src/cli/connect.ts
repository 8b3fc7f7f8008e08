import { type AwsClients, createClients, findCredentials } from '../aws/clients.ts';
import { endpointFromEnvironment } from '../aws/endpoint.ts';
import type { KeyProvider } from '../aws/keys.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { allOrMistakes } from '../io/mistakes.ts';
import { startLab } from '../lab-client/lab-process.ts';
import { LabWatch } from '../lab-client/lab-watch.ts';
import { type Selection, select } from '../plan/resolve.ts';
import type { CommonArguments, Session } from './session.ts';

/** The API of a region, ready to be asked. */
export type Api = {
  readonly apiRegion: string;
  /** null means AWS itself. */
  readonly endpointUrl: string | null;
  readonly clients: AwsClients;
  /** For programs that sign calls themselves: Packer. */
  readonly keys: KeyProvider;
  /** Has what was started for this command stay up when it ends: the lab. */
  readonly stay: () => Promise<void>;
  /** Has it stay up while this instance is there, running or stopped. */
  readonly stayFor: (instanceId: string) => Promise<void>;
};

/**
 * @param next.isLast whether this is the last look: the lab is started next, or no API can be asked. Otherwise a
 *   preflight may say together what is missing here and there
 */
export type Before = (next: { readonly isLast: boolean }) => Promise<void>;

/** A region as hosts.yaml has it. */
export type Connection = Api & { readonly loaded: LoadedConfig; readonly selection: Selection };

async function credentialsProblem(apiRegion: string): Promise<Error | null> {
  try {
    await findCredentials({ apiRegion, endpointUrl: null });
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Finds the API (starting the lab where the region is the lab's), and runs `work` with clients for it. What was started
 * is stopped again, however `work` ends.
 *
 * @param before what else has to be there; called before anything is started
 * @throws EcsHostError (user) on missing credentials, with what `before` misses, before anything is started
 */
export async function withApi<T>(
  session: Session,
  { apiRegion, isLab }: { readonly apiRegion: string; readonly isLab: boolean },
  work: (api: Api) => Promise<T>,
  before: Before = async () => {},
): Promise<T> {
  const given = endpointFromEnvironment();
  const startsLab = given === null && isLab;
  const problem = given !== null || isLab ? null : await credentialsProblem(apiRegion);
  await allOrMistakes<[unknown, unknown]>(
    [problem === null ? Promise.resolve() : Promise.reject(problem), before({ isLast: startsLab || problem !== null })],
    '`ecs-host doctor` shows everything that is needed',
  );
  await using cleanup = new AsyncDisposableStack();
  let endpointUrl = given;
  let lasting: Pick<Api, 'stay' | 'stayFor'> = { stay: async () => {}, stayFor: async () => {} };
  if (endpointUrl === null && isLab) {
    const lab = await session.span('lab', (span) => startLab({ onLine: span.progress, signal: session.signal }));
    cleanup.defer(() => session.span('leave the lab', () => lab.leave()));
    endpointUrl = lab.endpoint;
    lasting = { stay: lab.stay, stayFor: lab.stayFor };
  }
  const watch = endpointUrl === null ? null : await LabWatch.start(endpointUrl, session.abort);
  if (watch !== null) cleanup.use(watch);
  const keys = await findCredentials({ apiRegion, endpointUrl });
  const clients = createClients({ apiRegion, endpointUrl }, keys);
  cleanup.defer(async () => clients.destroy());
  try {
    return await work({ apiRegion, endpointUrl, clients, keys, ...lasting });
  } catch (error) {
    throw (await watch?.verdict()) ?? error;
  }
}

/**
 * Reads hosts.yaml, and runs `work` at the API of the region that was named.
 *
 * @param before what else has to be there for what was selected; called before anything is started
 * @throws EcsHostError (user) on mistakes in configuration, before anything is started
 */
export async function withConnection<T>(
  session: Session,
  args: CommonArguments,
  work: (connection: Connection) => Promise<T>,
  before: (selection: Selection, next: { readonly isLast: boolean }) => Promise<void> = async () => {},
): Promise<T> {
  const loaded = await loadConfig(args.configFile);
  const selection = select(loaded.config, args, loaded.file);
  const { region, regionName } = selection;
  const place = { apiRegion: region.apiRegion ?? regionName, isLab: region.lab === true };
  return withApi(
    session,
    place,
    (api) => work({ ...api, loaded, selection }),
    (next) => before(selection, next),
  );
}
