import {
  DescribeImagesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { EcsHostError, outsideError, userError } from '../io/errors.ts';
import { explainError } from '../io/explain-error.ts';
import { allOrMistakes } from '../io/mistakes.ts';
import type { BuildPlan } from './build-plan.ts';
import type { Choice } from './placement.ts';
import { findPlacements, type PlacementsQuery } from './placements.ts';

/** What only the region's API knows. Golden cases keep it as facts.json, so that plans are made offline. */
export type Facts = {
  readonly baseImage: BuildPlan['baseImage'];
  readonly securityGroup: BuildPlan['network']['securityGroup'];
  readonly vpcId: string;
} & Choice;

export type FactsQuery = {
  readonly region: string;
  readonly ownerId: string;
  readonly imageName: string;
  readonly securityGroup: string;
  /** null for the group's own. */
  readonly vpcId: string | null;
} & Pick<PlacementsQuery, 'subnetIds' | 'instanceTypes' | 'transport'>;

async function findBaseImage(ec2: EC2Client, query: FactsQuery): Promise<Facts['baseImage']> {
  const { Images = [] } = await ec2.send(
    new DescribeImagesCommand({
      Owners: [query.ownerId],
      IncludeDeprecated: true,
      Filters: [
        { Name: 'name', Values: [query.imageName] },
        { Name: 'architecture', Values: ['x86_64'] },
        { Name: 'state', Values: ['available'] },
      ],
    }),
  );
  const newest = Images.toSorted((a, b) => (b.CreationDate ?? '').localeCompare(a.CreationDate ?? ''))[0];
  if (!newest?.ImageId) {
    throw userError(
      'IMAGE_NOT_FOUND',
      `No base image named ${query.imageName} of owner ${query.ownerId} was found in ${query.region}.`,
      'correct baseImage in the profile; the lab offers only its own base image (profile cpu-bookworm)',
    );
  }
  return {
    id: newest.ImageId,
    name: newest.Name ?? newest.ImageId,
    ownerId: newest.OwnerId ?? query.ownerId,
    architecture: 'x86_64',
    rootDeviceName: newest.RootDeviceName ?? '/dev/sda1',
  };
}

export function ambiguousGroup(count: number, name: string, region: string): EcsHostError {
  return userError(
    'SECURITY_GROUP_AMBIGUOUS',
    `${count} security groups are named ${name} in ${region}.`,
    'name the VPC that is meant with vpcId, or give the group a name of its own',
  );
}

async function findSecurityGroup(
  ec2: EC2Client,
  query: NetworkQuery,
): Promise<{ group: Facts['securityGroup']; vpcId: string }> {
  const { SecurityGroups = [] } = await ec2.send(
    new DescribeSecurityGroupsCommand({
      Filters: [
        { Name: 'group-name', Values: [query.securityGroup] },
        ...(query.vpcId === null ? [] : [{ Name: 'vpc-id', Values: [query.vpcId] }]),
      ],
    }),
  );
  const [found, another] = SecurityGroups;
  if (!found?.GroupId || !found.VpcId) {
    throw userError(
      'SECURITY_GROUP_NOT_FOUND',
      `There is no security group named ${query.securityGroup} in ${query.vpcId ?? query.region}.`,
      '`ecs-host bootstrap` makes it; or name another one in hosts.yaml',
    );
  }
  if (another) {
    throw ambiguousGroup(SecurityGroups.length, query.securityGroup, query.region);
  }
  return { group: { id: found.GroupId, name: query.securityGroup }, vpcId: found.VpcId };
}

/** An API that fails is not the user's mistake; what it does not have is. */
async function asked<T>(region: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const known = explainError(error);
    if (known instanceof EcsHostError) throw known;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw outsideError(
      'API_FAILED',
      `The EC2 API of ${region} did not answer as it should: ${reason}`,
      'check credentials, permissions and the endpoint',
      undefined,
      error,
    );
  }
}

export type NetworkFacts = Omit<Facts, 'baseImage'>;
type NetworkQuery = Omit<FactsQuery, 'ownerId' | 'imageName'>;

/** The group, and where instances are launched in its VPC. */
async function findNetwork(ec2: EC2Client, query: NetworkQuery): Promise<NetworkFacts> {
  const { group, vpcId } = await findSecurityGroup(ec2, query);
  return { securityGroup: group, vpcId, ...(await findPlacements(ec2, { ...query, vpcId })) };
}

/** Asks the region where hosts run in it. @throws as `gatherFacts` */
export function gatherNetwork(ec2: EC2Client, query: NetworkQuery): Promise<NetworkFacts> {
  return asked(query.region, () => findNetwork(ec2, query));
}

/**
 * Asks the region for what the plan needs.
 *
 * @throws EcsHostError (user) when something named in hosts.yaml is not there, with all that is not; (outside)
 *   `API_FAILED` when the API does not answer
 */
export async function gatherFacts(ec2: EC2Client, query: FactsQuery): Promise<Facts> {
  const [baseImage, network] = await allOrMistakes<[Facts['baseImage'], NetworkFacts]>(
    [asked(query.region, () => findBaseImage(ec2, query)), gatherNetwork(ec2, query)],
    `\`ecs-host doctor --region ${query.region}\` looks at everything`,
  );
  return { baseImage, ...network };
}

/**
 * Whether what a stored plan names is still in its region.
 *
 * @throws EcsHostError (user) `PLAN_STALE` with all that is gone; (outside) `API_FAILED`
 */
export function confirmFacts(ec2: EC2Client, { region, baseImage, network, placements }: BuildPlan): Promise<void> {
  const { securityGroup } = network;
  const subnetIds = [...new Set(placements.map(({ subnetId }) => subnetId))];
  const by = (name: string, ...values: string[]) => [{ Name: name, Values: values }];
  return asked(region, async () => {
    // Filters, because ids that are not there would be an error of the call.
    const [images, groups, subnets] = await Promise.all([
      ec2.send(new DescribeImagesCommand({ Filters: by('image-id', baseImage.id), IncludeDeprecated: true })),
      ec2.send(new DescribeSecurityGroupsCommand({ Filters: by('group-id', securityGroup.id) })),
      ec2.send(new DescribeSubnetsCommand({ Filters: by('subnet-id', ...subnetIds) })),
    ]);
    const there = subnets.Subnets?.map(({ SubnetId }) => SubnetId) ?? [];
    const gone = [
      ...(images.Images?.length ? [] : [`base image ${baseImage.id}`]),
      ...(groups.SecurityGroups?.length ? [] : [`security group ${securityGroup.id}`]),
      ...subnetIds.filter((id) => !there.includes(id)).map((id) => `subnet ${id}`),
    ];
    if (gone.length === 0) return;
    throw userError(
      'PLAN_STALE',
      `What the plan names is not in ${region}: ${gone.join(', ')}.`,
      'make it again with `ecs-host plan`',
    );
  });
}
