import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { userError } from '../io/errors.ts';

/** The SDK clients that the stages use, all for one region and one endpoint. Destroy them when done. */
export type AwsClients = {
  readonly ec2: EC2Client;
  readonly ecs: ECSClient;
  destroy(): void;
};

export type ApiTarget = {
  readonly apiRegion: string;
  /** null means AWS itself. */
  readonly endpointUrl: string | null;
};

export type Credentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

/** The lab takes any key; it must never be handed real ones. */
const LAB_CREDENTIALS: Credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };

/**
 * Looks up credentials once, before the first side effect.
 *
 * @throws EcsHostError `CREDENTIALS_MISSING` (user) when AWS itself is the target and no provider in the SDK's chain has any.
 */
export async function findCredentials(target: ApiTarget): Promise<Credentials> {
  if (target.endpointUrl !== null) return LAB_CREDENTIALS;
  try {
    return await fromNodeProviderChain({ timeout: 1000, maxRetries: 0 })();
  } catch {
    throw userError(
      'CREDENTIALS_MISSING',
      `No AWS credentials were found, and region ${target.apiRegion} is on AWS.`,
      'run `make ami` alone to use the lab, which needs no account; or sign in with `aws configure` or `aws sso login`',
    );
  }
}

export function clientOptions(target: ApiTarget, credentials: Credentials) {
  return {
    region: target.apiRegion,
    credentials,
    maxAttempts: 5,
    ...(target.endpointUrl === null ? {} : { endpoint: target.endpointUrl }),
  };
}

/** Makes the clients for one target; credentials were found before (see `findCredentials`). */
export function createClients(target: ApiTarget, credentials: Credentials): AwsClients {
  const common = clientOptions(target, credentials);
  const ec2 = new EC2Client(common);
  const ecs = new ECSClient(common);
  return {
    ec2,
    ecs,
    destroy: () => {
      ec2.destroy();
      ecs.destroy();
    },
  };
}

/** Environment for Packer and other tools that find credentials by themselves. */
export function credentialsEnvironment(credentials: Credentials): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: credentials.sessionToken }),
  };
}
