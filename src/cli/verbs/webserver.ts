import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { printable } from '#contracts/printable.ts';
import { reasonOf } from '#contracts/reason.ts';
import type { Confirm } from '../../../webserver/confirm.ts';
import { findIdentityCertificates } from '../../aws/identity-certificates.ts';
import { outsideError, userError } from '../../io/errors.ts';
import type { NoteCode } from '../../io/messages.ts';
import { stateFolder } from '../../io/paths.ts';
import { type Connection, withConnection } from '../connect.ts';
import { printEvent, printResult } from '../json.ts';
import { commonArguments, type Session, withSession } from '../session.ts';
import { type WebserverEc2, webserverEc2 } from './webserver-ec2.ts';

type Argv = Record<string, unknown>;

function socketPath(): string {
  return join(stateFolder(), 'webserver.sock');
}

function list(value: unknown): string[] | null {
  return Array.isArray(value) && value.length > 0 ? value.map(String) : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function readPem(path: string, option: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw userError(
      'CERTIFICATE_UNREADABLE',
      `${path} cannot be read: ${error.code ?? error.message}.`,
      `see ${option}`,
    );
  });
}

/** The certificate that was given, or one made for the address; then its PEM goes to a file that hosts can be given. */
async function findTls(argv: Argv, address: string): Promise<{ cert: string; key: string; caFile: string | null }> {
  const [certFile, keyFile] = [text(argv['cert']), text(argv['key'])];
  if ((certFile === null) !== (keyFile === null))
    throw userError(
      'CERTIFICATE_HALF',
      '--cert and --key belong together.',
      'give both, or neither for a certificate made here',
    );
  if (certFile !== null && keyFile !== null)
    return { cert: await readPem(certFile, '--cert'), key: await readPem(keyFile, '--key'), caFile: null };
  const { makeSelfSigned } = await import('../../../webserver/tls.ts');
  const tls = await makeSelfSigned(address);
  const caFile = join(stateFolder(), 'webserver-ca.pem');
  await writeFile(caFile, tls.cert);
  return { ...tls, caFile };
}

const CONFIRM_CHOICES = ['address', 'once', 'ec2', 'none'] as const;
type ConfirmChoice = (typeof CONFIRM_CHOICES)[number];

/** What is asked of a host beyond its document; where nothing was chosen, EC2. */
async function findConfirm(argv: Argv, ec2: WebserverEc2): Promise<Confirm | null> {
  const chosen = (list(argv['confirm']) ?? ['ec2']) as ConfirmChoice[];
  if (chosen.includes('none')) {
    if (chosen.length === 1) return null;
    throw userError('CONFIRM', '--confirm none is nothing together with another one.', 'leave one of them out');
  }
  const { confirmAddress, confirmAll, confirmOnce, createConfirmEc2 } = await import('../../../webserver/confirm.ts');
  const confirms = { address: confirmAddress, once: confirmOnce, ec2: createConfirmEc2(ec2.describe) };
  return confirmAll(
    CONFIRM_CHOICES.flatMap((name) => (name !== 'none' && chosen.includes(name) ? [confirms[name]] : [])),
  );
}

