import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EBSClient } from '@aws-sdk/client-ebs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SSMClient } from '@aws-sdk/client-ssm';
import { type ApiTarget, type Credentials, clientOptions } from './clients.ts';

/** What only releases and prune ask, in one region: apart from the other clients, so that no other verb loads them. */
export type ReleaseClients = {
  readonly ec2: EC2Client;
  readonly ssm: SSMClient;
  readonly autoScaling: AutoScalingClient;
  /** Blocks of snapshots. */
  readonly ebs: EBSClient;
  /** Which key an alias means. */
  readonly kms: KMSClient;
};

/** Makes the clients; they are destroyed where the `using` ends. */
export function createReleaseClients(target: ApiTarget, credentials: Credentials): ReleaseClients & Disposable {
  const options = clientOptions(target, credentials);
  const clients = {
    ec2: new EC2Client(options),
    ssm: new SSMClient(options),
    autoScaling: new AutoScalingClient(options),
    ebs: new EBSClient(options),
    kms: new KMSClient(options),
  };
  return {
    ...clients,
    [Symbol.dispose]: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
