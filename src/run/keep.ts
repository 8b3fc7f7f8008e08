import { type Instance, paginateDescribeInstances } from '@aws-sdk/client-ec2';
import { reasonOf } from '#contracts/reason.ts';
import type { AwsClients } from '../aws/clients.ts';
import type { RunContext } from '../io/reporter.ts';
import { markKept } from './owner.ts';
import { TAG } from './tags.ts';

/** How a person gets into the instances of a run, and is rid of them. */
export type Access = {
  /** The region as the user named it: for the command that removes what is kept. */
  readonly region: string;
  /** The line that opens a shell on an instance. */
  readonly shellOn: (instance: { readonly instanceId: string; readonly address: string }) => string;
};

function shellOn({ InstanceId: instanceId = '', PublicIpAddress, PrivateIpAddress }: Instance, access: Access): string {
  return access.shellOn({ instanceId, address: PublicIpAddress || PrivateIpAddress || instanceId });
}

async function instancesOf({ ec2 }: AwsClients, runId: string): Promise<Instance[]> {
  const found: Instance[] = [];
  const Filters = [
    { Name: `tag:${TAG.runId}`, Values: [runId] },
    { Name: 'instance-state-name', Values: ['pending', 'running'] },
  ];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client: ec2 }, { Filters }))
    found.push(...Reservations.flatMap(({ Instances = [] }) => Instances));
  return found;
}

/**
 * Leaves the instances of a run, and what belongs to them, for a person to look at (`--keep-on-failure`), and says how.
 * From then on only `ecs-host sweep` removes them; what a bake sweeps by itself leaves them alone.
 *
 * @param stay makes sure that what the instances are in stays up (a lab); null where nobody asked for anything to be
 *   kept
 * @returns false when nothing is kept: nobody asked, Ctrl-C (which is no failure), no instance to look at, or it cannot
 *   be; never throws
 */
export async function keepRun(
  ctx: RunContext,
  clients: AwsClients,
  access: Access,
  stay: (() => Promise<void>) | null,
): Promise<boolean> {
  if (stay === null || ctx.signal.aborted) return false;
  let instances: Instance[];
  try {
    instances = await instancesOf(clients, ctx.runId);
    if (instances.length === 0) return false;
    await stay();
    await markKept(ctx.runId);
  } catch (error) {
    ctx.reporter.emit({ type: 'warning', code: 'KEEP_FAILED', text: `Nothing can be kept: ${reasonOf(error)}` });
    return false;
  }
  for (const instance of instances) {
    ctx.reporter.emit({
      type: 'warning',
      code: 'KEPT',
      text: `Instance ${instance.InstanceId} is kept, and costs until it is removed. A shell on it: ${shellOn(instance, access)}`,
      hint: `\`ecs-host sweep --region ${access.region}\` removes it, with what belongs to it; it ends by itself at the limit of its run, unless \`sudo systemctl stop 'ecs-host-*-deadline.timer'\` there keeps it`,
    });
  }
  return true;
}
