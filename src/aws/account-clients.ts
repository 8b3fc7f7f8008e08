import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { type ApiTarget, type Credentials, clientOptions } from './clients.ts';

/** What only bootstrap asks: apart from the other clients, so that no other verb loads them. */
export type AccountClients = { readonly ec2: EC2Client; readonly iam: IAMClient; readonly logs: CloudWatchLogsClient };

/** Makes the clients; they are destroyed where the `using` ends. */
export function createAccountClients(target: ApiTarget, credentials: Credentials): AccountClients & Disposable {
  const options = clientOptions(target, credentials);
  const clients = {
    ec2: new EC2Client(options),
    iam: new IAMClient(options),
    logs: new CloudWatchLogsClient(options),
  };
  return {
    ...clients,
    [Symbol.dispose]: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
