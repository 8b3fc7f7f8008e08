import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check } from '#contracts/check.ts';
import { reasonOf } from '#contracts/reason.ts';
import type { AwsClients } from '../aws/clients.ts';
import { createKeyPair, type KeyPair } from '../aws/key-pairs.ts';
import { serveKeys } from '../aws/key-server.ts';
import type { KeyProvider } from '../aws/keys.ts';
import { UNKNOWN_MS } from '../aws/removal.ts';
import { pathWithSessionManagerPlugin } from '../host-access/needs.ts';
import { shellCommand } from '../host-access/shell-command.ts';
import { expectedTags, layerTags } from '../image/expected-tags.ts';
import { findImage } from '../image/find-image.ts';
import { tagImage } from '../image/tag-image.ts';
import { awaitVerdict, isApiGone } from '../io/api-gone.ts';
import { type EcsHostError, outsideError } from '../io/errors.ts';
import { keyFolder, runFolder } from '../io/paths.ts';
import type { RunContext } from '../io/reporter.ts';
import { commandLine, shellQuote } from '../io/shell-quote.ts';
import { poll } from '../io/wait-until.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { inPlacements, type PlacementLog, Shortfall } from '../plan/fallback.ts';
import type { Build } from '../plan/layers.ts';
import type { Placement } from '../plan/placement.ts';
import { type Access, keepRun } from '../run/keep.ts';
import { addChild, claimRun, markFinished, ownerName } from '../run/owner.ts';
import type { StepTime } from '../run/span.ts';
import { sweepRun } from '../run/sweep/sweep.ts';
import { ec2Tags, runTags, versionTags } from '../run/tags.ts';
import { type BuildOutcome, BuildTracker } from './build-tracker.ts';
import { bakeFailure, launchShortage } from './failure.ts';
import { createMachineReadableParser } from './machine-readable.ts';
import { runPacker } from './packer-process.ts';
import { type SshRelay, serveSsh } from './ssh-relay.ts';
import { findTemplate, readTemplate, variableArguments } from './template-variables.ts';
import { findPacker, type PackerTool } from './toolchain.ts';

export type BakeInput = {
  readonly plan: BuildPlan;
  /** What of the plan is built; the whole of it when it is not said. */
  readonly build?: Build;
  /** What `render` wrote for it: template and bundle. */
  readonly renderDir: string;
  readonly ctx: RunContext;
  /** The commit of this project that bakes, for the image's tags. */
  readonly commit: string;
  readonly clients: AwsClients;
  /** What Packer signs its calls with. */
  readonly keys: KeyProvider;
  /** Where the API is now; null means AWS itself. */
  readonly endpointUrl: string | null;
  /** Called when a failure leaves something to look at, so that what it is in stays up; null removes it as ever. */
  readonly keep: (() => Promise<void>) | null;
};

export type BakeResult = {
  readonly imageId: string;
  /** As registered: the plan's name with the run id behind it. */
  readonly imageName: string;
  readonly snapshotIds: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly checks: readonly Check[];
  readonly steps: readonly StepTime[];
  /** What packages' lists came to (contracts/package-lists.ts). */
  readonly packages: Readonly<Record<string, string>>;
  readonly placement: PlacementLog;
};

/** One placement is tried at a time, each with a Packer of its own. */
type Attempt = BakeInput & {
  readonly placement: Placement;
  /** Behind the names of its files; nothing for the first. */
  readonly suffix: string;
};

/** Packer's own removal takes as long as terminating an instance and deleting a group. */
const GRACE_MS = { interrupt: 180_000, terminate: 20_000 };

type Packer = {
  readonly tool: PackerTool;
  readonly template: string;
  readonly variables: readonly string[];
  /** Of a key and a relay that do not outlive this run, so not for a repetition by hand. */
  readonly ownVariables: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly runDir: string;
};

async function preparePacker(
  input: Attempt,
  key: KeyPair | null,
  {
    credentials,
    temp,
    relay,
  }: {
    readonly credentials: Readonly<Record<string, string | undefined>>;
    readonly temp: string;
    readonly relay: SshRelay;
  },
): Promise<Packer> {
  const { plan, ctx, placement, build } = input;
  const runDir = runFolder(ctx.runId);
  const configDir = join(runDir, 'packer-config');
  await mkdir(configDir, { recursive: true });
  const tool = await findPacker();
  const template = await findTemplate(input.renderDir);
  const values = {
    run_id: ctx.runId,
    owner: ownerName(),
    commit: input.commit,
    image_name: build?.imageName ?? plan.imageName,
    ...(build === undefined ? {} : { source_image: build.sourceImageId }),
    instance_type: placement.instanceType,
    subnet: placement.subnetId,
    public_address: String(placement.public),
    ...(input.endpointUrl === null ? {} : { endpoint: input.endpointUrl }),
  };
  const declared = await readTemplate(template);
  const ofKey: Readonly<Record<string, string>> = key === null ? {} : { key_pair: key.keyName, key_file: key.keyFile };
  const ofRelay = { ssh_proxy_host: relay.host, ssh_proxy_port: String(relay.port) };
  return {
    tool,
    template,
    runDir,
    variables: variableArguments(declared, values),
    ownVariables: variableArguments(declared, { ...ofKey, ...ofRelay }),
    env: {
      ...process.env,
      ...credentials,
      PATH: pathWithSessionManagerPlugin(),
      PACKER_PLUGIN_PATH: tool.pluginPath,
      PACKER_CONFIG_DIR: configDir,
      TMPDIR: temp,
      CHECKPOINT_DISABLE: '1',
      PACKER_LOG: '1',
      PACKER_LOG_PATH: join(runDir, `packer${input.suffix}.log`),
      PACKER_NO_COLOR: '1',
      // Region and endpoint are in the template; a variable of the user's shell must not win over it.
      AWS_REGION: plan.apiRegion,
      AWS_DEFAULT_REGION: plan.apiRegion,
      // One that is AWS's own is not in the template, and goes for Packer as for everything else.
      ...(input.endpointUrl === null ? {} : { AWS_ENDPOINT_URL: undefined }),
    },
  };
}

