import {
  DescribeKeyPairsCommand,
  type Filter,
  paginateDescribeImages,
  paginateDescribeInstances,
  paginateDescribeSecurityGroups,
  paginateDescribeSnapshots,
  paginateDescribeVolumes,
} from '@aws-sdk/client-ec2';
import {
  ClientException,
  DescribeClustersCommand,
  DescribeTaskDefinitionCommand,
  paginateListClusters,
  paginateListTaskDefinitionFamilies,
  type Tag,
} from '@aws-sdk/client-ecs';
import type { AwsClients } from '../../aws/clients.ts';
import { ec2TagsAsObject, SMOKE_PREFIX, TAG, type Tags } from '../tags.ts';
import type { Inventory } from './inventory.ts';

async function collect<Page, Item>(pages: AsyncIterable<Page>, items: (page: Page) => Item[]): Promise<Item[]> {
  const all: Item[] = [];
  for await (const page of pages) all.push(...items(page));
  return all;
}

const LIVE_STATES = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];
/** How many clusters DescribeClusters takes at once. */
const CLUSTERS_A_CALL = 100;

function ecsTagsAsObject(tags: readonly Tag[] = []): Tags {
  return Object.fromEntries(tags.flatMap(({ key, value }) => (key ? [[key, value ?? '']] : [])));
}

async function gatherClusters({ ecs }: AwsClients, runId: string | null): Promise<Inventory['clusters']> {
  const arns = await collect(paginateListClusters({ client: ecs }, {}), (page) => page.clusterArns ?? []);
  const clusters: Inventory['clusters'][number][] = [];
  for (let at = 0; at < arns.length; at += CLUSTERS_A_CALL) {
    const answer = await ecs.send(
      new DescribeClustersCommand({ clusters: arns.slice(at, at + CLUSTERS_A_CALL), include: ['TAGS'] }),
    );
    for (const { clusterArn, status, tags } of answer.clusters ?? []) {
      const named = ecsTagsAsObject(tags);
      const id = named[TAG.runId];
      if (clusterArn === undefined || status === 'INACTIVE' || id === undefined) continue;
      if (runId === null || id === runId) clusters.push({ id: clusterArn, tags: named });
    }
  }
  return clusters;
}

/** A run makes one family, of one revision, with its id in the name. */
async function gatherTaskDefinitions({ ecs }: AwsClients, runId: string | null): Promise<Inventory['taskDefinitions']> {
  const families = await collect(
    paginateListTaskDefinitionFamilies(
      { client: ecs },
      { familyPrefix: `${SMOKE_PREFIX}${runId ?? ''}`, status: 'ACTIVE' },
    ),
    (page) => page.families ?? [],
  );
  const found = families.map(async (taskDefinition) => {
    try {
      const answer = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition, include: ['TAGS'] }));
      const { taskDefinitionArn: id, status } = answer.taskDefinition ?? {};
      const tags = ecsTagsAsObject(answer.tags);
      return id !== undefined && status === 'ACTIVE' && tags[TAG.runId] !== undefined ? [{ id, tags }] : [];
    } catch (error) {
      // Deregistered since it was listed.
      if (error instanceof ClientException) return [];
      throw error;
    }
  });
  return (await Promise.all(found)).flat();
}

/**
 * Lists what carries a run id in the region of the clients.
 *
 * @param runId only this run's things, or null for every run's
 */
export async function gatherInventory(clients: AwsClients, runId: string | null): Promise<Inventory> {
  const { ec2: client } = clients;
  const tagged: Filter =
    runId === null ? { Name: 'tag-key', Values: [TAG.runId] } : { Name: `tag:${TAG.runId}`, Values: [runId] };
  const Filters = [tagged];
  const [instances, securityGroups, keyPairs, volumes, images, snapshots, clusters, taskDefinitions] =
    await Promise.all([
      collect(
        paginateDescribeInstances(
          { client },
          { Filters: [tagged, { Name: 'instance-state-name', Values: LIVE_STATES }] },
        ),
        (page) =>
          (page.Reservations ?? []).flatMap(({ Instances = [] }) =>
            Instances.flatMap(({ InstanceId: id, State, Tags }) =>
              id ? [{ id, state: String(State?.Name ?? ''), tags: ec2TagsAsObject(Tags) }] : [],
            ),
          ),
      ),
      collect(paginateDescribeSecurityGroups({ client }, { Filters }), (page) =>
        (page.SecurityGroups ?? []).flatMap(({ GroupId: id, GroupName: name = '', Tags }) =>
          id ? [{ id, name, tags: ec2TagsAsObject(Tags) }] : [],
        ),
      ),
      client
        .send(new DescribeKeyPairsCommand({ Filters }))
        .then(({ KeyPairs = [] }) =>
          KeyPairs.flatMap(({ KeyName: id, Tags }) => (id ? [{ id, tags: ec2TagsAsObject(Tags) }] : [])),
        ),
      collect(paginateDescribeVolumes({ client }, { Filters }), (page) =>
        (page.Volumes ?? []).flatMap(({ VolumeId: id, Tags }) => (id ? [{ id, tags: ec2TagsAsObject(Tags) }] : [])),
      ),
      collect(paginateDescribeImages({ client }, { Owners: ['self'], Filters }), (page) =>
        (page.Images ?? []).flatMap(({ ImageId: id, State: state = '', Tags, BlockDeviceMappings = [] }) =>
          id
            ? [
                {
                  id,
                  state: String(state),
                  tags: ec2TagsAsObject(Tags),
                  snapshotIds: BlockDeviceMappings.flatMap(({ Ebs }) => (Ebs?.SnapshotId ? [Ebs.SnapshotId] : [])),
                },
              ]
            : [],
        ),
      ),
      collect(paginateDescribeSnapshots({ client }, { OwnerIds: ['self'], Filters }), (page) =>
        (page.Snapshots ?? []).flatMap(({ SnapshotId: id, Tags }) => (id ? [{ id, tags: ec2TagsAsObject(Tags) }] : [])),
      ),
      gatherClusters(clients, runId),
      gatherTaskDefinitions(clients, runId),
    ]);
  return { instances, securityGroups, keyPairs, volumes, images, snapshots, clusters, taskDefinitions };
}
