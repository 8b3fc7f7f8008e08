import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';
import { fromIni } from '@aws-sdk/credential-providers';
import { type EcsHostError, userError } from '../io/errors.ts';
import { chainOfSdk, type KeyProvider, type Keys, keysOfLab } from './keys.ts';
import { readSecret, type SecretPlace } from './secrets.ts';

/** The SDK clients that the stages use, all for one region and one endpoint. Destroy them when done. */
export type AwsClients = {
  readonly ec2: EC2Client;
  readonly ecs: ECSClient;
  /** Reads a secret as text. @throws EcsHostError `SECRET_UNREADABLE` (user) */
  readonly readSecret: (place: SecretPlace) => Promise<string>;
  /** Indices of a snapshot's blocks of `BLOCK_BYTES` that were ever written, in order. */
  readonly writtenBlocks: (snapshotId: string) => Promise<readonly number[]>;
  destroy(): void;
};

export type ApiTarget = {
  readonly apiRegion: string;
  /** null means AWS itself. */
  readonly endpointUrl: string | null;
};

/** Imported when needed: only an audit pays for it. */
async function writtenBlocks(
  options: ReturnType<typeof clientOptions>,
  snapshotId: string,
): Promise<readonly number[]> {
  const [{ EBSClient }, { listSnapshotBlocks }] = await Promise.all([
    import('@aws-sdk/client-ebs'),
    import('./snapshot-blocks.ts'),
  ]);
  const ebs = new EBSClient(options);
  try {
    return (await listSnapshotBlocks(ebs, snapshotId)).blocks.map(({ index }) => index);
  } finally {
    ebs.destroy();
  }
}

/** What a client signs with: as a rule what gives it keys, so that they can be others tomorrow. */
export type Credentials = Keys | KeyProvider;

/**
 * Looks for credentials once, before the first side effect. What it returns goes on looking: a run may outlive the keys
 * that it began with.
 *
 * @throws EcsHostError `CREDENTIALS_MISSING` or `CREDENTIALS_UNUSABLE` (user) when AWS itself is the target and no
 *   provider in the SDK's chain has any.
 */
export async function findCredentials(target: ApiTarget): Promise<KeyProvider> {
  if (target.endpointUrl !== null) return keysOfLab(target.endpointUrl);
  try {
    return await chainOfSdk();
  } catch (error) {
    throw await credentialsProblem(target, error);
  }
}

/** What the chain says when none of its providers had a reason of its own. */
const NO_REASON = 'Could not load credentials from any providers';

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().split('\n')[0] ?? '';
}

/** The chain forgets why the profile that somebody chose gave nothing. */
async function whyNoCredentials(error: unknown): Promise<string | null> {
  const reason = reasonOf(error);
  if (reason !== NO_REASON) return reason;
  if ((process.env['AWS_PROFILE'] ?? '') === '') return null;
  return fromIni()().then(() => null, reasonOf);
}

async function credentialsProblem({ apiRegion }: ApiTarget, error: unknown): Promise<EcsHostError> {
  const reason = await whyNoCredentials(error);
  if (reason === null)
    return userError(
      'CREDENTIALS_MISSING',
      `No AWS credentials were found, and region ${apiRegion} is on AWS.`,
      'run `make ami` alone to use the lab, which needs no account; or sign in with `aws configure` or `aws sso login`',
    );
  const profile = process.env['AWS_PROFILE'] ?? '';
  return userError(
    'CREDENTIALS_UNUSABLE',
    `AWS gave no credentials for region ${apiRegion}: ${reason.replace(/\.$/, '')}.`,
    profile === ''
      ? 'sign in again with `aws configure` or `aws sso login`'
      : `AWS_PROFILE is ${profile}; \`aws configure list-profiles\` knows which there are, \`aws configure --profile ${profile}\` makes one`,
  );
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
    readSecret: (place) => readSecret(common, place),
    writtenBlocks: (snapshotId) => writtenBlocks(common, snapshotId),
    destroy: () => {
      ec2.destroy();
      ecs.destroy();
    },
  };
}
