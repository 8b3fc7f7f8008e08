import {
  type AutoScalingGroup,
  type LaunchTemplateSpecification,
  paginateDescribeAutoScalingGroups,
  paginateDescribeLaunchConfigurations,
} from '@aws-sdk/client-auto-scaling';
import {
  type DescribeLaunchTemplateVersionsCommandInput,
  type EC2Client,
  type LaunchTemplateVersion,
  paginateDescribeInstances,
  paginateDescribeLaunchTemplateVersions,
} from '@aws-sdk/client-ec2';
import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { ReleaseClients } from '../aws/release-clients.ts';
import { sideBySide } from '../io/side-by-side.ts';
import { DEV_TAG, ec2TagsAsObject } from '../run/tags.ts';
import { readPointers } from './pointer.ts';
import {
  RESOLVE,
  type ScalingGroup,
  type TemplateChoice,
  type TemplateVersion,
  type UsageFacts,
  type UsingInstance,
} from './usage.ts';

/** EC2's most, auto scaling's, and what SSM takes in one call. */
const EC2_PAGE = 1000;
const TEMPLATES_PAGE = 200;
const GROUPS_PAGE = 100;
const NAMES_A_CALL = 10;

/** EC2 lets a caller describe a few templates a second for long. */
const TEMPLATES_AT_ONCE = 4;

function templateVersionOf(each: LaunchTemplateVersion): TemplateVersion {
  return {
    templateId: each.LaunchTemplateId ?? '',
    templateName: each.LaunchTemplateName ?? '',
    version: each.VersionNumber ?? 0,
    isDefault: each.DefaultVersion === true,
    image: each.LaunchTemplateData?.ImageId ?? null,
  };
}

async function templateVersions(
  ec2: EC2Client,
  input: DescribeLaunchTemplateVersionsCommandInput,
): Promise<TemplateVersion[]> {
  const found: LaunchTemplateVersion[] = [];
  for await (const page of paginateDescribeLaunchTemplateVersions({ client: ec2, pageSize: TEMPLATES_PAGE }, input))
    found.push(...(page.LaunchTemplateVersions ?? []));
  return found.map(templateVersionOf);
}

/**
 * Every version of every template: anything may launch from an old one, too. One call tells the default and the newest
 * version of all templates, and only a template that has others is asked for them.
 */
async function allVersions(ec2: EC2Client): Promise<TemplateVersion[]> {
  const ends = await templateVersions(ec2, { Versions: ['$Default', '$Latest'] });
  const byTemplate = Map.groupBy(ends, ({ templateId }) => templateId);
  const complete: TemplateVersion[] = [];
  const others: string[] = [];
  for (const [templateId, some] of byTemplate) {
    const known = [...new Map(some.map((each) => [each.version, each])).values()];
    if (Math.max(...known.map(({ version }) => version)) > known.length) others.push(templateId);
    else complete.push(...known);
  }
  const rest = await sideBySide(others, TEMPLATES_AT_ONCE, (LaunchTemplateId) =>
    templateVersions(ec2, { LaunchTemplateId }),
  );
  return [...complete, ...rest.flat()];
}

/** AWS's own parameters name no image of ours, and there are many. */
function mayNameOurs(text: string): boolean {
  return text.startsWith(RESOLVE) && !text.startsWith(`${RESOLVE}/aws/`);
}

/** What templates mean by `resolve:ssm:…`; a name that SSM does not know means nothing. */
async function resolvedOf(ssm: SSMClient, texts: readonly string[]): Promise<Map<string, string>> {
  const names = [...new Set(texts.filter(mayNameOurs))].map((text) => text.slice(RESOLVE.length));
  const batches = Array.from({ length: Math.ceil(names.length / NAMES_A_CALL) }, (_, at) =>
    names.slice(at * NAMES_A_CALL, (at + 1) * NAMES_A_CALL),
  );
  const answers = await Promise.all(batches.map((Names) => ssm.send(new GetParametersCommand({ Names }))));
  return new Map(
    answers
      .flatMap(({ Parameters = [] }) => Parameters)
      .flatMap(({ Name = '', ARN = '', Selector = '', Value = '' }) => [
        [`${RESOLVE}${Name}${Selector}`, Value],
        [`${RESOLVE}${ARN}${Selector}`, Value],
      ]),
  );
}

function choiceOf(specification: LaunchTemplateSpecification | undefined): TemplateChoice[] {
  if (specification === undefined) return [];
  const { LaunchTemplateId = null, LaunchTemplateName = null, Version = '$Default' } = specification;
  return [{ templateId: LaunchTemplateId, templateName: LaunchTemplateName, version: Version }];
}

/** Pure. */
export function scalingGroupOf(group: AutoScalingGroup): ScalingGroup {
  const policy = group.MixedInstancesPolicy?.LaunchTemplate;
  const overrides = policy?.Overrides ?? [];
  return {
    name: group.AutoScalingGroupName ?? '',
    configuration: group.LaunchConfigurationName ?? null,
    templates: [
      ...choiceOf(group.LaunchTemplate),
      ...choiceOf(policy?.LaunchTemplateSpecification),
      ...overrides.flatMap(({ LaunchTemplateSpecification }) => choiceOf(LaunchTemplateSpecification)),
    ],
    images: overrides.flatMap(({ ImageId }) => ImageId ?? []),
  };
}

async function instancesOf(ec2: EC2Client): Promise<UsingInstance[]> {
  const found: UsingInstance[] = [];
  const states = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];
  const pages = paginateDescribeInstances(
    { client: ec2, pageSize: EC2_PAGE },
    { Filters: [{ Name: 'instance-state-name', Values: states }] },
  );
  for await (const { Reservations = [] } of pages)
    for (const instance of Reservations.flatMap(({ Instances = [] }) => Instances)) {
      const tags = ec2TagsAsObject(instance.Tags);
      found.push({
        instanceId: instance.InstanceId ?? '',
        imageId: instance.ImageId ?? '',
        state: String(instance.State?.Name ?? ''),
        devHost: tags[DEV_TAG.name] ?? null,
        devSource: tags[DEV_TAG.source] ?? null,
      });
    }
  return found;
}

async function groupsOf({ autoScaling }: ReleaseClients): Promise<Pick<UsageFacts, 'groups' | 'configurations'>> {
  const groups: ScalingGroup[] = [];
  const configurations: { name: string; imageId: string }[] = [];
  const paging = { client: autoScaling, pageSize: GROUPS_PAGE };
  for await (const { AutoScalingGroups = [] } of paginateDescribeAutoScalingGroups(paging, {}))
    groups.push(...AutoScalingGroups.map(scalingGroupOf));
  for await (const { LaunchConfigurations = [] } of paginateDescribeLaunchConfigurations(paging, {}))
    for (const { LaunchConfigurationName: name = '', ImageId: imageId = '' } of LaunchConfigurations)
      configurations.push({ name, imageId });
  return { groups, configurations };
}

/** Everything in a region that may use an image: a handful of calls, however many images there are. */
export async function readUsage(clients: ReleaseClients): Promise<UsageFacts> {
  const [pointers, versions, instances, { groups, configurations }] = await Promise.all([
    readPointers(clients.ssm),
    allVersions(clients.ec2),
    instancesOf(clients.ec2),
    groupsOf(clients),
  ]);
  const texts = [...versions.flatMap(({ image }) => image ?? []), ...groups.flatMap(({ images }) => images)];
  const resolved = await resolvedOf(clients.ssm, texts);
  return { pointers, versions, resolved, configurations, groups, instances };
}
