import { EcsHostError } from '../io/errors.ts';
import { detailsOf } from '../io/mistakes.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { asItem, missing, ok, type PreflightItem, type Result, whyUnchecked } from './look.ts';

/** What planning finds in the region. */
export type Found = {
  readonly baseImage: Pick<BuildPlan['baseImage'], 'id' | 'name'>;
  readonly securityGroup: BuildPlan['network']['securityGroup'];
  /** In the order in which they are tried. */
  readonly placements: BuildPlan['placements'];
};

type Name = 'base image' | 'security group' | 'subnet';

const NEEDED: Readonly<Record<Name | 'plan', string>> = {
  'base image': "the profile's, in the region",
  'security group': "the region's, of hosts",
  subnet: 'that offers the type, with a way out',
  plan: 'that it can be made, or followed',
};

const NAMES: Readonly<Record<string, Name>> = {
  IMAGE_NOT_FOUND: 'base image',
  SECURITY_GROUP_NOT_FOUND: 'security group',
  SECURITY_GROUP_AMBIGUOUS: 'security group',
  PLACEMENT_NONE: 'subnet',
  SUBNET_NOT_FOUND: 'subnet',
};

/** The first, and how many more there are. */
function subnetText(placements: Found['placements']): string {
  const [first] = placements;
  const more = new Set(placements.map(({ subnetId }) => subnetId)).size - 1;
  const inside = first?.public === false ? ' (private: the client of the stream has to be inside as well)' : '';
  return `${first?.subnetId} in ${first?.zone}${inside}${more > 0 ? `, and ${more} more` : ''}`;
}

function itemFor(name: Name | 'plan', result: Result): PreflightItem {
  return asItem(name, NEEDED[name], result);
}

/**
 * What planning found, or all that it did not.
 *
 * @throws what is nobody's mistake
 */
export async function plannedItems(found: Promise<Found>): Promise<readonly PreflightItem[]> {
  try {
    const { baseImage, securityGroup, placements } = await found;
    return [
      itemFor('base image', ok(`${baseImage.name} (${baseImage.id})`)),
      itemFor('security group', ok(`${securityGroup.name} (${securityGroup.id})`)),
      itemFor('subnet', ok(subnetText(placements))),
    ];
  } catch (error) {
    if (!(error instanceof EcsHostError) || error.kind !== 'user' || error.code === 'API_UNREACHABLE') throw error;
    return detailsOf(error).map(({ code = error.code, reason, hint = '' }) => ({
      ...itemFor(NAMES[code] ?? 'plan', missing(reason.replace(/\.$/, ''), hint)),
      code,
    }));
  }
}

/** What planning has not found in its time. */
export function lateItem(late: unknown): PreflightItem {
  return itemFor('plan', whyUnchecked(late));
}
