import { DescribeInstancesCommand, type EC2Client, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { InstanceFacts } from '../../../webserver/confirm.ts';
import { createClients, findCredentials } from '../../aws/clients.ts';
import { isGone } from '../../aws/removal.ts';
import type { Connection } from '../connect.ts';

export type WebserverEc2 = {
  terminate(instanceId: string, region: string): Promise<void>;
  /** What EC2 says of an instance, or null when it does not know it. */
  describe(instanceId: string, region: string): Promise<InstanceFacts | null>;
};

/** What a webserver asks of EC2, in whichever region an instance is. */
export function webserverEc2(connection: Connection): WebserverEc2 {
  const clients = new Map<string, EC2Client>();
  const clientOf = async (region: string): Promise<EC2Client> => {
    const target = { apiRegion: region, endpointUrl: connection.endpointUrl };
    const ec2 = clients.get(region) ?? createClients(target, await findCredentials(target)).ec2;
    clients.set(region, ec2);
    return ec2;
  };
  const describe: WebserverEc2['describe'] = async (instanceId, region) => {
    const ec2 = await clientOf(region);
    const found = await ec2
      .send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }))
      .catch((error: unknown) => {
        if (isGone(error)) return null;
        throw error;
      });
    const instance = found?.Reservations?.[0]?.Instances?.[0];
    if (!instance) return null;
    return { state: instance.State?.Name ?? 'unknown', privateIp: instance.PrivateIpAddress ?? null };
  };
  return {
    describe,
    terminate: async (instanceId, region) => {
      const ec2 = await clientOf(region);
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] })).catch(async (error: unknown) => {
        // EC2 forgets an instance an hour after its end; that one part of it does not know it is no proof of that.
        if (!isGone(error) || (await describe(instanceId, region)) !== null) throw error;
      });
    },
  };
}
