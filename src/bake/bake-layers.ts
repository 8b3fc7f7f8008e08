import { paginateDescribeImages } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import type { LayersOfImage } from '../image/image-record.ts';
import { fastBuild, slowBuild } from '../plan/layers.ts';
import { layerFolder } from '../render/render.ts';
import { TAG } from '../run/tags.ts';
import { type BakeInput, type BakeResult, bake } from './bake.ts';

/** The newest image of the account in the region that is this slow layer, or null. */
export async function findLayer({ ec2: client }: AwsClients, digest: string): Promise<string | null> {
  const Filters = [
    { Name: `tag:${TAG.layer}`, Values: [digest] },
    { Name: 'state', Values: ['available'] },
  ];
  const found: { readonly id: string; readonly madeAt: string }[] = [];
  for await (const { Images = [] } of paginateDescribeImages({ client }, { Owners: ['self'], Filters }))
    for (const { ImageId, CreationDate = '' } of Images) if (ImageId) found.push({ id: ImageId, madeAt: CreationDate });
  return found.toSorted((a, b) => b.madeAt.localeCompare(a.madeAt))[0]?.id ?? null;
}

/**
 * Bakes the plan in its two layers: the slow one as an image of its own, unless the account has one of that digest, and
 * upon it the fast one, which is the image of the plan. A slow layer that was baked stays, also where the other fails.
 *
 * @throws EcsHostError as `bake` does
 */
export async function bakeInLayers(
  input: Omit<BakeInput, 'build'>,
): Promise<BakeResult & { readonly layers: LayersOfImage }> {
  const { plan, renderDir, ctx, clients } = input;
  const { slow, fast } = plan.layers;
  const found: string | null = await ctx.span('look for the slow layer', () => findLayer(clients, slow.digest));
  const bakeSlow = (): Promise<BakeResult> =>
    bake({ ...input, build: slowBuild(plan), renderDir: layerFolder(renderDir, 'slow') });
  const imageId = found ?? (await ctx.span('bake the slow layer', bakeSlow)).imageId;
  const baked = await ctx.span('bake the fast layer', () =>
    bake({ ...input, build: fastBuild(plan, imageId), renderDir: layerFolder(renderDir, 'fast') }),
  );
  return { ...baked, layers: { slow: { digest: slow.digest, imageId }, fast: { digest: fast.digest } } };
}
