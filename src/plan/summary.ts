import { basename } from 'node:path';
import { wrapText } from '../io/text.ts';
import { LATER_TAGS } from '../run/tags.ts';
import type { BuildPlan, Layer } from './build-plan.ts';
import { type Estimate, estimateRows } from './estimate.ts';

function row(label: string, text: string): string {
  return `  ${label.padEnd(18)}${text}`;
}

/** Lines of the summary in a terminal of so many columns: broken at blanks, and going on below what they say. */
export function wrapSummary(lines: readonly string[], width: number): string[] {
  const below = width < 50 ? '    ' : ' '.repeat(20);
  return lines.flatMap((line) => wrapText(line, width, /^ {2}\S.{17}/.test(line) ? below : '    '));
}

/** Where the developer's workload comes from, and what opens it. Of a folder its name: plans are compared. */
function workloadText({ repository, folder }: BuildPlan['developerWorkload']): string {
  if (repository === null) return `folder ${basename(folder ?? '')} of this machine, carried`;
  const { url, ref, credential } = repository;
  return `${url} at ${ref}${credential === null ? '' : ` (${credential.kind} ${credential.name})`}`;
}

/** With the state of the lists that they come from, which is part of the digest. */
function updatesText({ target, packageLists }: BuildPlan): string {
  if (!target.securityUpdates) return 'not installed';
  const lists = Object.entries(packageLists).map(([suite, state]) => `${suite} as of ${state.slice(0, 12)}`);
  return `installed first, but none of the kernel (${lists.join(', ')})`;
}

/** As gpg shows keys; nothing where no signature of a vendor's counts. */
function trustRows({ docker, nvidiaContainerToolkit, ecsAgent, awsCli }: BuildPlan['target']['trust']): string[] {
  const names = { docker, 'container toolkit': nvidiaContainerToolkit, 'ecs agent': ecsAgent, 'aws cli': awsCli };
  const signers = Object.entries(names).flatMap(([name, key]) =>
    key === null ? [] : [`${name} by ${key.fingerprint.slice(-16)}`],
  );
  return signers.length === 0 ? [] : [row('signed', signers.join(', '))];
}

/** What is installed from elsewhere, each in the version that the digest is over. */
function versionRows({ docker, ecsAgent, userTools, nvidia }: BuildPlan['target']): string[] {
  const agent = ecsAgent.source === 'aws' ? (ecsAgent.package.split('/').at(-1) ?? '') : `${ecsAgent.package}, carried`;
  return [
    row('docker', `${docker.version ?? 'newest'} (${docker.source})`),
    row('ecs agent', agent),
    row('aws cli', `${userTools.awsCli.version ?? 'newest'} (${userTools.awsCli.source})`),
    ...(nvidia === null
      ? []
      : [row('nvidia', `driver ${nvidia.driverVersion}, toolkit ${nvidia.containerToolkitVersion}`)]),
  ];
}

/** Where a released image goes, and to whom; nothing where it stays in its region. */
function releaseRows({ release, region }: BuildPlan): string[] {
  const { regions, verifyCopies, share, deprecateAfterDays, protect } = release;
  const others = Object.values(share).flat();
  return [
    ...(regions.length === 0
      ? []
      : [
          row(
            'regions',
            `${[region, ...regions.map(({ name }) => name)].join(', ')}; copies proven by ${verifyCopies}`,
          ),
        ]),
    ...(others.length === 0 ? [] : [row('shared with', others.join(', '))]),
    ...(deprecateAfterDays === null ? [] : [row('deprecated', `${deprecateAfterDays} days after its release`)]),
    ...(protect ? [row('protected', 'against deregistration')] : []),
  ];
}

/** With its title, where there is anything to say. */
function releaseLines(plan: BuildPlan): string[] {
  const rows = releaseRows(plan);
  return rows.length === 0 ? [] : ['Released by `ecs-host release run`', ...rows];
}

function layerText({ digest, provisioners }: Layer): string {
  return `${digest.slice(0, 12)}: ${provisioners.filter((name) => name !== 'clean' && name !== 'verify').join(', ')}`;
}