/** The lab takes any. */
const LAB_KEYS = { AWS_ACCESS_KEY_ID: 'lab', AWS_SECRET_ACCESS_KEY: 'lab' };

/**
 * The same build by hand; it asks before it removes the machine. Real credentials are not in it: they come from where
 * they came from.
 */
function packerCommand({ plan, renderDir }: BakeInput, { tool, variables, template, env }: Packer): string {
  const { PACKER_PLUGIN_PATH, CHECKPOINT_DISABLE, AWS_REGION } = env;
  const hasNoSecrets = plan.endpointUrl !== null;
  // An endpoint that nobody gave is that of the lab, which ends with the run.
  const needsLab = hasNoSecrets && (process.env['AWS_ENDPOINT_URL'] ?? '') === '';
  const names = { PACKER_PLUGIN_PATH, CHECKPOINT_DISABLE, AWS_REGION, ...(hasNoSecrets ? LAB_KEYS : {}) };
  const words = [tool.packer, 'build', '-on-error=ask', ...variables, template];
  return `${needsLab ? 'ecs-host lab up && ' : ''}cd ${shellQuote(renderDir)} && ${commandLine(names, words)}`;
}

/** Where the region only has no room there, another placement may. */
function failureOf(outcome: BuildOutcome, failure: EcsHostError): Error {
  const shortage = launchShortage(outcome);
  return shortage === null ? failure : new Shortfall(shortage, failure);
}

async function build(input: BakeInput, packer: Packer, logFile: string): Promise<BuildOutcome> {
  return input.ctx.span('packer build', async (span) => {
    const parser = createMachineReadableParser();
    const tracker = new BuildTracker(span, () => performance.now());
    // After an abort nothing is cleaned up, also after Ctrl-C: then the sweep of this run does it.
    const onError = input.keep === null ? 'cleanup' : 'abort';
    const variables = [...packer.variables, ...packer.ownVariables];
    const exit = await runPacker({
      file: packer.tool.packer,
      args: ['-machine-readable', 'build', `-on-error=${onError}`, ...variables, packer.template],
      cwd: input.renderDir,
      env: packer.env,
      outputFile: logFile,
      signal: input.ctx.signal,
      graceMs: GRACE_MS,
      isHopeless: () => isApiGone(input.ctx.signal),
      onStart: (pid) => addChild(input.ctx.runId, pid),
      onOutput: (chunk) => {
        for (const line of parser.push(chunk)) tracker.take(line);
      },
    });
    for (const line of parser.end()) tracker.take(line);
    const isGood = exit.exitCode === 0 && !exit.interrupted;
    const outcome = tracker.finish(isGood ? 'ok' : 'failed');
    if (exit.interrupted) throw input.ctx.signal.reason;
    if (!isGood || outcome.failedChecks.length > 0 || outcome.imageId === null)
      throw failureOf(outcome, bakeFailure(outcome, exit, logFile).repeatedBy(packerCommand(input, packer)));
    return outcome;
  });
}

/** Removes what packer left; never hides the reason why it is called. */
async function removeLeftovers({ clients, ctx }: BakeInput): Promise<void> {
  try {
    await sweepRun(clients, ctx.runId, { reporter: ctx.reporter });
  } catch (error) {
    ctx.reporter.emit({
      type: 'warning',
      code: 'SWEEP_IMPOSSIBLE',
      text: `What run ${ctx.runId} left could not be removed now: ${reasonOf(error)}`,
      hint: 'run `ecs-host sweep` later',
    });
  }
}

type Finished = { readonly imageName: string; readonly snapshotIds: readonly string[] };

/** The API may go on showing an image as it was for a while after Packer saw that it is done. */
const SHOWN = { timeoutMs: UNKNOWN_MS, intervalMs: 500, growth: 1.5, maxIntervalMs: 5000 };

/** @returns null while the image is not shown as available with its snapshots */
async function findFinished(clients: AwsClients, imageId: string): Promise<Finished | null> {
  const image = await findImage(clients, imageId);
  const snapshotIds = (image?.BlockDeviceMappings ?? []).flatMap(({ Ebs }) =>
    Ebs?.SnapshotId === undefined ? [] : [Ebs.SnapshotId],
  );
  const isFinished = image?.State === 'available' && snapshotIds.length > 0;
  return isFinished ? { imageName: image.Name ?? '', snapshotIds } : null;
}

