import type { DevHost } from '../../dev-host/dev-host.ts';
import { listDevHosts } from '../../dev-host/find.ts';
import { destroyDevHost, extendDevHost, MOST_MINUTES, startDevHost, stopDevHost } from '../../dev-host/lifecycle.ts';
import { listLines, stopText } from '../../dev-host/lines.ts';
import { tellExpires } from '../../dev-host/tell-expires.ts';
import { allEnded } from '../../io/all-ended.ts';
import { formatMinutes } from '../../io/duration.ts';
import { userError } from '../../io/errors.ts';
import { resultWidth } from '../../io/text.ts';
import { quietly, silently } from '../arguments.ts';
import { canAsk, confirm, nobodyToAsk } from '../confirm.ts';
import { withDevHosts, withDevRegionIfUp } from '../dev-host.ts';
import { printResult } from '../json.ts';
import { minutesOf } from '../minutes.ts';
import { commonArguments, withSession } from '../session.ts';
import { readyResult } from './dev-host-up.ts';

/** `ecs-host dev-host list`. */
export async function list(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const everybody = argv['allUsers'] === true;
  const hosts = await withSession(silently(argv), (session) =>
    withDevRegionIfUp(session, argv, (region) =>
      listDevHosts(region.clients, { ...region, user: everybody ? null : region.user }),
    ),
  );
  const found = hosts ?? [];
  const lines =
    found.length === 0
      ? [`no dev hosts in ${args.region}; \`ecs-host dev-host up\` brings one up`]
      : listLines(found, { showsUsers: everybody, width: resultWidth() });
  printResult(args.json, found, lines);
  return 0;
}

/** Does the same to each of several hosts at once, and says of each that it is done. */
async function each(
  argv: Record<string, unknown>,
  what: string,
  work: (
    host: DevHost,
    tools: Parameters<Parameters<typeof withDevHosts>[2]>[1] & { signal: AbortSignal },
  ) => Promise<string>,
): Promise<number> {
  const args = commonArguments(argv);
  const done = await withSession(
    quietly(argv),
    (session) =>
      withDevHosts(session, argv, (hosts, region) =>
        allEnded(
          hosts.map(async (host) => ({
            name: host.name,
            instanceId: host.instanceId,
            text: await work(host, { ...region, signal: session.signal }),
          })),
        ),
      ),
    { keeps: true },
  );
  const document = { type: what, devHosts: done.map(({ name, instanceId }) => ({ name, instanceId })) };
  printResult(args.json, document, done.length === 0 ? ['nothing to do'] : done.map(({ text }) => text));
  return 0;
}

/** `ecs-host dev-host stop [names..]`. */
export function stop(argv: Record<string, unknown>): Promise<number> {
  return each(argv, 'stopped', async (host, { clients, signal }) => {
    await stopDevHost(clients, host, signal);
    return `stopped   ${host.name} (${host.instanceId}); what is on it stays`;
  });
}

/** `ecs-host dev-host start [names..]`. */
export function start(argv: Record<string, unknown>): Promise<number> {
  return each(argv, 'started', async (host, region) => {
    const { clients, signal } = region;
    const ttlMinutes = minutesOf(argv, 'ttl', { fallback: host.ttlMinutes, least: 10, most: MOST_MINUTES });
    await startDevHost(clients, host, { ttlMinutes, signal });
    const [now] = (await listDevHosts(clients, region)).filter(({ instanceId }) => instanceId === host.instanceId);
    return readyResult([now ?? host], region).lines.join('\n');
  });
}

/** `ecs-host dev-host extend [names..]`. */
export function extend(argv: Record<string, unknown>): Promise<number> {
  return each(argv, 'extended', async (host, { clients, signal }) => {
    const minutes = minutesOf(argv, 'by', { fallback: 4 * 60, least: 1, most: MOST_MINUTES });
    const expires = await extendDevHost(clients, host, minutes);
    const isTold = host.state === 'running' && (await tellExpires(host, expires, signal));
    const late = host.state === 'running' && !isTold ? '; it could not be told now, and reads its tag' : '';
    return `extended  ${host.name} by ${formatMinutes(minutes)}: it stops at ${stopText({ ...host, expires })}${late}`;
  });
}

/** `ecs-host dev-host destroy [names..]`: asks first. */
export async function destroy(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const asks = argv['yes'] !== true;
  if (asks && !canAsk(args.json)) throw nobodyToAsk('Destroying a dev host');
  const done = await withSession(
    quietly(argv),
    (session) =>
      withDevHosts(session, argv, async (hosts, { clients }) => {
        const named = hosts.map(({ name, instanceId }) => `${name} (${instanceId})`).join(', ');
        const question = `Destroy ${named}, with everything that is on ${hosts.length === 1 ? 'it' : 'them'}? This is final.`;
        if (hosts.length > 0 && asks && !(await confirm(question, session.signal))) return null;
        await allEnded(hosts.map((host) => destroyDevHost(clients, host)));
        return hosts;
      }),
    { keeps: true },
  );
  if (done === null) throw userError('NOT_CONFIRMED', 'Nothing was destroyed.', 'answer y, or give --yes');
  const lines = done.map(({ name, instanceId }) => `destroyed ${name} (${instanceId})`);
  const document = { type: 'destroyed', devHosts: done.map(({ name, instanceId }) => ({ name, instanceId })) };
  printResult(args.json, document, lines.length === 0 ? ['nothing to do'] : lines);
  return 0;
}
