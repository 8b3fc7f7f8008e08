import { dirname } from 'node:path';
import type { DevHost } from '../../dev-host/dev-host.ts';
import { listDevHosts, pickDevHosts } from '../../dev-host/find.ts';
import { devCommand } from '../../dev-host/lines.ts';
import { connectDevHost } from '../../dev-host/reach.ts';
import { type HostStream, judgeFrames, streamDevHost } from '../../dev-host/stream.ts';
import { type Shown, showStream } from '../../dev-host/stream-show.ts';
import { sshNeeds } from '../../host-access/needs.ts';
import { userError } from '../../io/errors.ts';
import { runFolder } from '../../io/paths.ts';
import { requirePrograms } from '../../io/programs.ts';
import { select, workloadOf } from '../../plan/resolve.ts';
import { FFMPEG } from '../../stream/ffmpeg.ts';
import { bringWorkload } from '../../workload/brought.ts';
import { describeTree } from '../../workload/working-tree.ts';
import { type Argv, textOf } from '../arguments.ts';
import { type DevRegion, withDevRegion } from '../dev-host.ts';
import { printEvent } from '../json.ts';
import { type Session, withSession } from '../session.ts';
import { bringUpHosts, upWishOf } from './dev-host-up.ts';

const MOST_FRAMES = 100_000;

/** How many frames are to be judged, or null for somebody who watches. */
function framesOf(argv: Argv): number | null {
  const value = argv['frames'];
  if (value === undefined) return null;
  const frames = Number(value);
  if (Number.isInteger(frames) && frames >= 1 && frames <= MOST_FRAMES) return frames;
  throw userError(
    'OPTION_NUMBER',
    `--frames takes a whole number from 1 to ${MOST_FRAMES}.`,
    `found: ${String(value)}`,
  );
}

/** The host that was named, or the only one; without any, one is brought up. */
async function hostFor(session: Session, argv: Argv, region: DevRegion): Promise<DevHost> {
  const name = textOf(argv, 'name');
  const mine = await listDevHosts(region.clients, region);
  const [host] =
    name === null && mine.length === 0
      ? await session.span('up', async () => bringUpHosts(session, region, await upWishOf({})))
      : pickDevHosts(mine, name === null ? [] : [name]);
  return host as DevHost;
}

/** What every way of showing it says of the host. */
function aboutHost({ name, instanceId }: DevHost, { tree, container, reached }: HostStream, region: string) {
  const stop = devCommand('exec', name, region, '--', 'docker', 'rm', '--force', container.name);
  return {
    facts: {
      devHost: { name, instanceId },
      ...{ commit: tree.commit, isChanged: tree.isChanged, container: container.name },
      ...{ host: reached.host, ports: reached.ports, via: reached.via, stop },
    },
    lines: [
      `host      ${name} (${instanceId}), ${describeTree(tree)}`,
      `container ${container.name}, which keeps running; \`${stop}\` ends it`,
    ],
  };
}

function shownLines(shown: Shown, { host, ports, via }: HostStream['reached']): string[] {
  const stream = `stream    ${host}:${ports.streamTcp}${via === 'ssh' ? ', through ssh' : ''}`;
  if (shown.by === 'player') return [stream, `player    ${shown.player}; closing it or Ctrl-C ends this command`];
  return [
    stream,
    `page      ${shown.address}`,
    `          ${shown.isOpened ? 'open in the browser' : 'open it in a browser on this machine'}; Ctrl-C ends it`,
  ];
}

/** `ecs-host dev-host stream [name]`. */
export async function stream(argv: Record<string, unknown>): Promise<number> {
  const frames = framesOf(argv);
  const json = argv['json'] === true;
  return withSession(
    argv,
    (session) =>
      withDevRegion(session, argv, async (region) => {
        const host = await hostFor(session, argv, region);
        await requirePrograms([...sshNeeds(host.transport), FFMPEG]);
        const { loaded, args } = region;
        const { profile } = select(loaded.config, { ...args, profile: args.profile ?? host.profile }, loaded.file);
        await using ssh = await session.span('connect', () => connectDevHost(host, session.signal));
        const workload = workloadOf(profile, dirname(loaded.file));
        const bring = () => bringWorkload(workload, region.clients, runFolder(session.runId));
        const made = await streamDevHost(session, ssh, { workload, bring });
        const { facts, lines } = aboutHost(host, made, args.region);
        if (frames !== null) {
          const { report, line } = await session.span('decode', () => judgeFrames(made, frames, session.signal));
          await session.reporter.close();
          printEvent(json, { type: 'result', ...facts, report }, [line]);
          return 0;
        }
        await showStream({
          source: { ...made.reached, key: made.key },
          ctx: session,
          title: host.name,
          opens: argv['open'] !== false,
          ended: made.reached.via === 'ssh' ? ssh.ended : null,
          onShown: (shown) =>
            printEvent(json, { type: 'stream', ...facts, ...shown }, [...lines, ...shownLines(shown, made.reached)]),
        });
        return 0;
      }),
    { keeps: true },
  );
}