/** In the order in which they are tried. */
function placementLines({ placements, considered }: BuildPlan): string[] {
  return [
    'Launched in the first that has room',
    ...placements.map(
      ({ instanceType, zone, subnetId, reason }, at) =>
        `  ${String(at + 1).padStart(2)}. ${instanceType} in ${zone}, ${subnetId} (${reason})`,
    ),
    ...considered.map(({ subnetId, zone, reason }) => `  left: ${subnetId} in ${zone}: ${reason}`),
  ];
}

/**
 * What `ecs-host plan` prints: everything that will happen, in the order in which it does. Pure, and stable enough to
 * diff.
 */
export function planSummary(plan: BuildPlan, estimate: Estimate | null = null): string[] {
  const { network, rootVolume, developerWorkload: workload } = plan;
  const where = plan.endpointUrl === null ? 'AWS' : plan.endpointUrl;
  return [
    `Plan ${plan.planName}`,
    row('profile', plan.profile),
    row('region', `${plan.region} (API: ${plan.apiRegion} at ${where})`),
    row('base image', `${plan.baseImage.id} ${plan.baseImage.name} (owner ${plan.baseImage.ownerId})`),
    row('instance type', `${plan.instanceTypes.join(', else ')}${plan.gpu ? ' (GPU)' : ''}`),
    row(
      'root volume',
      `${rootVolume.sizeGiB} GiB ${rootVolume.type}, encrypted${plan.kmsKey === null ? '' : ` with ${plan.kmsKey}`}`,
    ),
    row('network', `${network.vpcId}, security group ${network.securityGroup.name} (${network.securityGroup.id})`),
    row(
      'access',
      network.transport === 'ssh'
        ? `ssh as ${network.sshUser} from ${network.sshSourceCidrs.join(', ')}`
        : `Session Manager as ${network.sshUser}`,
    ),
    row(
      'instance profile',
      plan.buildInstanceProfile === plan.instanceProfile
        ? plan.instanceProfile
        : `${plan.instanceProfile}, on the build instance ${plan.buildInstanceProfile}`,
    ),
    row('security updates', updatesText(plan)),
    row('node', `${plan.node.version}, carried`),
    ...versionRows(plan.target),
    ...trustRows(plan.target.trust),
    row('workload', `${workloadText(workload)}, app ${workload.app}`),
    'Provisioners, in order',
    ...plan.target.provisioners.map((name, index) => `  ${String(index + 1).padStart(2)}. ${name}`),
    'Image',
    row('name', plan.imageName),
    row('digest', plan.digest),
    row('layers', plan.layers.areWanted ? 'both baked, or the slow one found' : 'baked whole'),
    row('slow layer', layerText(plan.layers.slow)),
    row('fast layer', layerText(plan.layers.fast)),
    ...Object.entries(plan.tags).map(([key, value]) => row('tag', `${key} = ${value}`)),
    row('tag', `${LATER_TAGS}: known after the bake`),
    ...placementLines(plan),
    ...(estimate === null ? [] : estimateRows(estimate).map(([label, text]) => row(label, text))),
    'Created, and removed again',
    // Packer makes a group of its own under Session Manager, too.
    `  bake   key pair, security group${network.transport === 'ssh' ? '' : ' without rules'}, one instance with its volume`,
    `  smoke  key pair, ${network.transport === 'ssh' ? 'security group, ' : ''}ECS cluster, two instances with their volumes`,
    'Created, and kept',
    '  image  one image and its snapshot',
    ...(plan.layers.areWanted ? ['  layer  one image and its snapshot, unless the slow layer is there'] : []),
    ...releaseLines(plan),
    ...(plan.substitutions.length === 0
      ? []
      : [
          'Not from the official source',
          ...plan.substitutions.map((each) => `  ${each.component}: ${each.source} (${each.reason})`),
        ]),
    ...plan.warnings.flatMap((warning) => [`warning: ${warning.message} [${warning.code}]`, `  hint: ${warning.hint}`]),
  ];
}
