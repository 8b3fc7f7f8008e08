import type { EBSClient } from '@aws-sdk/client-ebs';
import { readRecord } from '../image/image-store.ts';
import { tagVerdict } from '../image/tag-image.ts';
import { allEnded } from '../io/all-ended.ts';
import type { RunContext } from '../io/reporter.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { gatherNetwork, type NetworkFacts } from '../plan/facts.ts';
import { newRunId } from '../run/run-id.ts';
import { TAG } from '../run/tags.ts';
import { smoke } from '../smoke/smoke.ts';
import { keepVerdict, type SmokeResult, verdictError } from '../smoke/verdict.ts';
import { keepCopyRecord } from './copy-record.ts';
import type { SeenImage } from './next-step.ts';
import type { Region } from './region.ts';
import { snapshotDigest } from './snapshot-content.ts';

/** What hosts of another region run in, asked there by the names that the plan has. @throws as `gatherNetwork` */
export function networkOf(plan: BuildPlan, { place, clients }: Region): Promise<NetworkFacts> {
  const there = plan.release.regions[place - 1];
  if (there === undefined) throw new Error(`the plan has no region at place ${place}`);
  return gatherNetwork(clients.aws.ec2, {
    region: there.name,
    securityGroup: there.securityGroup,
    vpcId: there.vpcId,
    subnetIds: there.subnetIds,
    instanceTypes: plan.instanceTypes,
    transport: plan.network.transport,
  });
}

/** The plan of an image as its copy is smoked by in another region. Pure. */
export function planIn(plan: BuildPlan, { place, name, apiRegion, kmsKey }: Region, network: NetworkFacts): BuildPlan {
  const { securityGroup, vpcId, placements, considered } = network;
  return {
    ...plan,
    region: name,
    apiRegion,
    kmsKey,
    network: { ...plan.network, securityGroup, vpcId },
    placements,
    considered,
    instanceProfile: plan.release.regions[place - 1]?.instanceProfile ?? plan.instanceProfile,
  };
}

/** What smoke tests an image in one region. Given by the caller, so that tests need no machines. */
export type Smoke = (input: {
  readonly plan: BuildPlan;
  readonly imageId: string;
  readonly region: Region;
}) => Promise<SmokeResult>;

/** A smoke test is a run of its own: several go on at once, each with its key and its evidence. */
export function smokeOf(ctx: RunContext, keep: (() => Promise<void>) | null): Smoke {
  return ({ plan, imageId, region }) =>
    smoke({ plan, imageId, ctx: { ...ctx, runId: newRunId() }, clients: region.clients.aws, keep });
}

type Proof = {
  readonly plan: BuildPlan;
  readonly region: Region;
  readonly image: SeenImage;
  /** The image that was baked. */
  readonly source: { readonly imageId: string; readonly apiRegion: string };
  readonly endpointUrl: string | null;
};

/**
 * Proves an image by the whole smoke test in its region, and keeps the verdict.
 *
 * @throws EcsHostError `SMOKE_FAILED` (verdict); whatever keeps a smoke test from being one
 */
export async function proveBySmoke({ plan, region, image, source, endpointUrl }: Proof, smokes: Smoke): Promise<void> {
  const { imageId } = image;
  const result = await smokes({ plan, imageId, region });
  const { isComplete: _, ...kept } = result;
  if (!region.isSource) await keepCopyRecord(region, image, { source, endpointUrl, smoke: kept });
  await keepVerdict(region.clients.aws, imageId, result);
  if (result.verdict !== 'passed') throw verdictError(imageId, result);
}

/** Whether a copy holds, snapshot by snapshot, what the image that was baked holds. */
export async function hasContentOf(
  copy: { readonly ebs: EBSClient; readonly snapshotIds: readonly string[] },
  digestsOfSource: Promise<readonly string[]>,
  how: Parameters<typeof snapshotDigest>[2],
): Promise<boolean> {
  const [wanted, found] = await allEnded([digestsOfSource, snapshotDigests(copy.ebs, copy.snapshotIds, how)]);
  return found.length === wanted.length && found.every((digest, at) => digest === wanted[at]);
}

/** In the order of the volumes. */
export async function snapshotDigests(
  ebs: EBSClient,
  snapshotIds: readonly string[],
  how: Parameters<typeof snapshotDigest>[2],
): Promise<string[]> {
  const digests: string[] = [];
  for (const snapshotId of snapshotIds) digests.push(await snapshotDigest(ebs, snapshotId, how));
  return digests;
}

/** Gives a copy of the same content the verdict of the image that it is a copy of: nothing on it is another. */
export async function takeVerdictOver(
  { region, image, source, endpointUrl }: Omit<Proof, 'plan'>,
  sourceImage: SeenImage,
): Promise<void> {
  const record = await readRecord(source.imageId);
  await keepCopyRecord(region, image, { source, endpointUrl, smoke: record?.smoke ?? null });
  await tagVerdict(region.clients.aws, image.imageId, 'passed', sourceImage.tags[TAG.smokeRunId] ?? '');
}
