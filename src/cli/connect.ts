import { type AwsClients, createClients, credentialsEnvironment, findCredentials } from '../aws/clients.ts';
import { endpointFromEnvironment } from '../aws/endpoint.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { startLab } from '../lab-client/lab-process.ts';
import { type Selection, select } from '../plan/resolve.ts';
import type { CommonArguments, Session } from './session.ts';

/** The API of a region, ready to be asked. */
export type Api = {
  readonly apiRegion: string;
  /** null means AWS itself. */
  readonly endpointUrl: string | null;
  readonly clients: AwsClients;
  /** Credentials as Packer takes them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Has what was started for this command stay up when it ends: the lab. */
  readonly stay: () => Promise<void>;
  /** Has it stay up while this instance is there, running or stopped. */
  readonly stayFor: (instanceId: string) => Promise<void>;
};

/** A region as hosts.yaml has it. */
export type Connection = Api & { readonly loaded: LoadedConfig; readonly selection: Selection };

/**
 * Finds the API (starting the lab where the region is the lab's), and runs `work` with clients for it. What was started
 * is stopped again, however `work` ends.
 *
 * @param before what else has to be there; called before anything is started
 * @throws EcsHostError (user) on missing credentials, before anything is started
 */
export async function withApi<T>(
  session: Session,
  { apiRegion, isLab }: { readonly apiRegion: string; readonly isLab: boolean },
  work: (api: Api) => Promise<T>,
  before: () => Promise<void> = async () => {},
): Promise<T> {
  const given = endpointFromEnvironment();
  // Credentials are the cheapest thing to be missing, so they are looked for first.
  if (given === null && !isLab) await findCredentials({ apiRegion, endpointUrl: null });
  await before();
  await using cleanup = new AsyncDisposableStack();
  let endpointUrl = given;
  let lasting: Pick<Api, 'stay' | 'stayFor'> = { stay: async () => {}, stayFor: async () => {} };
  if (endpointUrl === null && isLab) {
    const lab = await session.span('lab', (span) => startLab({ onLine: span.progress, signal: session.signal }));
    cleanup.defer(() => session.span('leave the lab', () => lab.leave()));
    endpointUrl = lab.endpoint;
    lasting = { stay: lab.stay, stayFor: lab.stayFor };
  }
  const credentials = await findCredentials({ apiRegion, endpointUrl });
  const clients = createClients({ apiRegion, endpointUrl }, credentials);
  cleanup.defer(async () => clients.destroy());
  return await work({ apiRegion, endpointUrl, clients, environment: credentialsEnvironment(credentials), ...lasting });
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
  before: (selection: Selection) => Promise<void> = async () => {},
): Promise<T> {
  const loaded = await loadConfig(args.configFile);
  const selection = select(loaded.config, args, loaded.file);
  const { region, regionName } = selection;
  const place = { apiRegion: region.apiRegion ?? regionName, isLab: region.lab === true };
  return withApi(
    session,
    place,
    (api) => work({ ...api, loaded, selection }),
    () => before(selection),
  );
}