/** Puts the tags on that make it a finished image. */
async function finishImage(
  input: BakeInput,
  imageId: string,
  versions: Readonly<Record<string, string>>,
): Promise<Finished> {
  const { plan, ctx, clients, commit, build } = input;
  const run = { runId: ctx.runId, owner: ownerName(), commit };
  const layerDigest = build?.layerDigest ?? null;
  const tags =
    build === undefined || layerDigest === null
      ? { ...versionTags(versions), ...expectedTags({ plan, ...run }) }
      : layerTags({ build, layerDigest, ...run });
  const finished = await poll(() => findFinished(clients, imageId), { ...SHOWN, signal: ctx.signal });
  if (finished === null) {
    throw outsideError(
      'IMAGE_INCOMPLETE',
      `Image ${imageId} is not available, or has no snapshot, after packer said that it was done.`,
    );
  }
  const ids = [imageId, ...finished.snapshotIds];
  await tagImage(clients, ids, tags);
  await markFinished(ctx.runId, ids);
  return finished;
}

/** A key that outlives Packer, where an instance may be looked at after it. */
async function makeKey({ clients, ctx, keep }: BakeInput): Promise<KeyPair | null> {
  if (keep === null) return null;
  const tags = runTags({ runId: ctx.runId, owner: ownerName(), kind: 'build' });
  const name = `ecs-host-build-${ctx.runId}`;
  return createKeyPair(clients, name, keyFolder(ctx.runId), ec2Tags(tags));
}

function accessOf({ plan, endpointUrl }: BakeInput, { keyFile }: KeyPair): Access {
  const { region, apiRegion } = plan;
  const { transport, sshUser: user } = plan.network;
  return {
    region,
    shellOn: (instance) => shellCommand({ ...instance, user, keyFile, transport, apiRegion, endpointUrl }),
  };
}

/**
 * Leaves what failed where that was asked for and there is something to look at; else, and after a success, nothing but
 * the image.
 */
async function end(input: BakeInput, key: KeyPair | null, hasFailed: boolean): Promise<void> {
  const { ctx, clients, keep } = input;
  if (isApiGone(ctx.signal)) return;
  if (hasFailed && key !== null && (await keepRun(ctx, clients, accessOf(input, key), keep))) return;
  await ctx.span('look for leftovers', async () => {
    // A key pair that cannot be released now is a leftover as any other.
    await key?.release().catch(() => undefined);
    await removeLeftovers(input);
  });
}

/** Also over several regions no attempt reads, or writes over, what another has said. */
async function nextSuffix(runId: string): Promise<string> {
  const names = await readdir(runFolder(runId)).catch(() => []);
  const before = names.filter((name) => name.startsWith('packer-output')).length;
  return before === 0 ? '' : `-${before + 1}`;
}

/** Nothing is left of an attempt that found no room. */
async function bakeIn(input: Attempt): Promise<Omit<BakeResult, 'placement'>> {
  const { ctx } = input;
  // Packer kills session-manager-plugin, whose socket then stays. Short, because a socket's path has to be.
  const temp = await mkdtemp(join(tmpdir(), 'packer-'));
  let key: KeyPair | null = null;
  let hasFailed = true;
  try {
    key = await makeKey(input);
    await using served = await serveKeys(input.keys);
    await using relay = await serveSsh();
    const packer = await preparePacker(input, key, { credentials: served.environment, temp, relay });
    const outcome = await build(input, packer, join(packer.runDir, `packer-output${input.suffix}.txt`));
    const imageId = outcome.imageId ?? '';
    const finished = await ctx.span('finish the tags', () => finishImage(input, imageId, outcome.versions));
    hasFailed = false;
    const { versions, checks, steps, packages } = outcome;
    return { imageId, ...finished, versions, checks, steps, packages };
  } catch (error) {
    hasFailed = !(error instanceof Shortfall);
    await awaitVerdict(error, ctx.signal);
    throw error;
  } finally {
    await rm(temp, { recursive: true, force: true });
    await end(input, key, hasFailed);
  }
}

/**
 * Bakes the plan in the first of its placements that has room: packer build (which validates the template before it
 * creates anything), tags. Nothing but the finished image is left: packer cleans up after itself, and what it could not
 * is swept by run id before this returns. Only a failure that is to be kept stays.
 *
 * @throws EcsHostError `PROVISIONER_FAILED`, `BAKE_VERIFY_FAILED`, `PACKER_FAILED`, `PACKER_KILLED`, `NO_CAPACITY`
 *   (outside), `INTERRUPTED`
 */
export async function bake(input: BakeInput): Promise<BakeResult> {
  const { plan, ctx } = input;
  await claimRun(ctx.runId);
  const baked = await inPlacements({ plan, reporter: ctx.reporter }, async (where) =>
    bakeIn({ ...input, placement: where, suffix: await nextSuffix(ctx.runId) }),
  );
  return { ...baked.result, placement: baked.placement };
}
