import { GetConsoleOutputCommand } from '@aws-sdk/client-ec2';
import type { AwsClients } from './clients.ts';

/**
 * What an instance printed up to now; without `Latest` EC2 gives what it kept at the last boot, or nothing. Types that
 * are not built on Nitro (g3s, p3) have no latest one, and refuse to be asked.
 */
export async function consoleOf({ ec2 }: Pick<AwsClients, 'ec2'>, instanceId: string): Promise<string> {
  const { Output = '' } = await ec2
    .send(new GetConsoleOutputCommand({ InstanceId: instanceId, Latest: true }))
    .catch(() => ec2.send(new GetConsoleOutputCommand({ InstanceId: instanceId })));
  return Buffer.from(Output, 'base64').toString();
}
