import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';
import { IAMClient } from '@aws-sdk/client-iam';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { STSClient } from '@aws-sdk/client-sts';
import type { AccountClients } from '../../src/aws/account-clients.ts';
import type { AwsClients } from '../../src/aws/clients.ts';
import type { PreflightClients } from '../../src/aws/preflight-clients.ts';

export type Call = { readonly command: string; readonly input: Record<string, unknown> };
export type Taught = Readonly<Record<string, (input: Record<string, never>) => unknown>>;

/** An error as the SDK throws it: the API's code is its name. */
export function apiError(code: string): Error {
  return Object.assign(new Error(`fake: ${code}`), { name: code });
}

/**
 * Clients that answer only what they were taught and record every call. What they are not: they check no parameters,
 * know no eventual consistency, no paging (each answer is the last page) and no throttling. An untaught call throws,
 * and the endpoint behind them does not exist.
 */
export function fakeClients(taught: Taught): {
  clients: AwsClients;
  account: AccountClients;
  preflight: PreflightClients;
  calls: Call[];
} {
  const calls: Call[] = [];
  const options = {
    region: 'us-east-2',
    endpoint: 'http://127.0.0.1:1',
    credentials: { accessKeyId: 'fake', secretAccessKey: 'fake' },
  };
  const send = async (command: { constructor: { name: string }; input: Record<string, unknown> }): Promise<unknown> => {
    const name = command.constructor.name.replace(/Command$/, '');
    calls.push({ command: name, input: command.input });
    const answer = taught[name];
    if (!answer) throw new Error(`the fake was not taught ${name}`);
    return answer(command.input as Record<string, never>);
  };
  const ec2 = new EC2Client(options);
  const ecs = new ECSClient(options);
  const iam = new IAMClient(options);
  const logs = new CloudWatchLogsClient(options);
  const quotas = new ServiceQuotasClient(options);
  const sts = new STSClient(options);
  for (const client of [ec2, ecs, iam, logs, quotas, sts]) Object.assign(client, { send });
  const readSecret = async (): Promise<string> => 'a secret';
  return {
    clients: { ec2, ecs, readSecret, writtenBlocks: async () => [], destroy: () => {} },
    account: { ec2, iam, logs },
    preflight: { iam, quotas, sts },
    calls,
  };
}