function openStore(
  file: string,
  open: typeof import('../../../webserver/sqlite-store.ts').openSqliteStore,
  note: (code: NoteCode, line: string) => void,
): ReturnType<typeof open> {
  try {
    return open(file, (table, key, problem) =>
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

async function runWebserver(argv: Argv, session: Session, connection: Connection): Promise<void> {
  const accountIds = list(argv['account']);
  if (accountIds === null && connection.endpointUrl === null)
    throw userError(
      'ACCOUNT_MISSING',
      'On AWS a webserver has to know whose hosts it lets in.',
      'give --account with the twelve digits of your account; it may be repeated',
    );
  const address = text(argv['address']) ?? '127.0.0.1';
  if (isIP(address) === 0)
    throw userError('ADDRESS', `"${address}" is no IP address.`, 'for example --address 0.0.0.0');
  await mkdir(stateFolder(), { recursive: true });
  const [{ startWebserver }, { sparingly }, { Decisions, serveAdmin }, { reapSilentHosts }, { openSqliteStore }] =
    await Promise.all([
      import('../../../webserver/server.ts'),
      import('../../../webserver/refusals.ts'),
      import('../../../webserver/admin.ts'),
      import('../../../webserver/reaper.ts'),
      import('../../../webserver/sqlite-store.ts'),
    ]);
  const note = (code: NoteCode, line: string): void => session.reporter.emit({ type: 'note', code, text: line });
  await using cleanup = new AsyncDisposableStack();
  const tls = await findTls(argv, address);
  const storeFile = text(argv['store']);
  const store = storeFile === null ? null : openStore(storeFile, openSqliteStore, note);
  if (store) cleanup.defer(() => store.close());
  const decisions = new Decisions();
  const ec2 = webserverEc2(connection);
  const webserver = await startWebserver({
    address,
    port: Number(argv['port']),
    tls,
    policy: {
      ...(await findIdentityCertificates(connection.endpointUrl)),
      accountIds,
      regions: [connection.apiRegion],
      imageIds: list(argv['image']),
    },
    confirm: await findConfirm(argv, ec2),
    decide: ({ instanceId }) => {
      const decision = decisions.of(instanceId);
      if (decision.kind === 'grant') note('HOST_GRANTED', `${instanceId} may serve`);
      return decision;
    },
    onRefusal: sparingly((who, kind, reason) => note('HOST_REFUSED', `${who}: ${kind}: ${reason}`)),
    onNotice: note,
    ...(store === null ? {} : { store }),
  });
  cleanup.defer(() => webserver.close());
  cleanup.use(await serveAdmin(socketPath(), webserver, decisions));
  const silenceS = Number(argv['terminate-after']);
  const reaping =
    silenceS > 0
      ? reapSilentHosts(
          {
            hosts: webserver.hosts,
            silenceS,
            breaker: webserver.silence,
            terminate: ec2.terminate,
            onTerminated: (instanceId, problem) =>
              note(
                'HOST_TERMINATED',
                problem === null
                  ? `${instanceId} was silent for ${silenceS} s and is terminated`
                  : `${instanceId} is silent, and could not be terminated: ${problem}; trying again`,
              ),
          },
          session.signal,
        )
      : Promise.resolve();
  const url = `https://${isIP(address) === 6 ? `[${address}]` : address}:${webserver.port}`;
  printEvent(argv['json'] === true, { type: 'listening', url, caFile: tls.caFile }, [
    `webserver  ${url}`,
    ...(tls.caFile === null ? [] : [`authority  ${tls.caFile} (webserverCa of a host's configuration)`]),
    'Ctrl-C ends it.',
  ]);
  await new Promise<void>((resolve) => session.signal.addEventListener('abort', () => resolve(), { once: true }));
  await reaping;
}

/** `ecs-host webserver`: the reference webserver, until Ctrl-C. */
export async function serve(argv: Argv): Promise<number> {
  return withSession(argv, async (session) => {
    await withConnection(session, commonArguments(argv), (connection) => runWebserver(argv, session, connection));
    return 0;
  });
}

async function order(
  what: Parameters<typeof import('../../../webserver/admin.ts').orderWebserver>[1],
): Promise<unknown> {
  const { BadOrder, OrderFailed, orderWebserver } = await import('../../../webserver/admin.ts');
  return orderWebserver(socketPath(), what).catch((error: unknown) => {
    if (error instanceof BadOrder)
      throw userError('ORDER', `That is no order: ${error.message}.`, 'see `ecs-host webserver tell --help`');
    if (error instanceof OrderFailed)
      throw outsideError('ORDER_FAILED', `The webserver could not do that: ${error.message}.`, 'see what it printed');
    throw userError('WEBSERVER_AWAY', 'No webserver runs here.', 'start one with `ecs-host webserver`');
  });
}

/** `ecs-host webserver hosts`. */
export async function hosts(argv: Argv): Promise<number> {
  const found = (await order({ kind: 'hosts' })) as import('../../../webserver/admin.ts').HostLine[];
  printResult(
    argv['json'] === true,
    found,
    found.length === 0
      ? ['No host has shaken hands.']
      : found.map(
          (host) =>
            `${host.instanceId}  ${host.state.padEnd(8)}  ${host.environment}  ${host.imageId}  last seen ${host.lastSeen}`,
        ),
  );
  return 0;
}

function lineOf({ instanceId, drain, revoked, isKnown }: import('../../../webserver/admin.ts').OrderLine): string {
  return [
    instanceId,
    ...(revoked === null ? [] : [`revoked: ${revoked}`]),
    ...(drain === null ? [] : [`drain: ${drain}`]),
    ...(isKnown ? [] : ['(no host that is there now)']),
  ].join('  ');
}

/** `ecs-host webserver orders`. */
export async function orders(argv: Argv): Promise<number> {
  const found = (await order({ kind: 'orders' })) as import('../../../webserver/admin.ts').OrderLine[];
  printResult(argv['json'] === true, found, found.length === 0 ? ['No order stands.'] : found.map(lineOf));
  return 0;
}

const ORDERS = ['drain', 'revoke', 'serve', 'trust', 'forget'] as const;
function kept(isKnown: boolean): string {
  return isKnown ? '' : '; no such host is there now, and the order is kept';
}
/** What an order has done. */
const DONE: Readonly<Record<(typeof ORDERS)[number], (isKnown: boolean) => string>> = {
  drain: (isKnown) => `is ordered to drain${kept(isKnown)}`,
  revoke: (isKnown) => `is revoked${kept(isKnown)}`,
  serve: () => 'may serve again; on the host, `systemctl reload ecs-host` has it ask',
  trust: () => 'is trusted again; on the host, `systemctl reload ecs-host` has it ask',
  forget: (isKnown) => (isKnown ? 'is forgotten; orders for it stay' : 'was not there; its key is forgotten'),
};
function isOrder(what: string): what is (typeof ORDERS)[number] {
  return (ORDERS as readonly string[]).includes(what);
}

/** `ecs-host webserver tell <what>`. */
export async function tell(argv: Argv): Promise<number> {
  const what = String(argv['what']);
  const instanceId = text(argv['instance']);
  const reason = text(argv['reason']) ?? 'told so';
  if (what === 'resume') {
    await order({ kind: 'resume' });
    printResult(argv['json'] === true, { what }, ['For ten minutes denials and silence are not held back.']);
    return 0;
  }
  if (isOrder(what)) {
    if (instanceId === null) throw userError('USAGE', `${what} needs --instance.`, 'see `ecs-host webserver hosts`');
    const given =
      what === 'drain' || what === 'revoke' ? { kind: what, instanceId, reason } : { kind: what, instanceId };
    const { isKnown } = (await order(given)) as { isKnown: boolean };
    printResult(argv['json'] === true, { instanceId, what, isKnown }, [`${instanceId} ${DONE[what](isKnown)}`]);
    return 0;
  }
  const decision = {
    grant: { kind: 'grant' },
    deny: { kind: 'deny', reason },
    delay: { kind: 'delay', delayMs: Number(argv['ms']), afterwards: { kind: 'grant' } },
    error: { kind: 'error', status: 500 },
    nonsense: { kind: 'nonsense', body: '{"version":1,' },
  } as const;
  await order({ kind: 'decide', instanceId, decision: decision[what as keyof typeof decision] });
  printResult(argv['json'] === true, { instanceId, what }, [`handshakes of ${instanceId ?? 'all hosts'}: ${what}`]);
  return 0;
}
