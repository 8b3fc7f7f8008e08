import { mkdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { printable } from '#contracts/printable.ts';
import { reasonOf } from '#contracts/reason.ts';
import { Decisions, serveAdmin } from '../../../webserver/admin.ts';
import { type ReapedFor, reapSilentHosts } from '../../../webserver/reaper.ts';
import { sparingly } from '../../../webserver/refusals.ts';
import { startWebserver, type Webserver, type WebserverOptions } from '../../../webserver/server.ts';
import { openSqliteStore } from '../../../webserver/sqlite-store.ts';
import { userError } from '../../io/errors.ts';
import type { NoteCode } from '../../io/messages.ts';
import { stateFolder } from '../../io/paths.ts';
import { untilStopped } from '../../io/until-stopped.ts';
import { findIdentityCertificates } from '../../lab-client/identity-certificates.ts';
import type { Argv } from '../arguments.ts';
import { type Connection, withConnection } from '../connect.ts';
import { printEvent } from '../json.ts';
import { commonArguments, type Session, withSession } from '../session.ts';
import { type WebserverEc2, webserverEc2 } from './webserver-ec2.ts';
import { findConfirm, findTls, type WebserverArguments, webserverArguments } from './webserver-options.ts';
import { regionsLetIn } from './webserver-regions.ts';
import { socketPath } from './webserver-socket.ts';

/** One line for whoever watches the webserver. */
type Note = (code: NoteCode, text: string) => void;

function openStore(file: string, note: Note): ReturnType<typeof openSqliteStore> {
  try {
    return openSqliteStore(file, (table, key, problem) =>
      note(
        'STORE_DAMAGED',
        `${file}: the row of ${printable(key, 60)} in ${table} is ${problem}; it is kept in damaged`,
      ),
    );
  } catch (error) {
    const problem = reasonOf(error);
    throw userError('STORE_UNREADABLE', `${file} cannot be opened as a store: ${problem}.`, 'see --store');
  }
}

/** Hosts of all regions of hosts.yaml, of the accounts and images that were named. */
async function policyOf(args: WebserverArguments, connection: Connection): Promise<WebserverOptions['policy']> {
  const { accountIds, imageIds } = args;
  if (accountIds === null && connection.endpointUrl === null)
    throw userError(
      'ACCOUNT_MISSING',
      'On AWS a webserver has to know whose hosts it lets in.',
      'give --account with the twelve digits of your account; it may be repeated',
    );
  return {
    ...(await findIdentityCertificates(connection.endpointUrl)),
    accountIds,
    regions: regionsLetIn(connection.loaded.config.regions, connection.selection.region),
    imageIds,
  };
}

/** What a person decides by `ecs-host webserver tell`, and hears of. */
function decideBy(decisions: Decisions, note: Note): WebserverOptions['decide'] {
  return ({ instanceId }) => {
    const decision = decisions.of(instanceId);
    if (decision.kind === 'grant') note('HOST_GRANTED', `${instanceId} may serve`);
    return decision;
  };
}

/** Ends silent hosts, and those that were told a final no, until the signal fires. */
async function reap(
  webserver: Webserver,
  silenceS: number,
  ec2: WebserverEc2,
  { note, signal }: { readonly note: Note; readonly signal: AbortSignal },
): Promise<void> {
  if (silenceS === 0) return;
  const onTerminated = (instanceId: string, problem: string | null, why: ReapedFor): void =>
    note(
      'HOST_TERMINATED',
      problem === null
        ? `${instanceId} was ${why} for ${silenceS} s and is terminated`
        : `${instanceId} was ${why}, and could not be terminated: ${problem}; trying again`,
    );
  const { hosts, silence } = webserver;
  await reapSilentHosts({ hosts, silenceS, breaker: silence, terminate: ec2.terminate, onTerminated }, signal);
}

type Announced = { readonly port: number; readonly caFile: string | null; readonly regions: readonly string[] };

function announce(args: WebserverArguments, { port, caFile, regions }: Announced, json: boolean): void {
  const url = `https://${isIP(args.address) === 6 ? `[${args.address}]` : args.address}:${port}`;
  printEvent(json, { type: 'listening', url, caFile, regions }, [
    `webserver  ${url}`,
    `regions    ${regions.join(', ')}`,
    ...(caFile === null ? [] : [`authority  ${caFile} (webserverCa of a host's configuration)`]),
    'Ctrl-C ends it.',
  ]);
}

async function runWebserver(
  args: WebserverArguments,
  session: Session,
  connection: Connection,
  json: boolean,
): Promise<void> {
  const note: Note = (code, text) => session.reporter.emit({ type: 'note', code, text });
  const policy = await policyOf(args, connection);
  await mkdir(stateFolder(), { recursive: true });
  await using cleanup = new AsyncDisposableStack();
  const { caFile, ...tls } = await findTls(args);
  const store = args.storeFile === null ? null : openStore(args.storeFile, note);
  if (store) cleanup.defer(() => store.close());
  const decisions = new Decisions();
  const ec2 = webserverEc2(connection);
  const webserver = await startWebserver({
    address: args.address,
    port: args.port,
    tls,
    policy,
    confirm: findConfirm(args.confirms, ec2),
    decide: decideBy(decisions, note),
    onRefusal: sparingly((who, kind, reason) => note('HOST_REFUSED', `${who}: ${kind}: ${reason}`)),
    onNotice: note,
    ...(store === null ? {} : { store }),
  });
  cleanup.defer(() => webserver.close());
  cleanup.use(await serveAdmin(socketPath(), webserver, decisions));
  const reaping = reap(webserver, args.terminateAfterS, ec2, { note, signal: session.signal });
  announce(args, { port: webserver.port, caFile, regions: policy.regions ?? [] }, json);
  await untilStopped(session.signal);
  await reaping;
}

/** `ecs-host webserver`: the reference webserver, until Ctrl-C. */
export async function serve(argv: Argv): Promise<number> {
  const args = webserverArguments(argv);
  const common = commonArguments(argv);
  return withSession(argv, async (session) => {
    await withConnection(session, common, (connection) => runWebserver(args, session, connection, common.json));
    return 0;
  });
}
