import { resolve } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { findImage, unknownImage } from '../../image/find-image.ts';
import { assertImageId } from '../../image/image-store.ts';
import { EcsHostError } from '../../io/errors.ts';
import { commandLine } from '../../io/shell-quote.ts';
import { tableLines } from '../../io/table.ts';
import { resultWidth } from '../../io/text.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import { releasePlanOf } from '../../plan/release-plan.ts';
import { profileNamed } from '../../plan/resolve.ts';
import { CHANNELS, type Channel } from '../../release/channels.ts';
import { connector, type ReleaseResult, releaseImage } from '../../release/release.ts';
import type { ReleaseState } from '../../release/release-state.ts';
import { byChannel, type ChannelStatus, channelsIn, underWay } from '../../release/status.ts';
import { smokeNeeds } from '../../smoke/needs.ts';
import { quietly } from '../arguments.ts';
import { withConnection } from '../connect.ts';
import { planFileOf, withPlanning } from '../follow-plan.ts';
import { planOfImage } from '../image-plan.ts';
import { printEvent, printResult } from '../json.ts';
import type { Wanted } from '../preflight.ts';
import { commonArguments, withSession } from '../session.ts';
import { keepOf } from './bake.ts';

type Argv = Record<string, unknown>;

/** An image may need to be smoked before it is released, and so may its copies. */
const WANTED: Wanted = { needsOf: (transport) => smokeNeeds(transport), builds: false, smokes: 2, watches: true };

/** What hosts.yaml says of releases today: that of a stored plan is as old as its image. */
async function withReleaseOfToday(argv: Argv, plan: BuildPlan): Promise<BuildPlan> {
  if (planFileOf(argv) !== null) return plan;
  const { config, file } = await loadConfig(commonArguments(argv).configFile);
  return { ...plan, release: releasePlanOf(profileNamed(config, plan.profile, file), config.regions, plan) };
}

/** The command that goes on with a release, as this one was called. */
function runCommand(imageId: string, channel: Channel, argv: Argv): string {
  const plan = planFileOf(argv);
  const { region, configFile } = commonArguments(argv);
  const by = plan === null ? ['--region', region, '--config', resolve(configFile)] : ['--plan', resolve(plan)];
  return commandLine({}, ['ecs-host', 'release', 'run', imageId, '--channel', channel, ...by]);
}

function resultLines({ id, channel, profile, isNew, regions }: ReleaseResult): string[] {
  return [
    `release   ${id}`,
    ...regions.map(
      ({ name, imageId, previousImageId }) =>
        `${channel.padEnd(8)}  ${imageId} in ${name}${previousImageId === null ? '' : `, before it ${previousImageId}`}`,
    ),
    isNew ? `published as ${channel} of ${profile}` : `${channel} of ${profile} named it already; nothing was changed`,
  ];
}

/** `ecs-host release run <image>`. */
export function run(argv: Argv): Promise<number> {
  const imageId = String(argv['image']);
  assertImageId(imageId);
  const channel = CHANNELS.find((each) => each === argv['channel']) ?? 'nightly';
  const hasFile = planFileOf(argv) !== null;
  return withSession(
    argv,
    async (session) => {
      const result = await withPlanning(session, argv, WANTED, async (api, planning) => {
        const { clients, apiRegion, endpointUrl, keys } = api;
        if ((await findImage(clients, imageId)) === null) throw unknownImage(imageId, apiRegion);
        const plan = await withReleaseOfToday(argv, await planOfImage(session, api, { imageId, hasFile, planning }));
        const connect = connector(endpointUrl, keys);
        const input = { plan, imageId, channel, ctx: session, endpointUrl, connect, keep: keepOf(argv, api) };
        return releaseImage(input).catch((error: unknown) => {
          throw error instanceof EcsHostError ? error.repeatedBy(runCommand(imageId, channel, argv)) : error;
        });
      });
      await session.reporter.close();
      printEvent(argv['json'] === true, { type: 'result', ...result }, resultLines(result));
      return 0;
    },
    { keeps: true },
  );
}

function statusLines(profile: string, channels: readonly ChannelStatus[], open: readonly ReleaseState[]): string[] {
  const head = ['channel', 'region', 'image', 'verdict', 'move', 'released (UTC)', 'before'];
  const rows = channels.map((each) => [
    each.channel,
    each.region,
    each.imageId,
    each.verdict,
    String(each.version),
    each.releasedAt?.slice(0, 16).replace('T', ' ') ?? 'unknown',
    each.previousImageId ?? 'none',
  ]);
  const steps = ({ regions }: ReleaseState): string =>
    regions.map(({ name, step }) => `${name} ${step === 'done' ? 'done' : `next: ${step}`}`).join(', ');
  return [
    ...(rows.length === 0
      ? [`nothing of ${profile} is released; release an image with \`ecs-host release run\``]
      : tableLines(head, rows, resultWidth())),
    ...open.map(
      (state) => `under way ${state.id} since ${state.startedAt.slice(0, 16).replace('T', ' ')}: ${steps(state)}`,
    ),
  ];
}

/** `ecs-host release status`: the channels of a profile in every region where it is released. */
export async function status(argv: Argv): Promise<number> {
  const args = commonArguments(argv);
  const { profile, channels, open } = await withSession(quietly(argv), (session) =>
    withConnection(session, args, async ({ loaded, selection, apiRegion, endpointUrl, keys }) => {
      const { regionName, profileName, region } = selection;
      const isLab = region.lab === true;
      const { regions } = loaded.config;
      const byDefault = Object.entries(regions)
        .filter(([, each]) => each.profile === profileName && (each.lab === true) === isLab)
        .map(([name, each]) => ({ name, apiRegion: each.apiRegion ?? name }));
      const named = releasePlanOf(selection.profile, regions, { apiRegion, isLab }).regions;
      const all = new Map(
        [{ name: regionName, apiRegion }, ...named, ...byDefault].map((each) => [each.apiRegion, each]),
      );
      using stack = new DisposableStack();
      const connect = connector(endpointUrl, keys);
      const found = await Promise.all(
        [...all.values()].map((each) => channelsIn({ ...each, clients: connect(each.apiRegion, stack) }, profileName)),
      );
      return {
        profile: profileName,
        channels: byChannel(found.flat()),
        open: await underWay(profileName, endpointUrl !== null),
      };
    }),
  );
  printResult(args.json, { profile, channels, underWay: open }, statusLines(profile, channels, open));
  return 0;
}
